"""What a vendor offers, row by row, read from what its adapter declares: the same rows for every vendor.

Each row says how far the vendor offers it (`Grade`), in which way, how well that is known (`Source`), and what it has
been tried against. The docs' matrix and `kobling vendors --json` show these rows and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from pydantic import computed_field

from . import texts
from .adapter import Adapter, Operation, Tried, unkept
from .limits import Source
from .model import Model

CapabilityName = Literal[
    "connection", "sign_in", "test_connection", "practitioners", "departments", "rates", "open_times", "options",
    "book", "confirmation", "overlap", "sak_id", "patient_on_file", "hold", "patient_match", "read_back", "listing",
    "lost_answer", "cancel", "move",
]  # fmt: skip
Grade = Literal["native", "computed", "saga", "not_offered", "not_told"]
"""native: the vendor does it. computed: worked out from what the vendor tells. saga: in several steps, each with an
answer for its failure. not_offered: not with this vendor. not_told: nobody knows whether the vendor does it."""

_WEAKEST_LAST: Final[tuple[Source, ...]] = ("known", "partly", "inferred", "nobody")
_NONE: Final[tuple[str, ...]] = ()
_Cell = tuple[Grade, str, tuple[str, ...], Source]


class Capability(Model):
    """One row of one vendor. how: in which way, as a word. names: the fields or options that this is about."""

    name: CapabilityName
    grade: Grade
    how: str
    names: tuple[str, ...] = ()
    source: Source
    tried: tuple[Tried, ...] = ()

    def title(self, lang: texts.Language = "nb") -> str:
        """What the row is about."""
        return texts.text("capability", self.name, lang)

    def explain(self, lang: texts.Language = "nb") -> str:
        """In which way the vendor offers it, in a few words."""
        return texts.text("how", self.how, lang, names=texts.field_names(self.names, lang))

    @computed_field  # type: ignore[prop-decorator]
    @property
    def text(self) -> dict[str, str]:
        """The explanation in both languages."""
        return {lang: self.explain(lang) for lang in texts.LANGUAGES}


def capabilities(adapter: type[Adapter]) -> tuple[Capability, ...]:
    """Every row for one adapter, in the order in which a registry meets them. An adapter whose options state more
    (`Adapter.suited`) has rows of its own for each such class."""
    rows: list[Capability] = []
    for name, read in _ROWS.items():
        grade, how, names, source = read(adapter)
        offered = grade not in ("not_offered", "not_told")
        tried = adapter.provenance.tried if offered else ()
        rows.append(Capability(name=name, grade=grade, how=how, names=names, source=source, tried=tried))
    return tuple(rows)


def _weakest(*sources: Source) -> Source:
    return max(sources, key=_WEAKEST_LAST.index)


def _call(operation: Operation, how: str, without: str = "no_call") -> Callable[[type[Adapter]], _Cell]:
    """A row that is one operation of the adapter's."""

    def read(adapter: type[Adapter]) -> _Cell:
        if operation not in adapter.supports:
            return "not_offered", without, _NONE, "nobody"
        return "native", how, _NONE, adapter.provenance.source(operation)

    return read


def _needs_booking(read: Callable[[type[Adapter]], _Cell]) -> Callable[[type[Adapter]], _Cell]:
    """A row that says nothing of a vendor that can only be searched."""

    def checked(adapter: type[Adapter]) -> _Cell:
        if unkept(adapter):
            return "not_offered", "no_listing", _NONE, adapter.limits.booking.source("overlap")
        return read(adapter) if "book" in adapter.supports else ("not_offered", "search_only", _NONE, "nobody")

    return checked


def _connection(adapter: type[Adapter]) -> _Cell:
    used = {name: field for name, field in adapter.form.fields().items() if field.use != "unused"}
    guessed = [name for name, field in used.items() if field.inferred]
    source: Source = "known" if not guessed else "inferred" if len(guessed) == len(used) else "partly"
    return "native", "fields", tuple(used), source


def _sign_in(adapter: type[Adapter]) -> _Cell:
    if "sign_in" in adapter.supports:
        return "native", "token", _NONE, adapter.provenance.source("sign_in")
    return "not_offered", "key_with_every_call", _NONE, adapter.provenance.source("identify")


def _test_connection(adapter: type[Adapter]) -> _Cell:
    how = "clinic_named" if adapter.limits.catalogue.names_clinic else "practitioners_named"
    return "native", how, _NONE, adapter.provenance.source("identify")


def _departments(adapter: type[Adapter]) -> _Cell:
    facts = adapter.limits.catalogue
    grades: Mapping[str, Grade] = {"listed": "native", "addresses": "computed", "nowhere": "not_offered"}
    return grades[facts.departments], f"departments_{facts.departments}", _NONE, facts.source("departments")


def _rates(adapter: type[Adapter]) -> _Cell:
    facts = adapter.limits.catalogue
    grade: Grade = "not_offered" if facts.rates == "nowhere" else "native"
    return grade, f"rates_{facts.rates}", _NONE, facts.source("rates")


