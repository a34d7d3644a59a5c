"""How fast Kobling is, as ratios measured side by side in one run: `make bench`.

Nothing here passes or fails; the aims are printed beside the numbers.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from typing import NamedTuple

import httpx
from fanout import CLINICS, FLOOR, measure
from tiny import CATALOGUE, INSTALLED, connection, in_memory, slot_rows

from kobling import AsyncKobling, Kobling, SlotQuery, WireReply, WireRequest
from kobling.strictjson import loads
from kobling.testing import ManualClock

ROUNDS = 15
CALLS = 200
SLOTS = 10_000
ADDRESS = "https://tiny.example/catalogue"


class Line(NamedTuple):
    """One row of the table."""

    what: str
    ours: str
    against: str
    ratio: str
    aim: str


def seconds_each(work: Callable[[], object], calls: int) -> float:
    """Seconds of one call, over so many."""
    started = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - started) / calls


def side_by_side(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float, float]:
    """Medians of both, taken in turns, and the median of their ratios."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(ROUNDS)]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(mine / other for mine, other in pairs),
    )


class _InMemory(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The same answers for httpx's own clients."""

    def __init__(self, exchange: Callable[[WireRequest], WireReply]) -> None:
        self._exchange = exchange

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._exchange(WireRequest(request.method, str(request.url)))
        return httpx.Response(reply.status, headers=list(reply.headers), content=reply.body)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.handle_request(request)


def catalogue_sync() -> Line:
    """A catalogue of five rows: whole session call against a bare GET and parse, from the same memory."""
    exchange = in_memory({"/catalogue": CATALOGUE})
    clock = ManualClock()
    with (
        Kobling(adapters=INSTALLED, exchange=exchange, clock=clock) as kobling,
        httpx.Client(transport=_InMemory(exchange)) as client,
    ):
        session = kobling.session(connection())

        def ours() -> object:
            clock.advance(1000)  # past every memory: the catalogue is read, checked and built each time
            return session.catalogue()

        mine, other, ratio = side_by_side(
            lambda: seconds_each(ours, CALLS), lambda: seconds_each(lambda: client.get(ADDRESS).json(), CALLS)
        )
    return Line("catalogue of 5 rows, sync", us(mine), f"httpx.Client {us(other)}", f"{ratio:.2f}", "≤ 1.0")


def catalogue_async() -> Line:
    """The same through `AsyncSession` and `httpx.AsyncClient`."""
    exchange = in_memory({"/catalogue": CATALOGUE})

    async def each(work: Callable[[], Awaitable[object]]) -> float:
        started = time.perf_counter()
        for _ in range(CALLS):
            await work()
        return (time.perf_counter() - started) / CALLS

    async def both() -> tuple[float, float, float]:
        clock = ManualClock()
        async with (
            AsyncKobling(adapters=INSTALLED, exchange=exchange, clock=clock) as kobling,
            httpx.AsyncClient(transport=_InMemory(exchange)) as client,
        ):
            session = kobling.session(connection())

            async def ours() -> object:
                clock.advance(1000)
                return await session.catalogue()

            async def theirs() -> object:
                return (await client.get(ADDRESS)).json()

            await each(ours), await each(theirs)
            pairs = [(await each(ours), await each(theirs)) for _ in range(ROUNDS)]
        return (
            statistics.median(mine for mine, _ in pairs),
            statistics.median(other for _, other in pairs),
            statistics.median(mine / other for mine, other in pairs),
        )

    mine, other, ratio = asyncio.run(both())
    return Line("catalogue of 5 rows, async", us(mine), f"httpx.AsyncClient {us(other)}", f"{ratio:.2f}", "≤ 1.0")


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
    return Line(
        "10 000 slots, each", us(each), f"JSON alone {us(parsing / SLOTS)}", f"{each * 1e6 / 15:.2f}", "≤ 15 µs"
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
    return Line(
        f"{CLINICS} clinics on {what}",
        f"{found.warm:.2f} s warm, {found.cold:.2f} s cold, {found.errors} errors",
        f"floor {FLOOR:.1f} s",
        f"{found.warm / FLOOR:.1f}",
        "≤ 6",
    )


def imports() -> Line:
    """The time to import kobling against httpx plus pydantic, each in fresh processes, bare Python taken off."""

    def median_of(code: str) -> float:
        return statistics.median(
            seconds_each(lambda: subprocess.run([sys.executable, "-c", code], check=True), 1) for _ in range(7)
        )

    bare, ours, theirs = median_of("pass"), median_of("import kobling"), median_of("import httpx, pydantic")
    mine, other = ours - bare, theirs - bare
    return Line(
        "import kobling", f"{mine * 1e3:.0f} ms", f"httpx + pydantic {other * 1e3:.0f} ms", f"{mine / other:.2f}", ""
    )


def us(seconds: float) -> str:
    """Seconds as microseconds."""
    return f"{seconds * 1e6:.1f} µs"


def main() -> None:
    """Measure everything and print the table."""
    table = [Line("what", "ours", "against", "ratio", "aim")]
    for part in (
        catalogue_sync,
        catalogue_async,
        slots,
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


if __name__ == "__main__":
    main()
