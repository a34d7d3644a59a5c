"""A staged test of a connection: how far it reaches, what stands in the way, and who can move it.

Never raises for what the vendor does or for what was typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from ..adapter import Adapter
from ..addresses import UrlPolicy, check_url
from ..catalogue import Catalogue, WhyNot
from ..clinic import Clinic
from ..clock import Clock
from ..commands import Flow
from ..connection import Connection
from ..engine import CLOCK_TOLERANCE
from ..errors import Actor, KoblingError
from ..localtime import zone_of
from ..report import (
    PROBES,
    ConnectionReport,
    Explanation,
    Finding,
    Identity,
    Outcome,
    Probe,
    ProbeName,
    ProbeStatus,
    Severity,
)
from ..slots import SlotQuery
from .searching import slots
from .state import State, catalogue, clinic

SEARCH_DAYS = 14

PROBE_OF_ERROR: Mapping[str, ProbeName] = {
    "invalid_connection": "form",
    "url_not_allowed": "address",
    "vendor_unavailable": "address",
    "vendor_timeout": "address",
    "vendor_protocol_error": "address",
    "rate_limited": "address",
    "credentials_rejected": "auth",
    "scope_missing": "auth",
    "not_activated": "auth",
    "clinic_not_found": "clinic",
    "department_not_found": "clinic",
}
"""The stage that an error of `identify` speaks of; any other error speaks of the clinic."""

TYPED_FIELDS_TO_BLAME = frozenset(
    {"invalid_connection", "credentials_rejected", "clinic_not_found", "department_not_found", "url_not_allowed"}
)

ACTOR_OF_REASON: Mapping[WhyNot, Actor] = {
    "not_person_owned": "clinic",
    "offline": "clinic",
    "restricted_patient_list": "clinic",
    "patients_unknown": "vendor",
    "no_insurance_rate": "clinic",
    "no_rule_for_calendar": "clinic",
    "hidden_type": "clinic",
    "group_type": "clinic",
    "kind_unknown": "vendor",
    "service_offline": "clinic",
    "other_department": "clinic",
    "bookings_hidden": "clinic",
    "not_shown": "clinic",
}
QUIET_REASONS: frozenset[WhyNot] = frozenset({"hidden_type", "group_type", "service_offline", "other_department"})
"""Reasons that are a clinic's ordinary choice for a service: told, but nothing to warn of."""


@dataclass(slots=True, repr=False)
class _Report:
    vendor: str
    vendor_name: str
    probes: dict[ProbeName, Probe] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)

    def put(self, name: ProbeName, findings: Iterable[Finding] = (), status: ProbeStatus | None = None) -> None:
        found = tuple(findings)
        worst = _worst(found)
        if name in self.probes:
            found = self.probes[name].findings + found
            worst = _worst(found)
        derived: ProbeStatus = "fail" if worst == "fail" else "warn" if worst == "warn" else "pass"
        self.probes[name] = Probe(name=name, status=status or derived, findings=found)

    def finish(self, clock: Clock, origin: str | None) -> ConnectionReport:
        for name in PROBES:
            if name not in self.probes:
                self.put(name, status="skip")
        findings = [one for name in PROBES for one in self.probes[name].findings]
        failed = [one for one in findings if one.severity == "fail"]
        warned = any(one.severity == "warn" for one in findings)
        outcome: Outcome = "failed" if failed else "degraded" if warned else "success"
        blamed = any(one.code in TYPED_FIELDS_TO_BLAME and one.actor == "administrator" for one in failed)
        return ConnectionReport(
            vendor=self.vendor,
            outcome=outcome,
            probes=tuple(self.probes[name] for name in PROBES),
            counts_as_attempt=blamed,
            identified_as=self.identity,
            origin=origin,
            tested_at=clock.now(),
        )


def refused_form(adapter: type[Adapter], connection: Connection, clock: Clock, origin: str | None) -> ConnectionReport:
    """The report on a connection whose form already says what is wrong: nothing was sent."""
    report = _Report(adapter.key, adapter.name)
    report.put("form", _form_findings(adapter, connection))
    return report.finish(clock, origin)


def refused_address(
    adapter: type[Adapter], problem: KoblingError, clock: Clock, origin: str | None
) -> ConnectionReport:
    """The report on a connection whose booking URL may not be called: nothing was sent."""
    report = _Report(adapter.key, adapter.name)
    report.put("form")
    report.put("address", [_of_error(problem, adapter.name)])
    return report.finish(clock, origin)


