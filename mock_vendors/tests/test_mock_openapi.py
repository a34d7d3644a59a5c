"""Whatever a mock is sent, its answer fits its own OpenAPI document, and no clinic is broken by it.

schemathesis makes the calls from the document: right ones, wrong ones, and every boundary of every field. Run it for
long with `KOBLING_OPENAPI_EXAMPLES=500`; every run of that kind is a new one.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from schemathesis import APIOperation, BaseSchema, Case, GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from kobling_contract.synthetic.dialect import LIFE, token_of
from kobling_mocks import installed_dialects
from kobling_mocks.app import MockApp
from kobling_mocks.clinic import BookingOrder, PatientDetails, demo_clinic
from kobling_mocks.dialect import Account
from kobling_mocks.world import DEFAULT, Worlds

EXAMPLES = int(os.environ.get("KOBLING_OPENAPI_EXAMPLES", "0"))
SEARCHING = settings(
    max_examples=EXAMPLES or 5,
    derandomize=not EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
load_all_checks()
DIALECTS = sorted(installed_dialects()[0])

NOT_PROMISED = [CHECKS.get_one("positive_data_acceptance")]
"""A vendor refuses what a schema can't say: a range that ends before it starts, a patient without any name."""

MODES = list(GenerationMode)
Called = APIOperation[Any, Any, Any, Any]
Spice = Callable[[Case, Random], None]
"""Changes a made call into one that may succeed."""


@dataclass
class Described:
    """A mock of the demo clinic with one booking more, and its document."""

    key: str
    app: MockApp = field(init=False)
    document: BaseSchema = field(init=False)
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def __post_init__(self) -> None:
        dialect, clinic = installed_dialects()[0][self.key], demo_clinic()
        dialect.fit(clinic)  # once, and not at every beginning
        kind = clinic.types[0]
        person = PatientDetails(name="Ola Prøve", email="ola.prove@example.test", notes="tag")
        start = clinic.clock.now() + timedelta(days=9)
        clinic.staff_book(BookingOrder(kind.rules[0].timebook_id, kind.id, start, person, source="other"))
        self.worlds = Worlds(dialect)
        self.world = self.worlds.create(DEFAULT, (clinic,))
        self.app = MockApp(self.worlds)
        self.document = schemathesis.openapi.from_wsgi("/openapi/openapi.json", self.app)

    def operations(self, *, control: bool) -> Iterator[Called]:
        for found in self.document.get_all_operations():
            operation = found.ok()
            if operation.path.startswith("/__mock__/") == control:
                yield operation

    def begin_again(self) -> None:
        """As it was at first, and nobody counts calls."""
        self.world.reset()
        if "requests_per_minute" in self.world.switches:
            self.world.switches.set(requests_per_minute=100_000)

    def check(self, case: Case, headers: dict[str, str]) -> None:
        ours = case.operation.path.startswith("/__mock__/")
        answer = case.call_and_validate(app=self.app, headers=headers, excluded_checks=[] if ours else NOT_PROMISED)
        self.statuses[case.operation.label][answer.status_code] += 1
        self.world.assert_sound()

    def check_boundaries(self, operation: Called, headers: dict[str, str], spice: Spice) -> None:
        """Every boundary of every field, each missing field, each method that the document doesn't name."""
        self.begin_again()
        random = Random(operation.label)
        boundaries = self.document.iter_coverage_cases(
            operation, generation_modes=MODES, generation_config=self.document.config.generation
        )
        for case in boundaries:
            spice(case, random)
            self.check(case, headers)

    def check_anything(self, operation: Called, headers: dict[str, str], spice: Spice) -> None:
        """Whatever the document's schemas allow and forbid, each time to a world as it was at first."""

        @SEARCHING
        @given(case=st.one_of([operation.as_strategy(mode) for mode in MODES]), random=st.randoms())
        def search(case: Case, random: Random) -> None:
            self.begin_again()
            spice(case, random)
            self.check(case, headers)

        search()


def as_it_comes(case: Case, random: Random) -> None:
    """No change."""


# ---- calls that may succeed


ADDRESSED: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "extensor": lambda pasted: {
        "server": pasted["booking_url"].rpartition("/")[2],
        "klinikk": pasted["external_id"],
        "avdeling": pasted["department_id"],
    },
    "synthetic": lambda pasted: dict(zip(("client_id", "client_secret"), pasted["api_key"].split("."), strict=True)),
}
"""The parameters and fields by which a dialect knows the clinic, where that is more than its `account_parameter`."""
SIGNED_IN: dict[str, Callable[[Account, datetime], dict[str, str]]] = {
    "synthetic": lambda account, now: {
        "Authorization": f"Bearer {token_of(account, now + LIFE)}",
        "Clinic": account.external_id,
    },
}
"""The headers of a caller who has signed in, where the key alone lets nobody in."""


