"""The answer to "Test kobling": seven probes, what each found, and who can do something about it."""

from __future__ import annotations

from typing import Literal

from pydantic import computed_field

from . import texts
from .errors import Actor, Language
from .model import Model, Moment

ProbeName = Literal["form", "address", "auth", "clinic", "catalogue", "slots", "clock"]
PROBES: tuple[ProbeName, ...] = ("form", "address", "auth", "clinic", "catalogue", "slots", "clock")
Outcome = Literal["success", "degraded", "failed"]
ProbeStatus = Literal["pass", "warn", "fail", "skip", "not_told"]
Severity = Literal["info", "warn", "fail"]


class Finding(Model):
    """One thing that was found. code: a word, the same for every vendor. fields: the connection fields concerned.
    subject: the practitioner or service it is about, as the vendor names it. evidence: words and numbers that support
    it. inferred: it rests on a field whose meaning the adapter guesses. actor: who can mend it."""

    code: str
    severity: Severity
    actor: Actor
    because: str = ""
    fields: tuple[str, ...] = ()
    subject: str = ""
    subject_id: str = ""
    evidence: tuple[str, ...] = ()
    inferred: bool = False
    target: str = ""
    vendor: str = ""

    def explain(self, lang: Language = "nb") -> str:
        """What was found, what to do and who can do it."""
        return texts.explain_finding(self, lang)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> dict[str, str]:
        """The explanation in both languages."""
        return {lang: self.explain(lang) for lang in texts.LANGUAGES}


class Probe(Model):
    """One stage of the diagnosis. "not_told" means that the vendor does not say, which is no failure."""

    name: ProbeName
    status: ProbeStatus
    findings: tuple[Finding, ...] = ()


class Identity(Model):
    """Which clinic the vendor says the key belongs to; where it names none, the practitioners that were found."""

    clinic: str | None = None
    organisation_number: str | None = None
    department: str | None = None
    practitioners: tuple[str, ...] = ()


class ConnectionReport(Model):
    """The result of a test of a connection. It never holds the key.

    counts_as_attempt: the typed fields are to blame, so that the press counts towards the registry's limit; a
    vendor's outage never does. origin: the address used instead of the vendor's own (a mock or sandbox), else None.
    """

    vendor: str
    outcome: Outcome
    probes: tuple[Probe, ...]
    counts_as_attempt: bool
    identified_as: Identity = Identity()
    origin: str | None = None
    tested_at: Moment

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every finding, in the order of the probes."""
        return tuple(finding for probe in self.probes for finding in probe.findings)

    def probe(self, name: ProbeName) -> Probe:
        """One probe by its name."""
        return next(probe for probe in self.probes if probe.name == name)

    def headline(self, lang: Language = "nb") -> str:
        """ "Suksess", or what is wrong, in one sentence."""
        if self.outcome == "failed":
            failed = next(finding for finding in self.findings if finding.severity == "fail")
            return failed.explain(lang)
        return texts.text("outcome", self.outcome, lang)


class Explanation(Model):
    """Why a practitioner, or a service of theirs, can or can't be seen. `visible` when there is nothing against it."""

    practitioner_id: str
    service_id: str | None
    visible: bool
    findings: tuple[Finding, ...] = ()
