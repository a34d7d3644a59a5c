"""How each dialect is spoken, for tests that say the same to all: search, book, cancel, move, read, list, register.

A sentence is an operation with its request; `Speech` says what to send and what an answer means, and sends nothing. A
dialect that has no word for something leaves the sentence out (None).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from kobling.exchange import WireRequest
from kobling_contract.synthetic.dialect import LIFE, token_of
from kobling_mocks import Mock
from kobling_mocks.clinic import Appointment, OpenSlot

__all__ = [
    "SPEECHES",
    "EasyPracticeSpeech",
    "EgPasientskySpeech",
    "ExtensorSpeech",
    "Offer",
    "Row",
    "Sentence",
    "Speech",
    "SyntheticSpeech",
]


@dataclass(frozen=True)
class Sentence:
    """An operation's name and the request for it."""

    operation: str
    request: WireRequest


@dataclass(frozen=True)
class Offer:
    """A time as this vendor names it, and its start as the vendor writes it."""

    wire: Mapping[str, Any]
    start: str


@dataclass(frozen=True)
class Row:
    """A booking in a list: the vendor's id, its start as the vendor writes it, and whether it takes its time."""

    id: str
    start: str
    live: bool


class Speech(ABC):
    """One caller at the first clinic of a mock. `key` is the clinic's own unless it is given."""

    key: ClassVar[str]
    hides: ClassVar[str] = ""
    """The operation after which a booking is in no list any more."""

    def __init__(self, mock: Mock, key: str | None = None) -> None:
        self.mock = mock
        self.pasted = mock.connection
        self.api_key = self.pasted["api_key"] if key is None else key

    def wire(self, own: str) -> str:
        return self.mock.dialect.ids.wire(self.mock.world.clinic, own)

    def wall(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.mock.world.clinic.zone))

    @abstractmethod
    def searches(self, first: date, last: date) -> list[Sentence]:
        """What is asked to learn the open times of these days; the last answer holds them."""

    @abstractmethod
    def offers(self, told: Any, expected: tuple[OpenSlot, ...]) -> list[Offer]:
        """The offers in an answer. A vendor that tells none offers what the clinic would show."""

    @abstractmethod
    def offer_of(self, slot: OpenSlot) -> str:
        """How the start of a time must be written."""

    @abstractmethod
    def book(self, offer: Offer, who: str, reference: str) -> Sentence: ...

    @abstractmethod
    def booked(self, told: Any) -> str | None:
        """The id in an answer to `book`, None where there is none."""

    @abstractmethod
    def cancel(self, booking: str) -> list[Sentence]:
        """Every way to cancel."""

    def register(self, who: str) -> Sentence | None:
        return None

    def registered(self, who: str, told: Any) -> None:
        """Remember under which id somebody was added."""
        raise NotImplementedError

    def move(self, booking: str, offer: Offer) -> Sentence | None:
        return None

    def read(self, booking: str) -> Sentence | None:
        return None

    def listing(self, first: date, last: date, page: int) -> Sentence | None:
        return None

    def rows(self, told: Any) -> tuple[list[Row], bool]:
        """The bookings on a page of a list, and whether there are more."""
        raise NotImplementedError

    def row_of(self, one: Appointment) -> Row:
        """How an appointment of the clinic must be listed."""
        raise NotImplementedError

    def _say(self, operation: str, method: str, url: str, body: Any = None, **headers: str) -> Sentence:
        data = b"" if body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json", **{name.replace("_", "-"): one for name, one in headers.items()}}
        return Sentence(operation, WireRequest(method, url, tuple(given.items()), data))