@dataclass
class Knowing:
    """Puts what a caller knows in the place of what was made up: the clinic, its key, ids and days near the clock.

    Only what is well formed is replaced, by something of the same form: a wrong call stays as wrong as it was.
    """

    described: Described

    def __post_init__(self) -> None:
        self.described.document.config.generation.update(with_security_parameters=False)  # the key is in `headers`
        world, dialect = self.described.world, self.described.world.dialect
        account, clinic = world.account, world.clinic
        self.headers = {name.title(): account.api_key for name in dialect.credential_headers}
        if dialect.key in SIGNED_IN:
            self.headers = SIGNED_IN[dialect.key](account, clinic.clock.now())
        pasted = dialect.connection(account)
        parameter = {dialect.account_parameter: account.external_id} if dialect.account_parameter else {}
        self.fixed = {name: account.api_key for operation in dialect.operations for name in operation.secret}
        self.fixed |= ADDRESSED[dialect.key](pasted) if dialect.key in ADDRESSED else parameter
        own = [*clinic.timebooks, *clinic.types, *clinic.all_appointments(), *clinic.patients]
        self.ids = [dialect.ids.wire(clinic, each.id) for each in own]
        self.today = clinic.clock.now().date()

    def __call__(self, case: Case, random: Random) -> None:
        name = case.operation.definition.raw["operationId"]
        operation = next(one for one in self.described.world.dialect.operations if one.name == name)
        for values, model in (
            (case.path_parameters, operation.path),
            (case.query, operation.query),
            (case.body, operation.body),
        ):
            if isinstance(values, dict) and model is not None:
                known = {field: self.known(field, value, random) for field, value in values.items()}
                before, after = wrong_fields(model, values), wrong_fields(model, known)
                values |= {field: value for field, value in known.items() if (field in before) == (field in after)}

    def readings(self, operation: Called) -> Iterator[Case]:
        """A reading of each thing that the clinic has, where the path names one."""
        names = [one.name for one in operation.path_parameters]
        if operation.method.upper() == "GET" and set(names) - set(self.fixed):
            query = {one.name: self.fixed[one.name] for one in operation.query if one.name in self.fixed}
            for own in self.ids:
                yield operation.Case(path_parameters={name: self.fixed.get(name, own) for name in names}, query=query)

    def known(self, name: str, value: Any, random: Random) -> Any:
        """A value of the same kind in its place; the value itself where nothing is known."""
        if isinstance(value, dict):
            return {inner: self.known(inner, each, random) for inner, each in value.items()}
        if isinstance(value, list):
            return [self.known(name, each, random) for each in value]
        if isinstance(value, bool) or not isinstance(value, int | str):
            return value
        new = self.fixed.get(name)
        if new is None and random.random() < 0.8:
            if name.lower().rstrip("s").endswith("id"):
                new = random.choice(self.ids)
            elif isinstance(value, str):
                new = self.near(value, random)
        if isinstance(value, int):
            return int(new) if new is not None and new.isdecimal() else value
        return value if new is None else new

    def near(self, value: str, random: Random) -> str | None:
        """A day or a moment near the clock for a day or a moment."""
        day = self.today + timedelta(days=random.randint(-2, 12))
        try:
            if len(value) == len("2026-11-23"):
                date.fromisoformat(value)
                return day.isoformat()
            aware = datetime.fromisoformat(value).tzinfo is not None
        except ValueError:
            return None
        at = datetime(day.year, day.month, day.day, random.randint(0, 23), random.choice((0, 30)), tzinfo=UTC)
        return at.isoformat() if aware else None


def wrong_fields(model: type[BaseModel], values: dict[str, Any]) -> set[Any]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        return {problem["loc"][0] for problem in error.errors()}
    return set()


@dataclass
class Ordering:
    """Puts names that the world knows into orders to the mock."""

    described: Described

    def __call__(self, case: Case, random: Random) -> None:
        if not isinstance(case.body, dict) or random.random() < 0.2:
            return
        world, body = self.described.world, case.body
        if isinstance(body.get("operation"), str):
            body["operation"] = random.choice([operation.name for operation in world.dialect.operations])
        if isinstance(body.get("external_id"), str):
            body["external_id"] = world.account.external_id
        settings = body.get("settings")
        if isinstance(settings, dict) and settings and all(isinstance(one, str | int) for one in settings.values()):
            switch = random.choice(list(world.switches.known.values()))
            body["settings"] = {switch.name: random.choice(switch.choices)}


# ---- the tests


@pytest.fixture(params=DIALECTS)
def described(request: pytest.FixtureRequest) -> Described:
    return Described(request.param)


def test_the_vendors_calls_answer_strangers_as_described(described: Described) -> None:
    for operation in described.operations(control=False):
        described.check_boundaries(operation, {}, as_it_comes)
        if EXAMPLES:
            described.check_anything(operation, {}, as_it_comes)
        assert not any(status < 400 for status in described.statuses[operation.label]), operation.label


def test_the_vendors_calls_answer_the_clinics_own_key_as_described(described: Described) -> None:
    knowing = Knowing(described)
    reads = {operation.name for operation in described.world.dialect.operations if not operation.writes}
    for operation in described.operations(control=False):
        described.check_boundaries(operation, knowing.headers, knowing)
        described.check_anything(operation, knowing.headers, knowing)
        for reading in knowing.readings(operation):
            described.check(reading, knowing.headers)
        seen = described.statuses[operation.label]
        assert set(seen) - {401, 403, 404, 405}, f"{operation.label} let nobody in: {seen}"
        if operation.definition.raw["operationId"] in reads:
            assert seen[200], f"{operation.label} never answered: {seen}"


def test_the_control_api_answers_as_described(described: Described) -> None:
    for operation in described.operations(control=True):
        described.check_boundaries(operation, {}, Ordering(described))
        described.check_anything(operation, {}, Ordering(described))
        seen = described.statuses[operation.label]
        assert seen[200] or seen[201], f"{operation.label} never did what was ordered: {seen}"
