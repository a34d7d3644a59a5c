"""The ways in which a session's word and the clinic can differ, each with its remedy and where to look in the adapter;
a rule takes those that it needs."""

from __future__ import annotations

__all__ = ["CAUSES", "LOOKS"]

CAUSES = {
    "missing": "Times that the clinic offers at that moment are not found: look at what is kept from earlier answers.",
    "invented": "Times are found that the clinic does not offer at that moment: look at what is kept from earlier "
    "answers, and whether it is dropped by every booking, move and cancel.",
    "undecidable_guessed": "A wall-clock time of the repeated hour that the vendor lists once, which may be either of "
    "two moments, was given one.",
    "not_mentioned": "A time of the repeated hour was left out without a SlotProblem that tells of it.",
    "told_booked": "The caller was told that the booking stands, but no such appointment stands, or not as told.",
    "told_not_booked": "The caller was told that nothing was changed, but an appointment stands.",
    "refused_wrongly": "The caller was refused for something that was not so at the clinic.",
    "touched_another": "Something was changed that the call was not about.",
    "two_writes": "More than one booking was sent for one wish.",
    "two_made": "One wish has more than one appointment, and the caller was not told.",
    "other_reference": "An appointment carries another reference than its own, or none: each booking has a reference "
    "that was never used before and is sent unchanged.",
    "told_cancelled": "The caller was told that the booking is given up, but it stands.",
    "told_moved": "The caller was told that the booking moved, but it does not stand once and at the new time.",
    "without_any": "A move left the patient without an appointment, and nobody had allowed that.",
    "told_other": "What is told of a booking differs from the clinic's timebook.",
    "not_listed": "A complete list of bookings differs from the clinic's timebook.",
    "false_booked": "`resolve` says that the booking stands, but it does not.",
    "false_not_booked": "`resolve` says that the booking does not stand, but it does, or came later.",
    "wrote": "A call that only looks has sent a write.",
    "no_end": "`resolve` never ends: after some hours it must say NeedsPerson.",
}
_KEPT = "What is kept between two calls: class attributes, caches, counters; and "
LOOKS = {
    "missing": f"{_KEPT}list_slots.",
    "invented": f"{_KEPT}list_slots.",
    "undecidable_guessed": "list_slots: kobling.localtime for every wall-clock text.",
    "not_mentioned": "list_slots: kobling.localtime for every wall-clock text; a SlotProblem for what it can't tell.",
    "told_booked": f"{_KEPT}which answers to book become a Booking.",
    "told_not_booked": "book and reschedule: what is caught around a write; ErrorMap: a status that a gateway may send "
    "refuses nothing.",
    "refused_wrongly": f"{_KEPT}ErrorMap: which refusal each code of the vendor's is.",
    "touched_another": "cancel and reschedule: which id goes to the vendor.",
    "two_writes": "book: one http.post, in no loop, and no `except` around it.",
    "two_made": "book and reschedule: one write each, in no loop and never sent again.",
    "other_reference": "book: request.reference, or request.note() unchanged; nothing kept from an earlier request.",
    "told_cancelled": f"{_KEPT}which answers to cancel become Cancelled.",
    "told_moved": f"{_KEPT}which answers to reschedule become a Booking.",
    "without_any": "reschedule: the old time is given up last, when the new one is certain.",
    "told_other": f"{_KEPT}from which fields get_booking reads status, start and end.",
    "not_listed": f"{_KEPT}list_bookings: its filters, days and pages, what is left out, and how a start is read.",
    "false_booked": "list_bookings: which rows are told, Booking.reference and Booking.status.",
    "false_not_booked": "BookingFacts.latest_commit, and what list_bookings leaves out.",
    "wrote": "list_slots, list_bookings and get_booking: they read, and send nothing.",
    "no_end": "list_bookings: an error there, time and again, keeps `resolve` from its end.",
}
"""Where to look first. The story tells which call was the last one before the difference."""
