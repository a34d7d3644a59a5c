"""How fast Kobling is, as ratios measured side by side in one run: `make bench`, with `--keep` for the docs too.

Nothing here passes or fails; the aims are printed beside the numbers.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from importlib.metadata import version
from ipaddress import ip_network
from pathlib import Path
from typing import Any, NamedTuple

from fanout import CLINICS, FLOOR, measure
from memory import AsyncNetwork, Network, async_client, client, put_below
from pydantic import TypeAdapter
from server import HEAD
from tiny import CATALOGUE, INSTALLED, connection, in_memory, slot_rows

from kobling import AsyncKobling, Kobling, SlotQuery, UrlPolicy, WireReply
from kobling.drivers.aio import AsyncDriver
from kobling.drivers.sync import SyncDriver
from kobling.strictjson import loads
from kobling_contract.hostile.fuzz import CLINIC, prepared
from kobling_contract.rig import Rig
from kobling_contract.target import find_target
from kobling_extensor.inferred import Behandler, LedigTime, Ping, Time

KEPT = Path(__file__).parents[2] / "docs" / "reference" / "benchmarks.json"
ROUNDS = 15
CALLS = 200
SLOTS = 10_000
SLOT_AIM = 15e-6
HOSTILE = 100
HOSTILE_AIM = 500e-6
PORT = 8000
HOST = f"http://127.0.0.1:{PORT}"
POLICY = UrlPolicy(allowed=(ip_network("127.0.0.0/8"),), ports=frozenset({PORT}), allow_http=True)
ANSWER = HEAD + CATALOGUE
WANTED = {"clinic": "1"}
READ_AS = {
    "identify": ("", TypeAdapter(Ping)),
    "catalogue": ("behandlere", TypeAdapter(list[Behandler] | list[Any])),
    "list_slots": ("ledigetimer", TypeAdapter(list[LedigTime])),
    "book": ("time", TypeAdapter(Time)),
    "get_booking": ("time", TypeAdapter(Time)),
}
"""How the answers of a few operations are read without an SDK."""


class Line(NamedTuple):
    """One row of the table."""

    what: str
    median: str
    against: str
    ratio: str
    aim: str
    met: str


def line(what: str, median: str, against: str, ratio: float, aim: float | None) -> Line:
    """A row; its ratio is held against the aim, if it has one."""
    if aim is None:
        return Line(what, median, against, f"{ratio:.2f}", "", "")
    return Line(what, median, against, f"{ratio:.2f}", f"≤ {aim:.1f}", "yes" if ratio <= aim else "no")


def seconds_each(work: Callable[[], object], calls: int) -> float:
    """Seconds of one call, over so many."""
    started = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - started) / calls


def side_by_side(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of both, taken in turns, and the median of their ratios."""
    ours(), theirs()
    return medians([(ours(), theirs()) for _ in range(ROUNDS)])


def medians(pairs: list[tuple[float, float]]) -> tuple[float, float, float]:
    """Of ours, of theirs, and of their ratios."""
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(mine / other for mine, other in pairs),
    )


def catalogue_sync() -> Line:
    """A catalogue of five rows: a whole session call against a bare GET and parse, over the same network in memory."""
    driver = SyncDriver(policy=POLICY)
    put_below(driver, Network(ANSWER))
    with Kobling(adapters=INSTALLED, policy=POLICY, driver=driver) as kobling, client(Network(ANSWER)) as bare:
        session = kobling.session(connection(address=HOST))
        memory = session._state().kept

        def ours() -> object:
            memory.clear()  # what a session remembers for five minutes: clinic and catalogue are asked for again
            return session.catalogue()

        def theirs() -> object:
            return bare.get(f"{HOST}/catalogue", params=WANTED).json()

        mine, other, ratio = side_by_side(lambda: seconds_each(ours, CALLS), lambda: seconds_each(theirs, CALLS))
    return line("catalogue of 5 rows, sync", us(mine), f"httpx.Client {us(other)}", ratio, 1.0)


def catalogue_async() -> Line:
    """The same through `AsyncSession` and `httpx.AsyncClient`."""

    async def each(work: Callable[[], Awaitable[object]]) -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            await work()
        return (time.perf_counter() - started) / CALLS

    async def both() -> tuple[float, float, float]:
        driver = AsyncDriver(policy=POLICY)
        put_below(driver, AsyncNetwork(ANSWER))
        async with (
            AsyncKobling(adapters=INSTALLED, policy=POLICY, driver=driver) as kobling,
            async_client(AsyncNetwork(ANSWER)) as bare,
        ):
            session = kobling.session(connection(address=HOST))
            memory = session._state().kept

            async def ours() -> object:
                memory.clear()
                return await session.catalogue()

            async def theirs() -> object:
                return (await bare.get(f"{HOST}/catalogue", params=WANTED)).json()

            await each(ours), await each(theirs)
            return medians([(await each(ours), await each(theirs)) for _ in range(ROUNDS)])

    mine, other, ratio = asyncio.run(both())
    return line("catalogue of 5 rows, async", us(mine), f"httpx.AsyncClient {us(other)}", ratio, 1.0)


