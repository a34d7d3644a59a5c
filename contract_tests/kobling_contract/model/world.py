"""A clinic that the processes of several registries call, and the invented people whose wishes they carry."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import date
from typing import Any
from uuid import UUID

from kobling import Exchange, Patient, WireFailure, WireReply, WireRequest, find_tags
from kobling_mocks.clinic import Appointment

from ..rig import PATIENT, Rig
from ..sides import Office, Side

__all__ = ["AtOnce", "Shared", "Travelling", "person"]

NAMES = ("Áile", "Bjørn", "Čálli", "Dagrun", "Egil", "Frøydis", "Gáddjá", "Håkon", "Ingá", "Jøran", "Kåre", "Lásse")
PAUSE = 20.0
"""Seconds between two steps."""
LONGEST_TRAVEL = 0.5
"""Seconds that a request or an answer is on its way at most."""


def person(number: int) -> Patient:
    """The invented patient of one wish. Nobody else has any of their details, so that a record tells whose it is."""
    return PATIENT.model_copy(
        update={
            "given_name": f"{NAMES[number % len(NAMES)]} Rekke{number}",
            "family_name": "Prøvesen",
            "birth_date": date(1950 + number % 50, 1 + number % 12, 1 + number % 28),
            "phone": f"+47900{10000 + number}",
            "email": f"rekke{number}@pasient.example.test",
            "national_id": f"148387{99000 + number}",
        }
    )


class Shared(Rig):
    """A rig with more than one process: what one `Kobling` remembers, another doesn't know."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self._processes: list[Office] = []
        self._records: dict[str, set[str]] = {}
        super().__init__(*given, **more)

    def process(self) -> Side:
        """A session in a process of its own, on the first account, at all departments."""
        own = Office(self.adapter, self.mode, self.pace, self._way(len(self._processes)))
        self._processes.append(own)
        first, self._office = self._office, own
        try:
            return self.whole()
        finally:
            self._office = first

    def _way(self, number: int) -> Exchange:
        """How the requests of a process reach the vendor."""
        raise NotImplementedError(number)

    async def close(self) -> None:
        """Close every process."""
        for office in self._processes:
            await office.close()
        await super().close()

    def begin_apart(self, number: int) -> None:
        """Begin some minutes later than other worlds of a trial, so that what an adapter keeps for a moment is not
        taken from one of them."""
        self.pace.pass_time(60.0 * (number % 60))

    def rested(self) -> None:
        """Let so much time pass as people take between two calls, and as the vendor's limit on calls wants."""
        rate = self.adapter.limits.rate
        self.pace.pass_time(max(PAUSE, rate.per if rate is not None else 0.0))

    # ---- whose is what

    def records(self, patient: Patient) -> frozenset[str]:
        """The clinic's records of a person, also those whose details staff have changed since."""
        known, name = self._records.setdefault(patient.email or "", set()), patient.name
        known |= {one.id for one in self.clinic.patients if one.email == patient.email or one.name == name}
        return frozenset(known)

    def references(self, appointment: Appointment) -> frozenset[UUID]:
        """Every reference that stands with an appointment: in a field, a note, or its patient's record."""
        record = self.clinic.patient(appointment.patient_id)
        text = f"{appointment.note}\n{appointment.patient_comment}\n{record.notes if record else ''}"
        own = {UUID(appointment.reference)} if appointment.reference and _is_uuid(appointment.reference) else set()
        return frozenset({*find_tags(text), *own, *find_tags(appointment.reference or "")})


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


class AtOnce(Shared):
    """One caller at a time: answers come where the caller is, without a thread."""

    def _way(self, number: int) -> Exchange:  # noqa: ARG002 - every process has the same way
        def exchange(request: WireRequest) -> WireReply | WireFailure:
            return self._exchange(request)

        exchange.immediate = True  # type: ignore[attr-defined]
        return exchange


class Travelling(Shared):
    """Several callers at once: requests and answers are on their way for a while, which the name of the journey
    decides. Time is virtual, so that one name gives one order."""

    journey: str = ""

    def _way(self, number: int) -> Exchange:
        sent: Counter[str] = Counter()
        counting = threading.Lock()

        def exchange(request: WireRequest) -> WireReply | WireFailure:
            what = f"{request.method} {request.url}"
            with counting:
                sent[what] += 1
                chance = random.Random(f"{self.journey} {number} {what} {sent[what]}")
            self.pace.sleep(chance.uniform(0.0, LONGEST_TRAVEL))
            answer = self._exchange(request)
            self.pace.sleep(chance.uniform(0.0, LONGEST_TRAVEL))
            return answer

        return exchange
