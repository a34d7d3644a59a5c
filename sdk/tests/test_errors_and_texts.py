"""Errors: one branch per next step, an effect that is certain, and words for people in both languages."""

from __future__ import annotations

import ast
import copy
import pickle
import string
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

import kobling
from kobling import (
    AdapterBug,
    BookedDifferently,
    Booking,
    BookingRef,
    CredentialsRejected,
    KoblingError,
    Lists,
    OutcomeUnknown,
    PatientFieldRequired,
    ResolveFirst,
    SlotTaken,
    UrlNotAllowed,
    VendorUnavailable,
    WhyNot,
)
from kobling.drivers.failures import CERTIFICATE, HANDSHAKE
from kobling.errormap import ErrorMap, Refusal
from kobling.errors import Actor, all_errors
from kobling.exchange import UNSENDABLE
from kobling.flows.diagnosis import PROBE_OF_ERROR
from kobling.http import ByCursor, ByLink, ByNumber, ByOffset, Http, find
from kobling.report import PROBES, Finding
from kobling.texts import LANGUAGES, field_names, messages

EXTRA: dict[str, dict[str, Any]] = {
    "booked_differently": {"booking": Booking(id="1", status="booked"), "differences": ("start",)},
    "reschedule_half_done": {"new": None, "old": BookingRef(connection_id="c", id="1")},
}


def made(cls: type[KoblingError], **facts: Any) -> KoblingError:
    return cls(**EXTRA.get(cls.code, {}), **facts)


ERRORS = sorted(all_errors().values(), key=lambda cls: cls.code)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.code)
def test_an_error_is_outcome_unknown_if_and_only_if_its_effect_is_unknown(cls: type[KoblingError]) -> None:
    assert (made(cls).effect == "unknown") is issubclass(cls, OutcomeUnknown)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.code)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_error_says_what_happened_what_to_do_and_who_can(cls: type[KoblingError], lang: Any) -> None:
    error = made(cls)
    text = error.explain(lang)
    entry = messages(lang)["error"][cls.code]
    assert entry["what"].partition("{")[0] in text
    assert messages(lang)["actor"][error.actor] in text
    assert "{" not in text
    assert not any(char.isdigit() for char in text)


def shape(table: Any, path: str = "") -> dict[str, tuple[str, ...]]:
    if isinstance(table, dict):
        return {key: value for name, one in table.items() for key, value in shape(one, f"{path}.{name}").items()}
    return {path: tuple(sorted(name for _, name, _, _ in string.Formatter().parse(table) if name))}


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    assert shape(messages("nb")) == shape(messages("en"))


def test_every_word_that_a_person_may_meet_has_a_text() -> None:
    for lang in LANGUAGES:
        tables = messages(lang)
        assert set(get_args(WhyNot)) <= set(tables["finding"])
        assert set(get_args(Actor)) == set(tables["actor"])
        assert set(PROBES) == set(tables["probe"])
        assert set(PROBE_OF_ERROR) <= set(tables["error"])


def test_everything_wrong_with_a_certificate_or_an_address_has_its_own_text_remedy_and_actor() -> None:
    reasons = {*CERTIFICATE.values(), *HANDSHAKE.values(), "certificate", "handshake", "private_address"}
    for lang in LANGUAGES:
        tables = messages(lang)
        assert reasons <= set(tables["because"])
        assert reasons <= set(tables["remedy"])
        assert len({tables["because"][reason] for reason in reasons}) == len(reasons)
        for reason in reasons:
            assert tables["remedy"][reason] in UrlNotAllowed(reason).explain(lang)
    assert {UrlNotAllowed(reason).actor for reason in reasons} == {"it"}


@pytest.mark.parametrize(
    ("lang", "named"), [("nb", "«Ekstern ID» og «API-nøkkel»"), ("en", "“Ekstern ID” and “API-nøkkel”")]
)
def test_a_sentence_quotes_the_labels_of_the_form_and_a_list_does_not(lang: Any, named: str) -> None:
    fields = ("external_id", "api_key")
    assert named in CredentialsRejected(fields=fields).explain(lang)
    finding = Finding(code="credentials_rejected", severity="fail", actor="administrator", fields=fields)
    assert named in finding.explain(lang)
    assert field_names(fields, lang) == named.translate({ord(sign): None for sign in "«»“”"})
    assert PatientFieldRequired(fields=("email",)).explain("nb").startswith("bookingsystemet trenger e-postadresse for")


def test_a_remedy_belongs_to_a_reason() -> None:
    for lang in LANGUAGES:
        assert {*messages(lang)["remedy"], *messages(lang)["instead"]} <= set(messages(lang)["because"])


def test_a_reference_that_is_booked_is_not_told_as_one_of_unknown_fate() -> None:
    for lang, booked in (("en", "been booked already"), ("nb", "allerede brukt til en bestilling")):
        unknown = messages(lang)["error"]["resolve_first"]["what"]
        text = ResolveFirst("already_booked").explain(lang)
        assert unknown not in text
        assert booked in text
        assert "BookingRequest" in text
        for because in ("", "under_way", "timeout"):
            assert ResolveFirst(because).explain(lang).startswith(unknown)


@pytest.mark.parametrize("text", ["Kari Nordmann ringte", "key=abc&x", "<html>", "a\nb", "x" * 81])
def test_no_constructor_takes_free_text(text: str) -> None:
    with pytest.raises(TypeError):
        VendorUnavailable(text)
    with pytest.raises(TypeError):
        VendorUnavailable(fields=(text,))