def test_connection(state: State, origin: str | None) -> Flow[ConnectionReport]:
    """The seven probes, each as far as the ones before it allow."""
    report = _Report(state.line.adapter.key, state.line.adapter.name)
    report.put("form")
    place: Clinic | None = None
    failure: KoblingError | None = None
    try:
        place = yield from clinic(state, fresh=True)
    except KoblingError as error:
        failure = error
    if failure is not None:
        _place(report, failure, typed_host=state.line.typed_host)
    known = state.kept.get("clinic")
    if place is None and known is not None:
        report.identity = _identity(state, known[0], None)
    if place is not None:
        report.put("address")
        report.put("auth", _not_tested(state))
        _put_clinic(report, state, place)
        yield from _catalogue_and_slots(report, state, place)
    _put_clock(report, state)
    return report.finish(state.line.clock, origin)


def explain(state: State, practitioner_id: str, service_id: str | None) -> Flow[Explanation]:
    """Why a practitioner, or one service of theirs, can't be seen by insurance customers."""
    yield from clinic(state)
    offered = yield from catalogue(state)
    findings = [
        _of_reason(state, offered, reason, practitioner_id, service_id, "warn")
        for reason in offered.why_not(practitioner_id, service_id)
    ]
    if not findings:
        place = yield from clinic(state)
        services = (service_id,) if service_id is not None else ()
        wanted = _next_days(state, place, practitioner_ids=(practitioner_id,), service_ids=services)
        answer = yield from slots(state, wanted)
        if answer.complete and not answer.found:
            findings.append(_finding(state, "no_open_times", "warn", "clinic", evidence=(f"{SEARCH_DAYS}",)))
    return Explanation(
        practitioner_id=practitioner_id, service_id=service_id, visible=not findings, findings=tuple(findings)
    )


def address_problem(url: str, policy: UrlPolicy) -> str:
    """Why a typed booking URL may not be called, as a word; "" when it may."""
    checked = check_url(url, policy)
    return checked if isinstance(checked, str) else ""


# ---- the probes


def _form_findings(adapter: type[Adapter], connection: Connection) -> list[Finding]:
    return [
        Finding(
            code="invalid_connection",
            severity="fail",
            actor="administrator",
            because=reason,
            fields=(name,),
            inferred=adapter.form.fields()[name].inferred,
            vendor=adapter.name,
        )
        for name, reason in adapter.form.problems(connection)
    ]


def _place(report: _Report, error: KoblingError, *, typed_host: bool) -> None:
    """Put an error of `identify` at the stage it speaks of; the stages before it were passed, or are not told.

    A page at a typed address is a login or a web site more often than a vendor's fault, so the address is to be looked
    at first; it is no proof that the address is wrong, and counts as no attempt."""
    stage = PROBE_OF_ERROR.get(error.code, "clinic")
    if stage in ("auth", "clinic"):
        report.put("address")
    if stage == "clinic":
        report.put("auth", status="pass" if error.code == "department_not_found" else "not_told")
    finding = _of_error(error, report.vendor_name)
    if typed_host and error.because == "html":
        seen = {"because": "page_at_the_address", "fields": ("booking_url",), "actor": "administrator"}
        finding = finding.model_copy(update=seen)
    report.put(stage, [finding])


def _put_clinic(report: _Report, state: State, place: Clinic) -> None:
    silent = place.name is None and place.organisation_number is None and place.departments is None
    findings = []
    wanted = state.connection.public.department_id
    if wanted and place.departments is None:
        findings.append(_finding(state, "department_not_told", "info", "nobody", fields=("department_id",)))
    report.put("clinic", findings, status="not_told" if silent else None)
    report.identity = _identity(state, place, None)


def _identity(state: State, place: Clinic, offered: Catalogue | None) -> Identity:
    wanted = state.connection.public.department_id
    department = next((one for one in place.departments or () if one.id == wanted), None)
    return Identity(
        clinic=place.name,
        organisation_number=place.organisation_number,
        department=department.name or department.id if department else None,
        practitioners=tuple(one.name for one in offered.practitioners) if offered and place.name is None else (),
    )


def _catalogue_and_slots(report: _Report, state: State, place: Clinic) -> Flow[None]:
    try:
        offered = yield from catalogue(state, fresh=True)
    except KoblingError as error:
        report.put("catalogue", [_of_error(error, report.vendor_name)])
        return
    report.identity = _identity(state, place, offered)
    report.put("catalogue", _catalogue_findings(state, place, offered))
    if not any(offered.bookable(*pair) for pair in offered.offer_by_ids):
        report.put("slots", _guessed_options(state), status="skip")
        return
    try:
        answer = yield from slots(state, _next_days(state, place, at_most=1), fresh=True)
    except KoblingError as error:
        report.put("slots", [_of_error(error, report.vendor_name)])
        return
    findings = [
        _finding(state, "times_not_read", "warn", "nobody", because="", evidence=(part.because,))
        for part in answer.unknown[:1]
    ]
    if answer.complete and not answer.found:
        findings.append(_finding(state, "no_open_times", "warn", "clinic", evidence=(f"{SEARCH_DAYS}",)))
    report.put("slots", findings + _guessed_options(state))


