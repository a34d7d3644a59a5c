"""What a vendor's wire may be silent about: what each word of `Dialect.untold` means, and what follows from `fit`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from .clinic import ALL_PATIENTS, Clinic, Restrictions, demo_clinic

if TYPE_CHECKING:
    from .dialect import Dialect

__all__ = ["FACTS", "Fact", "FactMeaning", "can_hold", "silent_about"]

Fact = Literal[
    "rates",
    "rate_codes",
    "patient_lists",
    "owner_kinds",
    "professions",
    "lengths",
    "mediums",
    "type_kinds",
    "rules",
    "online",
    "departments",
    "booking_limits",
    "patient_limits",
    "cancel_limits",
    "claims",
    "second_halves",
]
"""A word of `Dialect.untold`: something that a clinic of the model may hold. `FACTS` says what each means."""


@dataclass(frozen=True)
class FactMeaning:
    """What a clinic of the model holds under a word of `untold`, and what the suite does where the wire is silent about
    it. `held` finds it in a clinic, for those things that `fit` may take out."""

    what: str
    then: str
    held: Callable[[Clinic], bool] | None = None


def _restrictions(clinic: Clinic) -> Iterator[Restrictions]:
    yield clinic.restrictions
    yield from (one.restrictions for one in clinic.timebooks)
    yield from (one.restrictions for one in clinic.types)


FACTS: Mapping[Fact, FactMeaning] = {
    "rates": FactMeaning(
        "The insurers' rates of a type in a timebook.", "The registry's own table of rates is used instead."
    ),
    "rate_codes": FactMeaning(
        "By which rates the insurers pay for a type; whether one of them pays at all is told.",
        "What no insurer pays is offered to none of their customers; the rest is, by the registry's own table.",
    ),
    "patient_lists": FactMeaning(
        "Which types are kept to a list of patients.",
        "Nobody is expected to tell such a type from one for everybody.",
        lambda clinic: any(rule.patients != ALL_PATIENTS for kind in clinic.types for rule in kind.rules),
    ),
    "owner_kinds": FactMeaning(
        "Whether a timebook is a person's, a group's or a department's.",
        "Nobody is expected to tell a group's timebook from a person's.",
        lambda clinic: any(one.owner_kind != "person" for one in clinic.timebooks),
    ),
    "professions": FactMeaning(
        "A practitioner's profession, and their number in the register of health personnel.",
        "Neither is compared with the clinic's.",
    ),
    "lengths": FactMeaning("How many minutes a type takes.", "A service may be shown without a length."),
    "mediums": FactMeaning(
        "Whether a patient comes in person, or is met by video or telephone.", "The adapter may say nothing of it."
    ),
    "type_kinds": FactMeaning(
        "Which types are for the clinic's own use (hidden), and which for groups.",
        "Nobody is expected to tell them from ordinary types.",
        lambda clinic: any(one.kind != "ordinary" for one in clinic.types),
    ),
    "rules": FactMeaning(
        "Which timebooks offer which types.", "Who offers what is not compared with the clinic's set-up."
    ),
    "online": FactMeaning(
        "What is open for booking online, and what is not.",
        "A calendar or a type that is not online counts as offered.",
    ),
    "departments": FactMeaning(
        "The clinic's departments, and the visiting addresses of its types.",
        "No slot is expected to name a department.",
    ),
    "booking_limits": FactMeaning(
        "How long before its start a time can be booked, as the clinic has set it.",
        "No time is expected to be hidden for being near.",
        lambda clinic: any(one.booking_deadline_hours for one in _restrictions(clinic)),
    ),
    "patient_limits": FactMeaning(
        "How many bookings a patient may have at once.",
        "No refusal for too many is asked for.",
        lambda clinic: any(one.max_bookings is not None for one in _restrictions(clinic)),
    ),
    "cancel_limits": FactMeaning(
        "Until when a patient may cancel, and whether at all.",
        "A booking without `change_by`, and a cancellation that comes late and is taken, are no faults.",
        lambda clinic: any(
            one.cancel_allowed is False or one.cancel_deadline_hours is not None for one in _restrictions(clinic)
        ),
    ),
    "claims": FactMeaning(
        "The claim that the clinic's system makes on the insurer from the SakID in a booking's note.",
        "No claim is looked for; the SakID must reach the clinic all the same.",
    ),
    "second_halves": FactMeaning(
        "The times of the second of two equal hours, in the night in which the clock goes back.",
        "Only the first of two times with the same clock is expected; leave the second out of the mock's answers.",
    ),
}
"""Every word of `untold`."""


@lru_cache(maxsize=32)
def silent_about(dialect: Dialect) -> frozenset[Fact]:
    """What nobody can be expected to know from this vendor's wire: `untold`, and what `fit` takes out of a clinic that
    had it."""
    clinic = demo_clinic()
    clinic.set_restrictions(Restrictions(booking_deadline_hours=2, max_bookings=2, cancel_deadline_hours=24))
    before = _held(clinic)
    dialect.fit(clinic)
    return dialect.untold | (before - _held(clinic))


@lru_cache(maxsize=32)
def can_hold(dialect: Dialect, restrictions: Restrictions) -> bool:
    """Whether this vendor's system knows such a restriction: `fit` leaves what is set of it in a clinic."""
    clinic = demo_clinic()
    clinic.set_restrictions(restrictions)
    dialect.fit(clinic)
    kept = asdict(clinic.restrictions)
    return all(kept[name] == value for name, value in asdict(restrictions).items() if value is not None)


def _held(clinic: Clinic) -> frozenset[Fact]:
    return frozenset(name for name, one in FACTS.items() if one.held is not None and one.held(clinic))
