"""The ways in which a session's word and the clinic can differ, with the remedy; a rule takes those that it needs."""

from __future__ import annotations

__all__ = ["CAUSES"]

CAUSES = {
    "missing": "Times that the clinic offers at that moment are not found: look at what is kept from earlier answers.",
    "invented": "Times are found that the clinic does not offer at that moment: look at what is kept from earlier "
    "answers, and whether it is dropped by every booking, move and cancel.",
    "undecidable_guessed": "A wall-clock time of the repeated hour that is listed once was given a moment.",
    "not_mentioned": "A time of the repeated hour was left out without a SlotProblem.",
    "told_booked": "The caller was told that the booking stands, but no such appointment does, or not as told.",
    "told_not_booked": "The caller was told that nothing was changed, but an appointment stands.",
    "refused_wrongly": "The caller was refused for something that was not so at the clinic.",
    "touched_another": "Something was changed that the call was not about.",
    "two_writes": "More than one booking was sent for one wish.",
    "two_made": "One wish has more than one appointment, and the caller was not told.",
    "other_reference": "An appointment carries another reference than its own, or none: each booking has a reference "
    "that was never used before and is sent unchanged.",
    "told_cancelled": "The caller was told that the booking is given up, but it stands.",
    "told_moved": "The caller was told that the booking moved, but it does not stand once, at the new time.",
    "without_any": "A move left the patient without an appointment, and nobody had allowed that.",
    "told_other": "What is told of a booking differs from the clinic's timebook.",
    "not_listed": "A complete list of bookings differs from the clinic's timebook.",
    "false_booked": "`resolve` says that the booking stands, but it does not.",
    "false_not_booked": "`resolve` says that it does not stand, but it does, or came later.",
    "wrote": "A call that only looks has sent a write.",
    "no_end": "`resolve` never ends: after some hours it must be a person's.",
}