def _next_days(state: State, place: Clinic, **more: object) -> SlotQuery:
    first = state.line.clock.now().astimezone(zone_of(place.zone)).date()
    last = first + timedelta(days=SEARCH_DAYS - 1)
    return SlotQuery.model_validate({"first_day": first, "last_day": last, **more})


def _not_tested(state: State) -> list[Finding]:
    """What a test that changes nothing can't find out about a key."""
    if not (state.line.adapter.limits.scoped_keys and state.offers("book")):
        return []
    return [_finding(state, "writing_not_tested", "info", "nobody", fields=("api_key",))]


def _guessed_options(state: State) -> list[Finding]:
    """Every option of the adapter that nobody has set for this clinic."""
    options = state.line.options
    unset = [name for name in type(options).model_fields if name not in options.model_fields_set]
    return [_finding(state, "option_is_a_guess", "warn", "registry", subject=name) for name in unset]


def _catalogue_findings(state: State, place: Clinic, offered: Catalogue) -> list[Finding]:
    findings: list[Finding] = []
    if not offered.practitioners:
        findings.append(_finding(state, "no_practitioners", "warn", "clinic"))
    for who in offered.practitioners:
        findings += [_of_reason(state, offered, reason, who.id, None, "warn") for reason in offered.why_not(who.id)]
        findings += _service_findings(state, offered, who.id)
    if place.departments is not None and len(place.departments) > 1:
        findings += [
            _finding(state, "address_missing", "warn", "clinic", subject=what.name, subject_id=what.id,
                     inferred="other_department" in offered.inferred)
            for what in offered.services
            if what.locations is None and any(offered.bookable(who.id, what.id) for who in offered.practitioners)
        ]  # fmt: skip
    return _merged(findings)


def _service_findings(state: State, offered: Catalogue, practitioner_id: str) -> list[Finding]:
    """Services of a visible practitioner that can't be seen. A service that is simply not theirs is no finding."""
    if offered.why_not(practitioner_id):
        return []
    return [
        _of_reason(state, offered, reason, practitioner_id, what.id, "info" if reason in QUIET_REASONS else "warn")
        for what in offered.services
        for reason in offered.why_not(practitioner_id, what.id)
        if reason != "no_rule_for_calendar"
    ]


def _merged(findings: list[Finding]) -> list[Finding]:
    return list(dict.fromkeys(findings))


def _put_clock(report: _Report, state: State) -> None:
    seen = state.line.vendor_clock
    if seen is None:
        report.put("clock", status="not_told" if report.probes.get("address") else "skip")
        return
    skew = seen[0] - seen[1]
    if abs(skew) <= CLOCK_TOLERANCE:
        report.put("clock")
        return
    seconds = f"{int(skew.total_seconds())}"
    report.put("clock", [_finding(state, "clock_differs", "warn", "vendor", evidence=(seconds,))])


# ---- findings


def _finding(state: State, code: str, severity: Severity, actor: Actor, **more: object) -> Finding:
    facts = {"code": code, "severity": severity, "actor": actor, "vendor": state.line.adapter.name, **more}
    return Finding.model_validate(facts)


def _of_error(error: KoblingError, vendor: str) -> Finding:
    known: Callable[[str], bool] = bool
    evidence = tuple(
        f"{name} {value}"
        for name, value in (
            ("code", error.vendor_code),
            ("request", error.vendor_request_id),
            ("id", error.correlation_id),
        )
        if known(value)
    )
    return Finding(
        code=error.code,
        severity="fail",
        actor=error.actor,
        because=error.because,
        fields=error.fields if error.code != "vendor_protocol_error" else (),
        evidence=evidence,
        target=error.target,
        vendor=vendor,
    )


def _of_reason(
    state: State,
    offered: Catalogue,
    reason: WhyNot,
    practitioner_id: str,
    service_id: str | None,
    severity: Literal["info", "warn"],
) -> Finding:
    who = offered.practitioner_by_id.get(practitioner_id)
    what = offered.service_by_id.get(service_id or "")
    names = [one.name for one in (who, what) if one is not None]
    return _finding(
        state,
        reason,
        severity,
        ACTOR_OF_REASON[reason],
        subject=" – ".join(names) or practitioner_id,
        subject_id=service_id or practitioner_id,
        inferred=reason in offered.inferred,
    )


def _worst(findings: Iterable[Finding]) -> Severity | None:
    order: tuple[Severity, ...] = ("fail", "warn", "info")
    present = {one.severity for one in findings}
    return next((one for one in order if one in present), None)
