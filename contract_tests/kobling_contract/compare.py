"""The same questions to two ends of one vendor, a mock and a sandbox: where the answers differ in form, and what the
adapter makes of them.

Only reading questions are asked. Nothing that stands in an answer is told: names of members by `shape.py`'s rule, kinds
of value, words that the adapter's `recording.toml` declares, and the contract's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeAlias, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel

from kobling import Adapter, BookingQuery, Connection, KoblingError, WhyNot, WireReply
from kobling.adapter import Operation
from kobling.booking import Status
from kobling.catalogue import Mode, OwnerKind, PatientList, ServiceKind
from kobling.engine import line_address
from kobling.strictjson import JsonProblem, loads

from .live import LiveScene, LiveTarget
from .recording.allowlist import AllowList, allow_list_of
from .rig import Rig, WireCall
from .shape import ANY_KEY, Shape, names_in
from .sides import Escaped
from .target import find_target

__all__ = ["Difference", "Heard", "compare", "compare_with_sandbox", "differences", "listen"]

DAYS = 14
OWN_WORDS = {
    "owner_kind": get_args(OwnerKind), "kind": get_args(ServiceKind), "modes": get_args(Mode),
    "patients": get_args(PatientList), "status": get_args(Status), "why_not": get_args(WhyNot), "inferred": (),
    "online": (), "because": (), "complete": (),
}  # fmt: skip
"""Members of our own values of which the words are told: each has a vocabulary of the contract's."""
NOT_COMPARED = frozenset({"token", "connection_id", "observed_at", "zone", "rate_table", "department_id"})
"""What a session stamps, and tokens, of which only the adapter knows what stands in them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. question: the operation. call: the call's form, or "" for what the adapter makes of the answers.
    place: where. mock, sandbox: what was seen there, as words; nothing where the place was not seen at all. new: the
    sandbox shows what the mock never does, so that nothing has been tried against it; else the mock shows more."""

    question: Operation
    call: str
    place: str
    mock: frozenset[str]
    sandbox: frozenset[str]

    @property
    def new(self) -> bool:
        """Whether the sandbox shows what the mock never does."""
        return not self.sandbox <= self.mock

    def __str__(self) -> str:
        where = f"{self.call} {self.place}".strip() if self.call else f"what the adapter makes of it {self.place}"
        return f"{self.question}, {where.strip()}: mock {_words(self.mock)}; sandbox {_words(self.sandbox)}"


def _words(seen: frozenset[str]) -> str:
    return " or ".join(sorted(seen)) or "nothing"


@dataclass(slots=True, repr=False)
class Heard:
    """What one end was asked and answered: the replies by question and call, how each question ended (`read`, or an
    error's words), and what the adapter made of the answers."""

    calls: dict[Operation, dict[str, list[WireReply | None]]] = field(default_factory=dict)
    outcomes: dict[Operation, str] = field(default_factory=dict)
    results: dict[Operation, Any] = field(default_factory=dict)


async def listen(rig: Rig, fixed: Collection[str]) -> Heard:
    """Ask a rig's session every question that only reads. fixed: the parts of paths that may be told."""
    heard = Heard()
    base = _base(rig)
    today = rig.today()
    window = BookingQuery(first_day=today, last_day=today + timedelta(days=DAYS - 1))
    questions: dict[Operation, Callable[[], Coroutine[Any, Any, Any]]] = {
        "identify": rig.session.clinic,
        "catalogue": rig.session.catalogue,
        "list_slots": lambda: rig.session.slots(rig.days(DAYS)),
    }
    if "list_bookings" in rig.adapter.supports and rig.adapter.limits.booking.listed_by == "days":
        questions["list_bookings"] = lambda: rig.session.bookings(window)
    for name, ask in questions.items():
        before = len(rig.wire)
        try:
            heard.results[name], heard.outcomes[name] = _plain(await ask()), "read"
        except KoblingError as error:
            heard.outcomes[name] = ": ".join((error.code, *filter(None, (error.because, *error.fields))))
        except Escaped as escaped:
            heard.outcomes[name] = f"adapter raised {escaped.kind}"
        told: dict[str, list[WireReply | None]] = {}
        for one in rig.wire[before:]:
            told.setdefault(_form(one, base, fixed), []).append(
                one.outcome if isinstance(one.outcome, WireReply) else None
            )
        heard.calls[name] = told
    return heard


async def compare_with_sandbox(sandbox: LiveTarget, seed: int = 1) -> list[Difference]:
    """Ask the vendor's mock and its sandbox, and tell where they differ. Raises `TargetUnavailable` where there is no
    mock; then nothing has been sent."""
    target = find_target(sandbox.vendor, sandbox.adapter)
    ends = [Rig(target, "async", "demo", seed), LiveScene(sandbox, seed, "async").rig("demo")]
    try:
        return await compare(*ends)
    finally:
        for one in ends:
            await one.close()


async def compare(mock: Rig, sandbox: Rig) -> list[Difference]:
    """Ask both ends, and tell where they differ."""
    fixed = {part for one in mock.mock.dialect.operations for part in one.rule.split("/") if "<" not in part}
    fixed |= allow_list_of(mock.adapter).segments
    return differences(mock.adapter, await listen(mock, fixed), await listen(sandbox, fixed))


