"""What several faulty adapters do to a good answer on its way to the caller."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from kobling import Booking, Catalogue, KoblingError, Practitioner, PublicConnection, Response, Service, Slot, Slots

__all__ = [
    "Memory",
    "SharedMemory",
    "data_of",
    "kept",
    "told_as",
    "with_offers",
    "with_people",
    "with_services",
    "with_slots",
]

T = TypeVar("T")


def with_slots(answer: Slots, **changes: Callable[[Slot], Any]) -> Slots:
    """Every slot with some fields computed anew."""
    return answer.model_copy(update={"found": tuple(_changed(one, changes) for one in answer.found)})


def kept(answer: Slots, wanted: Callable[[Slot], bool]) -> Slots:
    """Only some of the slots, and no word about the others."""
    return answer.model_copy(update={"found": tuple(slot for slot in answer.found if wanted(slot))})


def with_offers(catalogue: Catalogue, **changes: Callable[[Any], Any]) -> Catalogue:
    """Every offer with some fields computed anew."""
    offers = catalogue.offers if isinstance(catalogue.offers, tuple) else ()
    return catalogue.model_copy(update={"offers": tuple(_changed(one, changes) for one in offers)})


def with_people(catalogue: Catalogue, **changes: Callable[[Practitioner], Any]) -> Catalogue:
    """Every practitioner with some fields computed anew."""
    return catalogue.model_copy(
        update={"practitioners": tuple(_changed(one, changes) for one in catalogue.practitioners)}
    )


def with_services(catalogue: Catalogue, **changes: Callable[[Service], Any]) -> Catalogue:
    """Every service with some fields computed anew."""
    return catalogue.model_copy(update={"services": tuple(_changed(one, changes) for one in catalogue.services)})


def _changed(one: Any, changes: dict[str, Callable[[Any], Any]]) -> Any:
    return one.model_copy(update={name: make(one) for name, make in changes.items()})


def data_of(reply: Response) -> Any:
    """The parsed answer, None when it is no JSON."""
    try:
        return reply.data
    except KoblingError:
        return None


def told_as(booking: Booking, **changes: Any) -> Booking:
    """A booking with other facts than were read."""
    return booking.model_copy(update=changes)


class Memory:
    """What the adapters of one process remember from one call to the next, for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._for = timedelta(seconds=seconds)
        self._kept: dict[int, tuple[PublicConnection, dict[Hashable, tuple[datetime, Any]]]] = {}

    def keep(self, connection: PublicConnection, what: Hashable, value: T, now: datetime) -> T:
        """Remember a value, and return it."""
        self._of(connection)[what] = (now, value)
        return value

    def recall(self, connection: PublicConnection, what: Hashable, now: datetime) -> Any:
        """The value, None where nothing is remembered."""
        at, value = self._of(connection).get(what, (now, None))
        return value if now - at <= self._for else None

    def forget(self, connection: PublicConnection) -> None:
        """Remember nothing any more."""
        self._of(connection).clear()

    def _of(self, connection: PublicConnection) -> dict[Hashable, tuple[datetime, Any]]:
        """One object of a connection is one session of one process; its number is kept from others while it is here."""
        return self._kept.setdefault(id(connection), (connection, {}))[1]


class SharedMemory(Memory):
    """A memory that all processes share, as in a database. Where the clock shows a much earlier time than an entry's,
    it is another world."""

    def recall(self, connection: PublicConnection, what: Hashable, now: datetime) -> Any:
        """The value, None where nothing is remembered."""
        if any(at > now + timedelta(minutes=1) for at, _ in self._of(connection).values()):
            self.forget(connection)
        return super().recall(connection, what, now)

    def _of(self, connection: PublicConnection) -> dict[Hashable, tuple[datetime, Any]]:
        return self._kept.setdefault(0, (connection, {}))[1]
