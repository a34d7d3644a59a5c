"""The two nights as the adapter finds them in this process; started by a rule with another TZ in its environment.

    TZ=Asia/Kolkata python -m kobling_contract.elsewhere module:Class SEED

Prints JSON: for each night the times as [timebook, type, start in UTC], the problems, and how many calls were made; or
{"error": …} where the adapter failed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC
from importlib import import_module
from operator import attrgetter
from typing import Any

from kobling import Adapter, KoblingError, SlotQuery

from .clinics import AUTUMN_NIGHT, SPRING_NIGHT, ClinicName
from .rig import Rig
from .rules.slots import night_days
from .sides import Escaped
from .target import find_target


def main(adapter_path: str, seed: int) -> None:
    """Print what the adapter finds on both nights."""
    module, _, name = adapter_path.partition(":")
    adapter: type[Adapter] = attrgetter(name)(import_module(module))
    told: dict[str, Any] = {}
    try:
        told["autumn"] = asyncio.run(_read(adapter, seed, "autumn", night_days(AUTUMN_NIGHT)))
        told["spring"] = asyncio.run(_read(adapter, seed, "spring", night_days(SPRING_NIGHT)))
    except (KoblingError, Escaped) as error:
        told["error"] = str(error)
    sys.stdout.write(json.dumps(told))


async def _read(adapter: type[Adapter], seed: int, world: ClinicName, query: SlotQuery) -> dict[str, Any]:
    rig = Rig(find_target(adapter.key, adapter), "async", world, seed)
    try:
        answer = await rig.connect(department_id="").slots(query)
        return {
            "times": [
                [slot.practitioner_id, slot.service_id, slot.start.astimezone(UTC).isoformat()] for slot in answer.found
            ],
            "problems": [problem.because for problem in answer.problems],
            "calls": len(rig.world.journal),
        }
    finally:
        await rig.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