class EgPasientskySpeech(Speech):
    """Three calls, the key in each body; bookings can't be read."""

    key = "eg-pasientsky"

    def _post(self, operation: str, path: str, body: Mapping[str, Any]) -> Sentence:
        url = f"{self.mock.origin}/partner-api/{self.pasted['external_id']}/{path}"
        return self._say(operation, "POST", url, {"apikey": self.api_key, **body})

    def searches(self, first: date, last: date) -> list[Sentence]:
        days = {"from": first.isoformat(), "to": last.isoformat()}
        return [self._post("search", "search", {"dateRange": days, "selectedDateForDetails": first.isoformat()})]

    def offers(self, told: Any, expected: tuple[OpenSlot, ...]) -> list[Offer]:
        counts = {row["date"]: row["availableSlots"] for row in told["data"]["dateSlots"]}
        for day, count in counts.items():
            assert count == sum(slot.day.isoformat() == day for slot in expected), day
        return [Offer(row, row["id"].split("_")[2]) for row in told["data"]["timeslots"]]

    def offer_of(self, slot: OpenSlot) -> str:
        return self.wall(slot.start).strftime("%Y-%m-%dT%H:%M")

    def book(self, offer: Offer, who: str, reference: str) -> Sentence:
        body = {
            "createFromEmail": True,
            "email": f"{who}@example.test",
            "phoneNumber": "",
            "calendarId": offer.wire["id"].split("_")[0],
            "timeslotId": offer.wire["id"],
            "groupAppointmentId": offer.wire.get("groupAppointmentId"),
            "medium": "FACE_TO_FACE",
            "note": f"SakID: 6QPTR {reference}",
        }
        return self._post("book", "book", body)

    def booked(self, told: Any) -> str | None:
        found: str | None = told.get("data", {}).get("bookingId")
        return found

    def cancel(self, booking: str) -> list[Sentence]:
        return [self._post("cancel", f"{booking}/cancel", {})]


class EasyPracticeSpeech(Speech):
    """No open times; clients and bookings in pages. `clients` are those that this caller has added."""

    key = "easypractice"
    hides = "delete_booking"

    def __init__(self, mock: Mock, key: str | None = None) -> None:
        super().__init__(mock, key)
        self.clients: dict[str, int] = {}

    def _call(self, operation: str, method: str, path: str, body: Any = None) -> Sentence:
        url = f"{self.mock.origin}/api/v1/{path}"
        return self._say(operation, method, url, body, Authorization=f"Bearer {self.api_key}")

    def searches(self, first: date, last: date) -> list[Sentence]:
        books = [self.wire(book.id) for book in self.mock.world.clinic.timebooks]
        return [
            self._call("calendars", "GET", "calendars?page_size=200"),
            self._call("services", "GET", "services?page_size=200&order_by_name=asc"),
            *(self._call("pauses", "GET", f"calendars/{book}/pauses?page_size=200") for book in books),
            *(self._call("opening_times", "GET", f"calendars/{book}/opening-times") for book in books),
        ]

    def offers(self, told: Any, expected: tuple[OpenSlot, ...]) -> list[Offer]:
        return [
            Offer(
                {
                    "calendar_id": int(self.wire(slot.timebook_id)),
                    "product_id": int(self.wire(slot.type_id)),
                    "start": slot.start.isoformat(),
                    "end": slot.end.isoformat(),
                },
                self.offer_of(slot),
            )
            for slot in expected
        ]

    def offer_of(self, slot: OpenSlot) -> str:
        return self.wall(slot.start).isoformat(timespec="seconds")

    def register(self, who: str) -> Sentence | None:
        return self._call("create_client", "POST", "clients", {"name": who, "notes": "tag\nSakID: 6QPTR"})

    def registered(self, who: str, told: Any) -> None:
        self.clients[who] = int(told["data"]["id"])

    def book(self, offer: Offer, who: str, reference: str) -> Sentence:
        body = {"type": "client_booking", "client_id": self.clients.get(who, 1), **offer.wire}
        return self._call("create_booking", "POST", "bookings", body)

    def booked(self, told: Any) -> str | None:
        return str(told["data"]["id"]) if "data" in told else None

    def cancel(self, booking: str) -> list[Sentence]:
        return [
            self._call("delete_booking", "DELETE", f"bookings/{booking}"),
            self._call("change_booking", "PATCH", f"bookings/{booking}", {"status": "cancelled"}),
        ]

    def move(self, booking: str, offer: Offer) -> Sentence | None:
        body = {name: offer.wire[name] for name in ("start", "end")}
        return self._call("change_booking", "PATCH", f"bookings/{booking}", body)

    def read(self, booking: str) -> Sentence | None:
        return self._call("read_booking", "GET", f"bookings/{booking}")

    def listing(self, first: date, last: date, page: int) -> Sentence | None:
        asked = urlencode({"start": first, "end": last, "page_size": 7, "page": page})
        return self._call("bookings", "GET", f"bookings?{asked}")

    def rows(self, told: Any) -> tuple[list[Row], bool]:
        rows = [Row(str(one["id"]), one["start"], one["status"] != "cancelled") for one in told["data"]]
        return rows, told["links"]["next"] is not None

    def row_of(self, one: Appointment) -> Row:
        return Row(self.wire(one.id), self.wall(one.start).isoformat(timespec="seconds"), one.live)


