"""Seeded synthetic clinics: the same seed gives the same clinic, people invented, ids and all."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from .behaviour import Behaviour
from .clinic import Clinic
from .clock import Clock
from .identifiers import synthetic_id, synthetic_organisation_number
from .setup import (
    ALL_PATIENTS,
    AppointmentType,
    Department,
    OwnerKind,
    Rate,
    Restrictions,
    Rule,
    Timebook,
    TypeKind,
    VisitingAddress,
)
from .workplan import WeekTemplate, grid, monday_of

__all__ = ["synthetic_clinic"]

_PLACES = ("Solsiden", "Fjæra", "Østhøyden", "Kárášjohka", "Sørbråten", "Åsgård", "Guovdageaidnu", "Lærkebo")
_GIVEN = ("Kari", "Ola", "Åse", "Jovnna", "Máret", "Bjørn", "Ánne", "Sølvi", "Per-Håkon", "Ævar", "Elle Márjá")
_FAMILY = ("Prøve", "Testås", "Øverbø-Lærdal", "Áhkkánas", "Čáhppesjávri", "Syntsen", "Fjellprøve", "Sára-Test")
_RATES = (
    Rate("B1010", "Fysioterapi konsultasjon (syntetisk navn)"),
    Rate("B1011", "Kiropraktikk konsultasjon"),
    Rate("B1020", "B1020 (syntetisk)"),
    Rate("B9001", "Førstegangskonsultasjon (syntetisk)"),
    Rate("B9002", "Veiledet trening (syntetisk)"),
)
_OTHER_RATES = (Rate("A3a", "Undersøkelse (HELFO)", "helfo"), Rate("E100", "Egen takst", "own"))
_TYPE_NAMES = ("Førstegangskonsultasjon", "Oppfølging", "Trykkbølge", "Veiledet trening", "Nåler", "Årskontroll")
_OWNERS: tuple[OwnerKind, ...] = ("person", "person", "person", "person", "group", "department", "clinic")
_KINDS: tuple[TypeKind, ...] = ("ordinary", "ordinary", "ordinary", "ordinary", "hidden", "group")
_LIST = "Faste pasienter"


def synthetic_clinic(
    seed: int,
    clock: Clock | None = None,
    *,
    timebooks: int | None = None,
    weeks: int = 4,
    behaviour: Behaviour | None = None,
) -> Clinic:
    """A random clinic that follows from `seed`: 1 to 3 departments, 2 to 6 timebooks (or as many as asked), 2 to 5
    types, rates, lists, restrictions and a work plan of `weeks` weeks from the Monday of the clock's day (by default
    23 November 2026, 08:00 in Oslo). The first timebook is always owned by a person, online, and bookable for
    everybody with a B-rate.
    """
    rng = random.Random(f"kobling-synthetic-clinic-{seed}")
    clock = clock or Clock(datetime(2026, 11, 23, 7, 0, tzinfo=UTC))
    name = f"{rng.choice(_PLACES)} Fysioterapi nr. {seed} (syntetisk)"
    clinic = Clinic(
        name,
        synthetic_organisation_number(rng),
        clock,
        seed=seed,
        restrictions=_restrictions(rng, 0.3),
        behaviour=behaviour,
    )
    addresses = _departments(clinic, rng)
    book_ids = _timebooks(clinic, rng, timebooks if timebooks is not None else rng.randint(2, 6))
    _types(clinic, rng, book_ids, addresses)
    clinic.put_patient_list(_LIST, ())
    first_monday = monday_of(clock.now().astimezone(ZoneInfo(clinic.zone)).date())
    for book_id in book_ids:
        kinds = [kind.id for kind in clinic.types if kind.rule_for(book_id)]
        rows = grid(
            sorted(rng.sample(range(5), rng.randint(3, 5))),
            time(rng.choice((8, 9))),
            time(15),
            rng.choice((30, 60)),
            kinds,
        )
        template = WeekTemplate(synthetic_id(seed, "template", book_id), "Ukemal", rows)
        clinic.put_template(template)
        clinic.lay_plan(book_id, template.id, first_monday, weeks)
    return clinic


def _restrictions(rng: random.Random, chance: float) -> Restrictions:
    def sometimes(low: int, high: int) -> int | None:
        return rng.randint(low, high) if rng.random() < chance else None

    return Restrictions(
        max_bookings=sometimes(2, 5),
        days_ahead=sometimes(14, 90),
        booking_deadline_hours=sometimes(1, 24),
        cancel_allowed=True if rng.random() < chance else None,
        cancel_deadline_hours=sometimes(2, 48),
        first_free_slot_only=(rng.random() < 0.3) if rng.random() < chance else None,
    )


def _departments(clinic: Clinic, rng: random.Random) -> list[str]:
    addresses: list[str] = []
    for number in range(rng.randint(1, 3)):
        place = f"{rng.choice(_PLACES)} {number + 1}"
        department = Department(synthetic_id(clinic.seed, "department", number), place)
        clinic.put_department(department)
        address = VisitingAddress(
            synthetic_id(clinic.seed, "address", number),
            place,
            f"Prøvegata {rng.randint(1, 99)}, 0001 Oslo",
            department.id,
        )
        clinic.put_address(address)
        addresses.append(address.id)
    return addresses


def _timebooks(clinic: Clinic, rng: random.Random, count: int) -> list[str]:
    book_ids: list[str] = []
    for number in range(count):
        owner: OwnerKind = "person" if number == 0 else rng.choice(_OWNERS)
        person = f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}"
        owner_name = person if owner == "person" else f"{clinic.name} {owner} {number}"
        profession = rng.choice(("Fysioterapi", "Psykologi", "Kiropraktikk"))
        timebook = Timebook(
            id=synthetic_id(clinic.seed, "timebook", number),
            public_name=rng.choice(("", "Fysioterapeut ", "Dr. ")) + owner_name,
            internal_name=f"Bok {number + 1}",
            owner_kind=owner,
            owner_name=owner_name,
            owner_department_id=rng.choice(clinic.departments).id if owner == "department" else None,
            hpr=f"9{rng.randrange(10**8):08d}" if owner == "person" else None,
            profession=profession if owner == "person" else None,
            online=number == 0 or rng.random() < 0.85,
            restrictions=_restrictions(rng, 0.0 if number == 0 else 0.25),
            sorting_position=(number + 1) * 1000,
        )
        clinic.put_timebook(timebook)
        book_ids.append(timebook.id)
    return book_ids


def _types(clinic: Clinic, rng: random.Random, book_ids: list[str], addresses: list[str]) -> None:
    for number, name in enumerate(rng.sample(_TYPE_NAMES, rng.randint(2, 5))):
        rules = []
        for book_id in book_ids:
            if number == 0 and book_id == book_ids[0]:
                rules.append(Rule(book_id, ALL_PATIENTS, tuple(rng.sample(_RATES, 2))))
            elif rng.random() < 0.8:
                rates = [*rng.sample(_RATES, rng.randint(0, 3)), *rng.sample(_OTHER_RATES, rng.randint(0, 2))]
                rng.shuffle(rates)
                rules.append(Rule(book_id, _LIST if rng.random() < 0.1 else ALL_PATIENTS, tuple(rates)))
        kind: TypeKind = "ordinary" if number == 0 else rng.choice(_KINDS)
        clinic.put_type(
            AppointmentType(
                id=synthetic_id(clinic.seed, "type", number),
                name=name,
                minutes=rng.choice((20, 30, 45, 60)),
                kind=kind,
                online=number == 0 or rng.random() < 0.9,
                address_id=rng.choice([*addresses, None]),
                extra_information=rng.choice(("", "Ta med treningstøy.", "Møt 5 minutter før.")),
                price_nok=rng.choice((None, 450, 560, 790)),
                rules=tuple(rules),
                restrictions=_restrictions(rng, 0.0 if number == 0 else 0.25),
                mediums=("face_to_face",) if rng.random() < 0.9 else ("video",),
                places=rng.randint(3, 8) if kind == "group" else 1,
                notify_patient=rng.random() < 0.8,
            )
        )