def differences(adapter: type[Adapter], mock: Heard, sandbox: Heard) -> list[Difference]:
    """Where two ends differ, question by question."""
    allowed = allow_list_of(adapter)
    known = allowed.members | {
        name
        for calls in mock.calls.values()
        for replies in calls.values()
        for reply in replies
        for name in names_in(_body(reply))
    }
    found: list[Difference] = []
    for question, asked in mock.calls.items():
        answered = sandbox.calls.get(question, {})
        for call in dict.fromkeys([*asked, *answered]):
            ends = asked.get(call, []), answered.get(call, [])
            if all(ends):
                found += [Difference(question, call, *one) for one in _of_call(*ends, known, allowed)]
            else:
                seen = (frozenset({"asked"}) if one else frozenset[str]() for one in ends)
                found.append(Difference(question, call, "", *seen))
        ends_as = [frozenset({end.outcomes[question]}) for end in (mock, sandbox)]
        if ends_as[0] != ends_as[1]:
            found.append(Difference(question, "", "", *ends_as))
        elif question in mock.results:
            made = [_shape_of_result(end.results[question]) for end in (mock, sandbox)]
            found += [Difference(question, "", *one) for one in _of_shapes(*made)]
    return found


# ---- asking


def _base(rig: Rig) -> str:
    """The path below which this end's calls stand."""
    accepted = rig.adapter.form.accept(Connection(rig.adapter.key, **rig.fields()))
    ground = getattr(rig, "ground", None)
    return urlsplit(line_address(rig.adapter.base_url, accepted.public, ground.origin if ground else None)).path


def _form(one: WireCall, base: str, fixed: Collection[str]) -> str:
    """`GET practitioners/{}`: the method, and the path below the base with whatever is not fixed left out."""
    path = urlsplit(one.request.url).path
    if not path.startswith(base):
        return f"{one.request.method} (sign-in)"
    parts = [part if part in fixed else ANY_KEY for part in path[len(base) :].split("/")[1:]]
    return f"{one.request.method} {'/'.join(parts)}".rstrip()


def _plain(result: Any) -> Any:
    if isinstance(result, BaseModel):
        return _without_stamps(result.model_dump(mode="json"))
    return result


def _without_stamps(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_stamps(inner) for name, inner in value.items() if name not in NOT_COMPARED}
    return [_without_stamps(inner) for inner in value] if isinstance(value, list) else value


# ---- comparing


_Told: TypeAlias = tuple[str, frozenset[str], frozenset[str]]
"""Place, and what was seen there at the mock and at the sandbox."""


def _of_call(
    mock: list[WireReply | None], sandbox: list[WireReply | None], known: Iterable[str], allowed: AllowList
) -> Iterator[_Told]:
    for what, read in _OUTSIDE.items():
        here, there = (frozenset(read(one) for one in end) for end in (mock, sandbox))
        if here != there:
            yield f"({what})", here, there
    shapes = []
    for end in (mock, sandbox):
        shape = Shape(known)
        for reply in end:
            if (body := _body(reply)) is not None:
                shape.add(body)
        shapes.append(shape)
    yield from _of_shapes(*shapes)
    yield from _of_words(mock, sandbox, allowed)


_OUTSIDE: Mapping[str, Callable[[WireReply | None], str]] = {
    "status": lambda one: "no answer" if one is None else str(one.status),
    "content type": lambda one: "none" if one is None else _kind_of_content(one),
    "body": lambda one: "JSON" if _body(one) is not None else "nothing" if one is None or not one.body else "not JSON",
}


def _kind_of_content(reply: WireReply) -> str:
    told = (reply.header("content-type") or "none").partition(";")[0].strip().lower()
    return (
        told if told in ("none", "application/json", "text/html", "text/plain", "application/problem+json") else "other"
    )


def _of_shapes(mock: Shape, sandbox: Shape) -> Iterator[_Told]:
    """Places at which kinds differ. What lies below such a place is told only where both ends have it: nothing follows
    from a list that is empty, or from an object that is not there."""
    for place in dict.fromkeys([*mock.places, *sandbox.places]):
        seen = mock.kinds(place), sandbox.kinds(place)
        if seen[0] != seen[1] and all(seen):
            yield place, *seen


def _of_words(mock: list[WireReply | None], sandbox: list[WireReply | None], allowed: AllowList) -> Iterator[_Told]:
    """Words of declared vocabularies that one end says and the other does not; of others only that there are some."""
    for pattern, declared in allowed.values.items():
        if not pattern.startswith("/"):
            continue
        said = [
            frozenset(
                text
                for reply in end
                for place, text in _texts(_body(reply))
                if text and allowed.words(place) == declared
            )
            for end in (mock, sandbox)
        ]
        strange = said[1] - declared
        if strange:
            told = f"{len(strange)} that recording.toml does not list"
            yield f"{pattern} (words)", said[0] & declared, said[1] & declared | {told}
        elif said[0] and said[1] - said[0]:
            yield f"{pattern} (words)", said[0] & declared, said[1]


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, f"{place}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, f"{place}/{index}")
    elif isinstance(value, str):
        yield place, value


def _shape_of_result(result: Any) -> Shape:
    shape = Shape(names_in(result), OWN_WORDS)
    shape.add(result)
    return shape


def _body(reply: WireReply | None) -> Any:
    if reply is None or not reply.body:
        return None
    try:
        return loads(reply.body, reply.header("content-type")).value
    except JsonProblem:
        return None
