"""How a patient caller meets an adapter's own stated limit: it waits, in the clinic's time, and asks for the rest.

Only `Limits.rate` is waited for, which the SDK keeps before a call is sent. A vendor that refuses a call itself was
asked too often, whatever the adapter states: that is never waited away.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from kobling import Adapter, KoblingError, RateLimited, SlotQuery, Slots, UnknownPart, VendorTimeout
from kobling.errormap import judge
from kobling.http import Response

from .everywhere import one_answer

__all__ = ["Patience", "refuses"]

MOST_WAITS: Final = 30
"""Whoever is not served by then is not slow."""
OWN_LIMIT: Final = ("own_budget", "no_time_left_to_write")
"""Why a call was not sent that waits for its turn: its turn is too far away, or came too late for a write."""
ASKED_AGAIN: Final = frozenset(
    {"clinic", "catalogue", "slots", "verify", "get", "bookings", "explain", "book", "cancel"}
)

Ask: TypeAlias = "Callable[..., Awaitable[Any]]"


@dataclass(frozen=True)
class Patience:
    """A caller's patience with one adapter. sleep: lets the clinic's time pass. watch: begins to look, and tells later
    whether the vendor itself refused a call since."""

    per: float
    sleep: Callable[[float], Awaitable[None]]
    watch: Callable[[], Callable[[], bool]]

    async def asked(self, ask: Ask, operation: str, *arguments: Any, **options: Any) -> Any:
        """The answer to a call, once the adapter's own limit lets it through; its error where something else did not.
        A call with a hook of the caller's is made once."""
        if operation not in ASKED_AGAIN or options.get("before_write") is not None:
            return await ask(operation, *arguments, **options)
        refused = self.watch()
        for left in range(MOST_WAITS, -1, -1):
            try:
                answer = await ask(operation, *arguments, **options)
            except (RateLimited, VendorTimeout) as limit:
                if not left or limit.effect != "none" or limit.because not in OWN_LIMIT or refused():
                    raise
                await self.sleep(limit.retry_after or self.per)
                continue
            return await self._whole(ask, answer, arguments[0], refused) if operation == "slots" else answer
        raise AssertionError

    async def _whole(self, ask: Ask, answer: Slots, query: SlotQuery, refused: Callable[[], bool]) -> Slots:
        """The answer, with those parts asked for anew that the limit left unknown."""
        for _ in range(MOST_WAITS):
            left = [one for one in answer.unknown if one.because == RateLimited.code]
            if not left or refused():
                break
            await self.sleep(self.per)
            known = answer.model_copy(update={"unknown": tuple(one for one in answer.unknown if one not in left)})
            answer = one_answer([known, *[await self._part(ask, one, query) for one in left]], query.at_most)
        return answer

    async def _part(self, ask: Ask, part: UnknownPart, query: SlotQuery) -> Slots:
        narrow: dict[str, Any] = {"first_day": part.first_day, "last_day": part.last_day}
        narrow |= {"practitioner_ids": (part.practitioner_id,)} if part.practitioner_id is not None else {}
        narrow |= {"service_ids": (part.service_id,)} if part.service_id is not None else {}
        try:
            found: Slots = await ask("slots", query.model_copy(update=narrow))
        except KoblingError as error:
            if not (isinstance(error, RateLimited) and error.because == "own_budget"):
                raise
            return Slots(unknown=(part,))
        return found


def refuses(adapter: type[Adapter], status: int, response: Response, url: str) -> bool:
    """Whether an answer says, by the adapter's own table, that the vendor was asked too often."""
    if status == 429:
        return True
    said = judge(
        response,
        table=adapter.errors,
        operation="list_slots",
        write=False,
        expect=frozenset(),
        typed_host=False,
        url=url,
        typed_url="",
    )
    return isinstance(said, RateLimited)
