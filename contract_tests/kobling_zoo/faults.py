"""What can go wrong in an adapter, by number: the list that the zoo is held against. It is not complete, and is not
meant to be: exhibits without a number are faults beyond it."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["AREAS", "FAULTS"]

AREAS: Mapping[str, Mapping[int, str]] = {
    "keys": {
        1: "no key is sent where the vendor answers without one",
        2: "a token is used after its end",
        3: "a token that is refused with 401 is not renewed",
        4: "one clinic's token is used for another clinic",
        5: "twenty callers sign in twenty times",
        6: "the key stands in a query string",
        7: "a wrong key looks like a clinic without times",
        8: "a missing permission is told as a wrong key",
    },
    "errors": {
        9: "an unknown booking is a generic error",
        10: "a conflict is a generic error, or sent again",
        11: "a refused field is not named",
        12: "a server's failure is an empty list",
        13: "every exception becomes an empty list",
        14: "a page of HTML with status 200 is a parser's error",
        15: "an exception of the adapter's own gets out",
        16: "an outage is told as a wrong key",
        17: "the vendor's request id is lost",
        18: "the caller's cancellation is swallowed",
    },
    "time": {
        19: "times without a zone",
        20: "the winter's offset all year",
        21: "a time in the hour that does not exist",
        22: "a day is 24 hours long",
        23: "a length is counted on the wall clock",
        24: "days are counted in UTC",
        25: "day and month are swapped",
        26: "the host's time zone counts",
        27: "week 53 and 29 February do not exist",
        28: "the lead time is counted by a clock that differs from the vendor's",
    },
    "completeness": {
        29: "only the first page is read",
        30: "a cursor that repeats is followed for ever",
        31: "rows are lost or doubled when something changes between two pages",
        32: "a link to another host is followed",
        33: "what was read before an error is told as the whole",
        34: "a window that is too long is cut without a word",
        35: "a filter that the vendor ignores is not applied again",
    },
    "identity and order": {
        36: "one time is told twice",
        37: "ids are not unique in the clinic",
        38: "the order changes from reading to reading",
        39: "a moved booking stands twice",
    },
    "who and what is offered": {
        40: "a timebook that no person owns is offered",
        41: "an offline timebook is offered",
        42: "what is kept to a list of patients is offered",
        43: "a type without a B-rate is offered, or one with a B-rate among others is lost",
        44: "a type without an address is shown at one department, or one with an address at all",
        45: "a hidden type or a group is offered",
        46: "the department is ignored",
        47: "the clinic's deadline for booking is ignored",
        48: "a pause, a linked calendar, the grid or a daily limit is ignored",
    },
    "booking": {
        49: "a booking is sent again after its answer was lost",
        50: "every try has a reference of its own",
        51: "a lost answer is told as a failure",
        52: "a lost answer is told as a booking",
        53: "a cancel that was refused with status 200 is told as done",
        54: "two callers are told that one time is theirs",
        55: "the second cancel is an error",
        56: "a cancel after the deadline is told as done",
        57: "a move leaves the patient without a time",
        58: "the SakID is missing from the booking, or in a log",
        59: "a request that waits is told as a booking",
        60: "somebody else's appointment is touched",
        76: "a booking is marked as a read, and so sent again",
        77: "an unreadable answer to a booking is told as nothing",
        78: "a booking is sent after its last moment",
        79: "a booking that was confirmed is withdrawn",
        80: "the booking stands on another person's record",
        81: "the clinic's register of patients is read",
    },
    "transport": {
        61: "a good answer's Retry-After is waited for",
        62: "a Retry-After that is a date is not understood",
        63: "a failing call is repeated without end",
        64: "an answer that drips is waited for without end",
        65: "half an answer is taken for the whole",
        66: "a redirect is followed",
        67: "the address is http",
        68: "a booking URL leads to a private address",
        69: "the caller's event loop is held up",
        70: "the adapter opens a connection of its own",
    },
    "privacy": {
        71: "the key or the patient is logged",
        72: "the key or the patient is in a value that is returned",
        73: "the key or the patient is in an exception, or behind it",
    },
    "lifecycle": {
        74: "every call leaves something behind in memory",
        75: "importing the adapter does something",
        82: "one clinic's cookie is sent for another",
    },
}

FAULTS: Mapping[int, str] = {number: text for area in AREAS.values() for number, text in area.items()}
