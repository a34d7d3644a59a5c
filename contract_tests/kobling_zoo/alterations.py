"""What several faulty adapters do to a good answer on its way to the caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kobling import Booking, Catalogue, KoblingError, Practitioner, Response, Service, Slot, Slots

__all__ = ["data_of", "kept", "told_as", "with_offers", "with_people", "with_services", "with_slots"]


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
