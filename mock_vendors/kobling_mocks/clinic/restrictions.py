"""Restrictions on online booking and which level wins.

Source: the vendor's help article on restrictions (help.patientsky.com, "Regler for restriksjoner"), read 2026-11-22.

===========================  ======================  ====================================================  ==========
setting                      levels                  which wins                                            known
===========================  ======================  ====================================================  ==========
online                       clinic, timebook, type  offline beats online; the clinic level is ours        see below
max_bookings                 clinic, timebook, type  the lowest number                                     documented
days_ahead                   clinic, timebook, type  the type's own, else the timebook's, else the clinic  documented
booking_deadline_hours       clinic, timebook, type  the type's own, else the timebook's, else the clinic  documented
cancel_allowed               clinic, timebook, type  the type's own, else the timebook's, else the clinic  documented
cancel_deadline_hours        clinic, timebook, type  the type's own, else the timebook's, else the clinic  documented
first_free_slot_only         clinic, timebook, type  the type's own, else the timebook's, else the clinic  inferred
===========================  ======================  ====================================================  ==========

Documented: an offline timebook beats an online type; the lowest number of bookings wins; for the other settings the
type's own value, and the timebook's where the type is not customised.
Inferred: the last step, from an uncustomised timebook to the clinic; that the clinic can be offline as a whole; that
each level's number of bookings is counted within that level (in the clinic, in the timebook, of the type), which
gives the documented result wherever all bookings are of one type in one timebook; the defaults where no level says
anything (no limit, cancelling allowed until the start, every free slot shown).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

from .setup import AppointmentType, Restrictions, Timebook

__all__ = ["EffectiveRestrictions", "Level", "effective"]

Level = Literal["type", "timebook", "clinic"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class EffectiveRestrictions:
    """What applies to one type in one timebook. None means no limit; hours are before the start."""

    online: bool
    offline_at: Level | None
    max_bookings: int | None
    days_ahead: int | None
    booking_deadline_hours: int
    cancel_allowed: bool
    cancel_deadline_hours: int
    first_free_slot_only: bool


def _nearest(default: _T, *levels: _T | None) -> _T:
    return next((value for value in levels if value is not None), default)


def effective(
    clinic: Restrictions, timebook: Timebook, appointment_type: AppointmentType, *, clinic_online: bool = True
) -> EffectiveRestrictions:
    """Combine the three levels by the table at the top of this module."""
    own, book = appointment_type.restrictions, timebook.restrictions
    limits = [level.max_bookings for level in (own, book, clinic) if level.max_bookings is not None]
    offline: Level | None = None
    for level, online in (("clinic", clinic_online), ("timebook", timebook.online), ("type", appointment_type.online)):
        if not online:
            offline = level  # type: ignore[assignment]
            break
    days = next((r.days_ahead for r in (own, book, clinic) if r.days_ahead is not None), None)
    return EffectiveRestrictions(
        online=offline is None,
        offline_at=offline,
        max_bookings=min(limits, default=None),
        days_ahead=days,
        booking_deadline_hours=_nearest(
            0, own.booking_deadline_hours, book.booking_deadline_hours, clinic.booking_deadline_hours
        ),
        cancel_allowed=_nearest(True, own.cancel_allowed, book.cancel_allowed, clinic.cancel_allowed),
        cancel_deadline_hours=_nearest(
            0, own.cancel_deadline_hours, book.cancel_deadline_hours, clinic.cancel_deadline_hours
        ),
        first_free_slot_only=_nearest(
            False, own.first_free_slot_only, book.first_free_slot_only, clinic.first_free_slot_only
        ),
    )