class ExtensorSpeech(Speech):
    """A server of the clinic's own; open times have numbers."""

    key = "extensor"

    def _call(self, operation: str, method: str, path: str, body: Any = None, **query: Any) -> Sentence:
        asked = urlencode({"klinikk": self.pasted["external_id"], **query})
        return self._say(
            operation, method, f"{self.pasted['booking_url']}/api/{path}?{asked}", body, X_Api_Key=self.api_key
        )

    def searches(self, first: date, last: date) -> list[Sentence]:
        return [
            self._call("ping", "GET", "ping"),
            self._call("behandlere", "GET", "behandlere"),
            self._call("timetyper", "GET", "timetyper"),
            self._call("ledigetimer", "GET", "ledigetimer", fra=first, til=last),
        ]

    def offers(self, told: Any, expected: tuple[OpenSlot, ...]) -> list[Offer]:
        return [Offer(row, row["start"]) for row in told["ledigetimer"]]

    def offer_of(self, slot: OpenSlot) -> str:
        return self.wall(slot.start).strftime("%Y-%m-%dT%H:%M:00")

    def _time(self, offer: Offer) -> dict[str, Any]:
        return {"ledigTimeId": offer.wire["id"], **{n: offer.wire[n] for n in ("behandlerId", "timetypeId")}}

    def book(self, offer: Offer, who: str, reference: str) -> Sentence:
        body = {
            **self._time(offer),
            "fornavn": who,
            "etternavn": "Prøve",
            "fodselsdato": "1984-05-06",
            "telefon": "+4790000001",
            "referanse": reference,
            "sakId": "6QPTR",
        }
        return self._call("bestill", "POST", "timer", body)

    def booked(self, told: Any) -> str | None:
        return str(told["time"]["id"]) if "time" in told else None

    def cancel(self, booking: str) -> list[Sentence]:
        return [self._call("avbestill", "DELETE", f"timer/{booking}", {"grunn": "syk"})]

    def move(self, booking: str, offer: Offer) -> Sentence | None:
        return self._call("flytt", "PUT", f"timer/{booking}", self._time(offer))

    def read(self, booking: str) -> Sentence | None:
        return self._call("les_time", "GET", f"timer/{booking}")

    def listing(self, first: date, last: date, page: int) -> Sentence | None:
        return self._call("timer", "GET", "timer", fra=first, til=last)

    def rows(self, told: Any) -> tuple[list[Row], bool]:
        gone = ("AVBESTILT", "AVSLATT")
        return [Row(str(one["id"]), one["start"], one["status"] not in gone) for one in told["timer"]], False

    def row_of(self, one: Appointment) -> Row:
        return Row(self.wire(one.id), self.wall(one.start).strftime("%Y-%m-%dT%H:%M:00"), one.live)


