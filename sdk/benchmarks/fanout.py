"""A thousand clinics asked at once, on a thousand loopback addresses and on one host."""

from __future__ import annotations

import asyncio
import resource
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple

from tiny import INSTALLED, connection

from kobling import AsyncKobling, KoblingError, UrlPolicy
from kobling.drivers.aio import AsyncDriver

CLINICS = 1000
ROUNDS = 3
FLOOR = 0.1


class FanOut(NamedTuple):
    """Seconds of the first round, the median of the warm ones, and how many calls failed in all."""

    cold: float
    warm: float
    errors: int


def addresses(hosts: int) -> list[str]:
    """So many addresses in 127.0.0.0/8."""
    return [f"127.77.{number // 250}.{number % 250 + 1}" for number in range(hosts)]


@contextmanager
def vendors(hosts: list[str]) -> Iterator[int]:
    """The servers, in a second process; gives their port."""
    with socket.socket() as probe:
        probe.bind((hosts[0], 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(port), *hosts]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None or process.stdout.readline().strip() != "ready":
            raise RuntimeError("the benchmark's servers did not start")
        yield port
        process.communicate("")


async def asked(hosts: list[str], port: int) -> FanOut:
    """Ask every clinic for its catalogue, round after round."""
    policy = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({port}), allow_http=True)
    clinics = [connection(number, f"http://{hosts[number % len(hosts)]}:{port}") for number in range(CLINICS)]
    driver = AsyncDriver(policy=policy, max_channels=2 * CLINICS)
    async with AsyncKobling(adapters=INSTALLED, policy=policy, driver=driver) as kobling:
        times: list[float] = []
        errors = 0
        for _ in range(1 + ROUNDS):
            started = time.perf_counter()
            found = await asyncio.gather(*(kobling.session(one).catalogue() for one in clinics), return_exceptions=True)
            times.append(time.perf_counter() - started)
            errors += sum(isinstance(one, KoblingError) for one in found)
            for one in found:
                if isinstance(one, BaseException) and not isinstance(one, KoblingError):
                    raise one
    return FanOut(times[0], statistics.median(times[1:]), errors)


def measure(hosts: int) -> FanOut:
    """One fan-out over so many hosts."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    names = addresses(hosts)
    with vendors(names) as port:
        return asyncio.run(asked(names, port))
