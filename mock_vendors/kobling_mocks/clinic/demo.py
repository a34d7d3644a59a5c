"""A small clinic to read and to show: Solsiden Fysioterapi (syntetisk). Everybody in it is invented."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from .appointments import BookingOrder, PatientDetails
from .clinic import Clinic
from .clock import Clock
from .identifiers import synthetic_id
from .setup import ALL_PATIENTS, AppointmentType, Department, Rate, Restrictions, Rule, Timebook, VisitingAddress
from .workplan import WeekTemplate, grid, monday_of

__all__ = ["DEMO_START", "PHYSIOTHERAPY", "SYNTHETIC_FIRST", "SYNTHETIC_TRAINING", "demo_clinic", "demo_id"]

DEMO_START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
"""The clock of the demonstration: Monday 23 November 2026, 08:00 in Oslo."""

_SEED = "solsiden"
PHYSIOTHERAPY = Rate("B1010", "Fysioterapi konsultasjon (syntetisk navn)")
SYNTHETIC_FIRST = Rate("B9001", "Førstegangskonsultasjon (syntetisk)")
SYNTHETIC_TRAINING = Rate("B9002", "Veiledet trening (syntetisk)")
_HELFO = Rate("A3a", "Undersøkelse (HELFO)", "helfo")
_OWN = Rate("E100", "Egen takst", "own")


def demo_id(kind: str, key: str) -> str:
    """The id of a thing in the demonstration clinic: `demo_id("timebook", "kari")`, `demo_id("type", "forste")`."""
    return synthetic_id(_SEED, kind, key)


def _rules(
    timebooks: Iterable[str], rates: tuple[Rate, ...] = (PHYSIOTHERAPY,), patients: str = ALL_PATIENTS
) -> tuple[Rule, ...]:
    return tuple(Rule(demo_id("timebook", key), patients, rates) for key in timebooks)


_PRACTITIONERS = ("kari", "jovnna", "aase", "gruppe", "avdeling")

_TIMEBOOKS = {
    "kari": ("Fysioterapeut Kari Prøve", "KP Solsiden", "person", "Kari Prøve", "910000011", "Fysioterapi"),
    "jovnna": ("Fysioterapeut Jovnna Áhkkánas", "JÁ Solsiden", "person", "Jovnna Áhkkánas", "910000022", "Fysioterapi"),
    "aase": ("Fysioterapeut Åse Øverbø-Lærdal", "ÅØL", "person", "Åse Øverbø-Lærdal", "910000033", "Fysioterapi"),
    "gruppe": ("Fysioteamet", "Team", "group", "Fysioteamet", None, None),
    "avdeling": ("Solsiden Brygga", "Avd. Brygga", "department", "Solsiden Brygga", None, None),
}
"""key: public name, internal name, owner kind, owner name, HPR number, profession. Åse's timebook is offline."""

_TYPES = (
    AppointmentType(
        id=demo_id("type", "forste"),
        name="Førstegangskonsultasjon",
        minutes=45,
        address_id=demo_id("address", "torget"),
        extra_information="Ta med henvisning hvis du har.",
        price_nok=790,
        rules=_rules(_PRACTITIONERS, (_HELFO, SYNTHETIC_FIRST, PHYSIOTHERAPY, _OWN)),
    ),
    AppointmentType(
        id=demo_id("type", "oppfolging"),
        name="Oppfølging",
        minutes=30,
        price_nok=560,
        rules=_rules(_PRACTITIONERS),
        restrictions=Restrictions(cancel_deadline_hours=24),
    ),
    AppointmentType(
        id=demo_id("type", "trening"),
        name="Veiledet trening",
        minutes=30,
        address_id=demo_id("address", "brygga"),
        price_nok=450,
        rules=_rules(("kari",), (SYNTHETIC_TRAINING,)),
    ),
    AppointmentType(
        id=demo_id("type", "helfo"),
        name="Undersøkelse med trygderefusjon",
        minutes=30,
        price_nok=320,
        rules=_rules(("kari", "jovnna"), (_HELFO,)),
    ),
    AppointmentType(
        id=demo_id("type", "bedrift"),
        name="Bedriftsavtale",
        minutes=30,
        rules=_rules(("jovnna",), patients="Bedrift Nord"),
    ),
    AppointmentType(
        id=demo_id("type", "intern"), name="Internt møte", minutes=60, kind="hidden", rules=_rules(("kari",))
    ),
    AppointmentType(
        id=demo_id("type", "rygg"),
        name="Ryggskole (gruppe)",
        minutes=60,
        kind="group",
        places=6,
        address_id=demo_id("address", "brygga"),
        rules=_rules(("gruppe",), (_OWN,)),
    ),
)