def _open_times(adapter: type[Adapter]) -> _Cell:
    source = adapter.provenance.source("list_slots")
    if adapter.limits.slots.computed:
        return "computed", "computed_times", _NONE, source
    return "native", "listed_times", _NONE, source


def _options(adapter: type[Adapter]) -> _Cell:
    """What the vendor does not tell and the registry's staff must; left alone, each is a guess."""
    names = tuple(adapter.Options.model_fields)
    if not names:
        return "native", "nothing_to_set", _NONE, "known"
    return "not_told", "set_by_staff", names, "nobody"


def _confirmation(adapter: type[Adapter]) -> _Cell:
    facts = adapter.limits.booking
    grade: Grade = "not_told" if facts.mode == "unknown" else "native"
    return grade, f"answer_{facts.mode}", _NONE, facts.source("mode")


def _overlap(adapter: type[Adapter]) -> _Cell:
    facts = adapter.limits.booking
    grade: Grade = "native" if facts.overlap == "refused" else "saga"
    return grade, f"overlap_{facts.overlap}", _NONE, facts.source("overlap")


def _sak_id(adapter: type[Adapter]) -> _Cell:
    facts = adapter.limits.booking
    grade: Grade = "native" if facts.sak_id_place in ("field", "note") else "not_offered"
    source = facts.source("sak_id_in" if facts.sak_id_in else "reference_in")
    return grade, f"sak_id_{facts.sak_id_place}", _NONE, source


def _patient_on_file(adapter: type[Adapter]) -> _Cell:
    if "register_patient" in adapter.supports:
        return "native", "record_first", _NONE, adapter.provenance.source("register_patient")
    return "not_offered", "with_the_booking", _NONE, adapter.provenance.source("book")


def _hold(adapter: type[Adapter]) -> _Cell:
    if "hold_slot" not in adapter.supports:
        return "not_offered", "booked_at_once", _NONE, adapter.provenance.source("book")
    how = "held_and_released" if "release_slot" in adapter.supports else "held"
    return "native", how, _NONE, adapter.provenance.source("hold_slot")


def _patient_match(adapter: type[Adapter]) -> _Cell:
    match = adapter.patient_fields.match
    if match == "unknown":
        return "not_told", "match_unknown", _NONE, "nobody"
    operation: Operation = "register_patient" if "register_patient" in adapter.supports else "book"
    grade: Grade = "not_offered" if match == "new_record" else "native"
    return grade, f"match_{match}", _NONE, adapter.provenance.source(operation)


def _listing(adapter: type[Adapter]) -> _Cell:
    how = "listed_by_day" if adapter.limits.booking.listed_by == "days" else "listed_by_reference"
    return _call("list_bookings", how)(adapter)


def _lost_answer(adapter: type[Adapter]) -> _Cell:
    """As `resolve` climbs: the reference in a listing, else the slot itself, else a person."""
    facts = adapter.limits.booking
    if "list_bookings" in adapter.supports and facts.reference_in != "nowhere":
        how = "resolved_by_reading" if facts.latest_commit is not None else "resolved_when_found"
        source = _weakest(adapter.provenance.source("list_bookings"), facts.source("reference_in"))
        return "native", how, _NONE, source
    if not facts.unproven():
        return "computed", "resolved_by_slot", _NONE, "known"
    return "not_offered", "resolved_by_person", _NONE, "nobody"


def _move(adapter: type[Adapter]) -> _Cell:
    if "reschedule" not in adapter.supports:
        source = _weakest(adapter.provenance.source("book"), adapter.provenance.source("cancel"))
        return "saga", "booked_then_cancelled", _NONE, source
    names = tuple(f"{kind}_id" for kind in sorted(adapter.limits.reschedule_within))
    return "native", "moved_within" if names else "moved", names, adapter.provenance.source("reschedule")


_ROWS: Final[Mapping[CapabilityName, Callable[[type[Adapter]], _Cell]]] = {
    "connection": _connection,
    "sign_in": _sign_in,
    "test_connection": _test_connection,
    "practitioners": _call("catalogue", "listed"),
    "departments": _departments,
    "rates": _rates,
    "open_times": _open_times,
    "options": _options,
    "book": _needs_booking(_call("book", "one_call", "search_only")),
    "confirmation": _needs_booking(_confirmation),
    "overlap": _needs_booking(_overlap),
    "sak_id": _needs_booking(_sak_id),
    "patient_on_file": _needs_booking(_patient_on_file),
    "hold": _needs_booking(_hold),
    "patient_match": _needs_booking(_patient_match),
    "read_back": _call("get_booking", "read_by_id"),
    "listing": _listing,
    "lost_answer": _needs_booking(_lost_answer),
    "cancel": _call("cancel", "one_call", "search_only"),
    "move": _needs_booking(_move),
}
CAPABILITIES: Final[tuple[CapabilityName, ...]] = tuple(_ROWS)
"""The rows, in their order."""