def slots() -> Line:
    """10 000 rows from parsed JSON to ordered, checked, stamped slots."""
    body = slot_rows(SLOTS)
    query = SlotQuery(first_day=date(2026, 12, 1), last_day=date(2027, 1, 31))
    with Kobling(adapters=INSTALLED, exchange=in_memory({"/catalogue": CATALOGUE, "/slots": body})) as kobling:
        session = kobling.session(connection())
        if len(session.slots(query).found) != SLOTS:
            raise RuntimeError("the benchmark lost slots")
        whole = statistics.median(seconds_each(lambda: session.slots(query), 1) for _ in range(7))
    parsing = statistics.median(seconds_each(lambda: loads(body, "application/json"), 1) for _ in range(7))
    each = (whole - parsing) / SLOTS
    return line(
        "10 000 slots, each", us(each), f"JSON alone {us(parsing / SLOTS)}", whole / parsing - 1, None
    )._replace(aim=f"≤ {SLOT_AIM * 1e6:.0f} µs", met="yes" if each <= SLOT_AIM else "no")


def hostile() -> Line:
    """Changed answers through a whole session, against json.loads and the adapter's own models on the same answers."""
    rig = Rig(find_target("extensor"), "sync", CLINIC, 1)
    fuzzer = prepared(rig, 1)
    numbers = {name: range(HOSTILE) for name in fuzzer.recording.operations}
    bodies = [
        (one.operation, one.answer.body)
        for script in fuzzer.recording.scripts.values()
        for one in script.exchanges
        if isinstance(one.answer, WireReply) and one.operation in READ_AS
    ]

    def bare() -> float:
        begun = time.process_time()
        for operation, body in bodies * 20:
            pointer, reader = READ_AS[operation]
            data = json.loads(body)
            reader.validate_python(data[pointer] if pointer in data else next(iter(data.values())) if pointer else data)
        return (time.process_time() - begun) / len(bodies) / 20

    def ours() -> float:
        begun = time.process_time()
        report = fuzzer.run(numbers)
        return (time.process_time() - begun) / report.answers

    mine, other, ratio = side_by_side(ours, bare)
    return line("changed answer, whole session", us(mine), f"json.loads + pydantic {us(other)}", ratio, None)._replace(
        aim=f"≤ {HOSTILE_AIM * 1e6:.0f} µs", met="yes" if mine <= HOSTILE_AIM else "no"
    )


def fan_out(hosts: int, what: str, *, fewer_collections: bool = False) -> Line:
    """A thousand clinics at once, answers after 100 ms. fewer_collections: with the garbage collector set as an
    application of this kind may set it, which a library never does for it."""
    before = gc.get_threshold()
    if fewer_collections:
        gc.set_threshold(20_000, 20, 20)
        what += ", gc 20000"
    try:
        found = measure(hosts)
    finally:
        gc.set_threshold(*before)
    row = line(
        f"{CLINICS} clinics on {what}",
        f"{found.warm:.2f} s, cold {found.cold:.2f} s, {found.errors} errors",
        f"floor {FLOOR:.1f} s",
        found.warm / FLOOR,
        6.0,
    )
    return row if found.errors == 0 else row._replace(met="no")


def imports() -> Line:
    """The time to import kobling against httpx plus pydantic, each in fresh processes, bare Python taken off."""

    def median_of(code: str) -> float:
        return statistics.median(
            seconds_each(lambda: subprocess.run([sys.executable, "-c", code], check=True), 1) for _ in range(7)
        )

    bare, ours, theirs = median_of("pass"), median_of("import kobling"), median_of("import httpx, pydantic")
    mine, other = ours - bare, theirs - bare
    return line("import kobling", f"{mine * 1e3:.0f} ms", f"httpx + pydantic {other * 1e3:.0f} ms", mine / other, None)


def us(seconds: float) -> str:
    """Seconds as microseconds."""
    return f"{seconds * 1e6:.1f} µs"


def main() -> None:
    """Measure everything and print the table."""
    table = [Line("what", "median", "against", "ratio", "aim", "met")]
    for part in (
        catalogue_sync,
        catalogue_async,
        slots,
        hostile,
        lambda: fan_out(CLINICS, "1000 addresses"),
        lambda: fan_out(1, "one host"),
        lambda: fan_out(CLINICS, "1000 addresses", fewer_collections=True),
        lambda: fan_out(1, "one host", fewer_collections=True),
        imports,
    ):
        gc.collect()
        table.append(part())
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    if "--keep" in sys.argv[1:]:
        told = {"measured": conditions(), "lines": [row._asdict() for row in table[1:]]}
        KEPT.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")


def conditions() -> dict[str, str]:
    """On what it was measured, and how busy that was."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d}",
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, a load of {os.getloadavg()[1]:.1f}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, httpx {version('httpx')}",
    }


if __name__ == "__main__":
    main()
