"""The two nights as the adapter finds them under other host time zones; started by a rule.

    python -m kobling_contract.elsewhere module:Class SEED Pacific/Kiritimati Asia/Kathmandu …

Prints JSON: for each zone and night the times as [timebook, type, start in UTC], the problems, how many calls were
made, and what became of some bookings; or {"error": …} where the adapter failed.

The suite and the mocks are imported once. Then there is a process for each zone, forked before anything of the adapter
was imported, so that what the adapter asks the host while it is imported is asked in that zone too.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, date
from importlib import import_module
from operator import attrgetter
from typing import Any

from kobling import Adapter, KoblingError, Slot
from kobling.adapter import unkept

from .clinics import AUTUMN_NIGHT, SPRING_NIGHT, ClinicName
from .rig import Rig
from .rules.slots import night_days
from .sides import Escaped, Side
from .target import find_target

NIGHTS: tuple[tuple[ClinicName, date], ...] = (("autumn", AUTUMN_NIGHT), ("spring", SPRING_NIGHT))
BOOKED = 3
"""Times of a night that are booked and read back: the first, the last, and one between."""


def main(adapter_path: str, seed: int, zones: Iterable[str]) -> None:
    """Print what the adapter finds and books under each zone."""
    under_way = {zone: _begin(adapter_path, seed, zone) for zone in zones}
    told = {}
    for zone, (process, reading) in under_way.items():
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read()
        os.waitpid(process, 0)
        told[zone] = json.loads(answer) if answer else {"broke": "the process ended without an answer"}
    sys.stdout.write(json.dumps(told))


def _begin(adapter_path: str, seed: int, zone: str) -> tuple[int, int]:
    """A process under a zone, and the pipe on which it answers."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    try:
        os.environ["TZ"] = zone
        time.tzset()
        answer = json.dumps(_look(adapter_path, seed))
        with os.fdopen(writing, "w") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)


def _look(adapter_path: str, seed: int) -> dict[str, Any]:
    try:
        module, _, name = adapter_path.partition(":")
        adapter: type[Adapter] = attrgetter(name)(import_module(module))
        return {world: asyncio.run(_night(adapter, seed, world, night)) for world, night in NIGHTS}
    except (KoblingError, Escaped) as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001 - told to the rule, which ends in an error of the suite
        return {"broke": f"{type(error).__name__}: {error}"}


async def _night(adapter: type[Adapter], seed: int, world: ClinicName, night: date) -> dict[str, Any]:
    rig = Rig(find_target(adapter.key, adapter), "async", world, seed)
    try:
        query = night_days(night)
        side = rig.whole()
        answer = await side.slots(query)
        known = rig.shown.known(answer.found, query.first_day, query.last_day)
        at_night = [one for one in known if one.local_start.date() == night and one.local_start.hour < 5]
        books = "book" in adapter.supports and not unkept(adapter)
        chosen = at_night[:: max(1, (len(at_night) - 1) // (BOOKED - 1))][:BOOKED] if books else ()
        return {
            "times": [[one.practitioner_id, one.service_id, _utc(one)] for one in answer.found],
            "problems": [problem.because for problem in answer.problems],
            "bookings": [await _booked(rig, side, slot) for slot in chosen if rig.open_time(slot) is not None],
            "calls": len(rig.world.journal),
        }
    finally:
        await rig.close()
        if rig.mock_failures:
            raise RuntimeError("; ".join(rig.mock_failures))


async def _booked(rig: Rig, side: Side, slot: Slot) -> dict[str, Any]:
    """What became of a booking: the slot's start, the starts that stand at the clinic, and what the session told."""
    before = rig.appointments()
    told: list[str] = []
    error = ""
    try:
        booking = await side.book(rig.request(slot))
        read = await side.get(booking.ref) if "get_booking" in rig.adapter.supports else None
        told = [one.start.astimezone(UTC).isoformat() for one in (booking, read) if one is not None and one.start]
    except (KoblingError, Escaped) as problem:
        error = str(problem)
    stands = [one.start.isoformat() for one in rig.made_since(before)]
    return {"slot": _utc(slot), "stands": stands, "told": told, "error": error}


def _utc(slot: Slot) -> str:
    return slot.start.astimezone(UTC).isoformat()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