class SyntheticSpeech(Speech):
    """A token for every call; patients that this caller has put on file; a list by cursor."""

    key = "synthetic"

    def __init__(self, mock: Mock, key: str | None = None) -> None:
        super().__init__(mock, key)
        self.patients: dict[str, int] = {}
        self.cursor: str | None = None

    def _call(self, operation: str, method: str, path: str, body: Any = None, **headers: str) -> Sentence:
        account = replace(self.mock.world.account, api_key=self.api_key)
        token = token_of(account, self.mock.world.clock.now() + LIFE)
        signed = {"Authorization": f"Bearer {token}", "Clinic": account.external_id, **headers}
        return self._say(operation, method, f"{self.mock.origin}/v1/{path}", body, **signed)

    def searches(self, first: date, last: date) -> list[Sentence]:
        clinic = self.mock.world.clinic
        asked = {
            "practitioner_ids": [int(self.wire(one.id)) for one in clinic.timebooks],
            "service_ids": [int(self.wire(one.id)) for one in clinic.types],
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
        }
        client, _, secret = self.api_key.partition(".")
        key = {"client_id": client, "client_secret": secret or "none"}
        return [
            self._say("token", "POST", f"{self.mock.origin}/oauth/token", key),
            self._call("clinic", "GET", "clinic"),
            self._call("practitioners", "GET", "practitioners?page=2"),
            self._call("services", "GET", "services"),
            self._call("slots", "POST", "slots/search", asked),
        ]

    def offers(self, told: Any, expected: tuple[OpenSlot, ...]) -> list[Offer]:
        return [Offer(row, row["start"]) for row in told["slots"]]

    def offer_of(self, slot: OpenSlot) -> str:
        return self.wall(slot.start).isoformat(timespec="seconds")

    def register(self, who: str) -> Sentence | None:
        body = {"given_name": who, "family_name": "Prøve", "birth_date": "1984-05-06", "phone": "+4790000001"}
        return self._call("put_on_file", "POST", "patients", body)

    def registered(self, who: str, told: Any) -> None:
        self.patients[who] = told["patient"]["id"]

    def book(self, offer: Offer, who: str, reference: str) -> Sentence:
        body = {
            "slot_id": offer.wire["id"],
            "patient_id": self.patients.get(who, 1),
            "reference": reference,
            "insurance_case": "6QPTR",
        }
        return self._call("book", "POST", "bookings", body, Idempotency_Key=reference)

    def booked(self, told: Any) -> str | None:
        return str(told["booking"]["id"]) if "booking" in told else None

    def cancel(self, booking: str) -> list[Sentence]:
        return [self._call("cancel", "DELETE", f"bookings/{booking}", {"reason": "syk"})]

    def move(self, booking: str, offer: Offer) -> Sentence | None:
        return self._call("move", "PATCH", f"bookings/{booking}", {"slot_id": offer.wire["id"]})

    def read(self, booking: str) -> Sentence | None:
        return self._call("read", "GET", f"bookings/{booking}")

    def listing(self, first: date, last: date, page: int) -> Sentence | None:
        more = {"cursor": self.cursor} if page > 1 else {}
        return self._call("list", "GET", f"bookings?{urlencode({'first_day': first, 'last_day': last, **more})}")

    def rows(self, told: Any) -> tuple[list[Row], bool]:
        self.cursor = told["cursor"]
        gone = ("cancelled", "declined")
        rows = [Row(str(one["id"]), one["start"], one["status"] not in gone) for one in told["bookings"]]
        return rows, self.cursor is not None

    def row_of(self, one: Appointment) -> Row:
        return Row(self.wire(one.id), self.wall(one.start).isoformat(timespec="seconds"), one.live)


SPEECHES: Mapping[str, type[Speech]] = {
    one.key: one for one in (EasyPracticeSpeech, EgPasientskySpeech, ExtensorSpeech, SyntheticSpeech)
}