def test_a_vendors_code_is_kept_only_when_it_is_a_single_word() -> None:
    assert VendorUnavailable(vendor_code="E-4711").vendor_code == "E-4711"
    assert VendorUnavailable(vendor_code="Pasient Kari finnes ikke").vendor_code == ""


@pytest.mark.parametrize("given", [{"because": 5}, {"because": None}, {"fields": ["start"]}, {"fields": "start"},
                                   {"fields": (5,)}])  # fmt: skip
def test_no_constructor_takes_anything_but_words(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="takes words"):
        VendorUnavailable(**given)


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.code)
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_crosses_a_process_pool_whole(cls: type[KoblingError], copier: Callable[[Any], Any]) -> None:
    error = made(cls, because="a_word", vendor="v", correlation_id="abc", residue=("patient:1",))
    crossed = copier(error)
    assert type(crossed) is cls
    assert (crossed.as_dict(), crossed.args, vars(crossed)) == (error.as_dict(), error.args, vars(error))


def test_an_adapters_own_kind_of_an_error_is_told_as_the_error_that_it_narrows() -> None:
    class LunchTime(SlotTaken):
        code = "lunch_time"

    assert LunchTime().explain("nb") == SlotTaken().explain("nb")
    assert "SlotTaken" not in KoblingError().explain("en")
    finding = Finding(code="lunch_time", severity="fail", actor="vendor")
    assert set(finding.text) == set(LANGUAGES)


def test_the_text_of_an_error_holds_the_facts_a_developer_needs() -> None:
    error = VendorUnavailable("status_503", vendor="v", operation="book", vendor_code="E1", correlation_id="abc")
    for fact in ("vendor_unavailable", "status_503", "v book", "effect none", "E1", "abc"):
        assert fact in str(error)


def reasons_in_the_source() -> set[str]:
    """Every reason with which the SDK raises `AdapterBug`, or hands to what raises it."""
    found: set[str] = set(UNSENDABLE)
    for path in Path(kobling.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("AdapterBug", "_copied")
            if named:
                words = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
                found.update(words)
    return found


def test_every_defect_that_the_engine_refuses_tells_the_author_how_to_write_it() -> None:
    told = messages("en")["defect"]
    reasons = reasons_in_the_source()
    assert {"second_write", "list_slots_returns_slots", "identify_returns_a_clinic"} <= reasons
    assert reasons <= set(told)
    error = AdapterBug("second_write", vendor="mysystem", operation="book")
    assert told["second_write"]["do"] in str(error)
    assert told["second_write"]["do"] not in error.explain("en"), "an administrator can't mend it"
    assert told["exception"]["what"] in str(AdapterBug("KeyError"))


# ---- an adapter's table of errors is refused when it is made


WRONG_TABLES: dict[str, tuple[Callable[[], object], str]] = {
    "a class's name": (lambda: ErrorMap({"GONE": "NotActivated"}), "the class NotActivated without quotation marks"),  # type: ignore[dict-item]
    "an error of Python's": (lambda: ErrorMap(statuses={403: ValueError}), r"statuses\[403\] is ValueError"),  # type: ignore[dict-item]
    "an error, made": (lambda: ErrorMap({"GONE": SlotTaken()}), "an object of type SlotTaken"),  # type: ignore[dict-item]
    "what holds bookings": (lambda: ErrorMap({"GONE": BookedDifferently}), "which only Kobling can tell"),
    "a name in a refusal": (lambda: Refusal("SlotTaken"), "the class SlotTaken"),  # type: ignore[arg-type]
    "a list for a table": (lambda: ErrorMap([SlotTaken]), "must be a dict"),  # type: ignore[arg-type]
    "a code without its slash": (lambda: ErrorMap(code="problem"), "write '/problem'"),
    "a field without its slash": (lambda: ErrorMap(field="where"), "write '/where'"),
    "the last page": (lambda: ByNumber(last="pages"), "write '/pages'"),
    "the total": (lambda: ByOffset(size=("n", 10), total="total"), "write '/total'"),
    "the cursor": (lambda: ByCursor(at="next"), "write '/next'"),
    "the link": (lambda: ByLink(at="next"), "write '/next'"),
    "the items": (
        lambda: Http(lambda: datetime.now(UTC)).pages("x", items="rows", next=ByLink(), of=dict),
        "write '/rows'",
    ),
    "the items of all lists": (lambda: Lists(items="rows", next=ByLink()), "write '/rows'"),
    "a list that nobody describes": (
        lambda: Http(lambda: datetime.now(UTC)).pages("x", of=dict),
        "lists = Lists",
    ),
    "what is found": (lambda: find({"rows": 1}, "rows"), "write '/rows'"),
}


@pytest.mark.parametrize("name", WRONG_TABLES)
def test_what_would_fail_at_a_refusal_only_is_refused_when_it_is_made(name: str) -> None:
    made, says = WRONG_TABLES[name]
    with pytest.raises((TypeError, ValueError), match=says):
        made()


def test_pointers_to_the_whole_and_functions_are_taken() -> None:
    assert ErrorMap({"GONE": SlotTaken}, code="").code == ""
    assert callable(ErrorMap(code=lambda response: None).code)
    assert (ByNumber().last, ByLink().at) == (None, None)