def demo_clinic(clock: Clock | None = None, *, weeks: int = 8, zone: str = "Europe/Oslo") -> Clinic:
    """Solsiden Fysioterapi (syntetisk), planned for `weeks` weeks from the Monday of the clock's day; `zone` is an IANA
    name.

    Two departments, each with a visiting address. Timebooks: kari and jovnna are fully bookable, aase is offline,
    gruppe is owned by a group and avdeling by a department. Types: forste (several B-rates, at Torget), oppfolging (one
    B-rate, no address: every department), trening (at Brygga), helfo (no B-rate), bedrift (restricted patient list),
    intern (hidden), rygg (group). Two appointments of other patients stand on the first day. Ids come from `demo_id`.
    """
    clock = clock or Clock(DEMO_START)
    clinic = Clinic("Solsiden Fysioterapi (syntetisk)", "312345676", clock, seed=_SEED, zone=zone)
    for key, name, street in (
        ("torget", "Solsiden Torget", "Prøvegata 1, 0001 Oslo"),
        ("brygga", "Solsiden Brygga", "Prøvekaia 2, 0002 Oslo"),
    ):
        clinic.put_department(Department(demo_id("department", key), name))
        clinic.put_address(VisitingAddress(demo_id("address", key), name, street, demo_id("department", key)))
    for position, (key, (public, internal, kind, owner, hpr, profession)) in enumerate(_TIMEBOOKS.items(), 1):
        clinic.put_timebook(
            Timebook(
                id=demo_id("timebook", key),
                public_name=public,
                internal_name=internal,
                owner_kind=kind,  # type: ignore[arg-type]
                owner_name=owner,
                owner_department_id=demo_id("department", "brygga") if kind == "department" else None,
                hpr=hpr,
                profession=profession,
                online=key != "aase",
                sorting_position=position * 1000,
            )
        )
    for appointment_type in _TYPES:
        clinic.put_type(appointment_type)
    _plan(clinic, weeks)
    _fill_first_day(clinic, clock)
    return clinic


def _plan(clinic: Clinic, weeks: int) -> None:
    weekdays = range(5)
    individual = grid(weekdays, time(9), time(11), 60, [demo_id("type", "forste")])
    individual += grid(weekdays, time(12), time(15, 30), 30, [demo_id("type", key) for key in ("oppfolging", "helfo")])
    rows = {
        "kari": individual
        + grid((1, 3), time(16), time(17), 30, [demo_id("type", "trening")])
        + grid((4,), time(8), time(8), 60, [demo_id("type", "intern")]),
        "jovnna": individual + grid((0, 2), time(16), time(17), 30, [demo_id("type", "bedrift")]),
        "aase": individual,
        "gruppe": individual + grid((2,), time(18), time(18), 60, [demo_id("type", "rygg")]),
        "avdeling": individual,
    }
    first_monday = monday_of(clinic.clock.now().astimezone(ZoneInfo(clinic.zone)).date())
    for key, template_rows in rows.items():
        template = WeekTemplate(demo_id("template", key), f"Ukemal {_TIMEBOOKS[key][1]}", template_rows)
        clinic.put_template(template)
        clinic.lay_plan(demo_id("timebook", key), template.id, first_monday, weeks)


def _fill_first_day(clinic: Clinic, clock: Clock) -> None:
    zone = ZoneInfo(clinic.zone)
    today: date = clock.now().astimezone(zone).date()
    others = (
        (
            "kari",
            "forste",
            time(10),
            PatientDetails("Prøve Nordmann", date(1980, 1, 2), "+4790000001", "prove@example.test"),
        ),
        (
            "jovnna",
            "oppfolging",
            time(13),
            PatientDetails("Máret Test", date(1991, 3, 4), "+4790000002", "maret@example.test"),
        ),
    )
    for book, kind, at, details in others:
        start = datetime.combine(today, at, tzinfo=zone)
        clinic.staff_book(
            BookingOrder(demo_id("timebook", book), demo_id("type", kind), start, details, source="staff")
        )
    bedrift = clinic.put_patient(
        PatientDetails("Bedrift Prøvesen", date(1975, 5, 6), "+4790000003", "bedrift@example.test")
    )
    clinic.put_patient_list("Bedrift Nord", [bedrift.id])
