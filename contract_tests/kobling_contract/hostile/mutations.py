"""Changes of recorded answers: of one place in the JSON, or of the answer as it goes over the wire.

A `Change` holds everything that it does, so that it can be told, repeated and made smaller. `Plan` lists every kind of
change for every place of every answer of an operation, in an order that a seed decides: a run misses no field by bad
luck, and a case is found again by its number.
"""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import PydanticSerializationError, to_json

from kobling import WireReply

from ..answers import parsed
from .strange import FLOATS, IMPOSSIBLE, NUMBERS, TEXTS, TIMES, TOKENS, Kind, Raw, kind_of, other_digits
from .wire import ANOTHER, PLANTED, WIRE, Answer

__all__ = [
    "Answer",
    "Case",
    "Change",
    "Claim",
    "Place",
    "Plan",
    "altered",
    "at",
    "changed",
    "places",
    "written",
]

Place: TypeAlias = tuple[str | int, ...]
Act: TypeAlias = Literal["set", "remove", "rename", "twice", "wire", "endless"]
Chance: TypeAlias = random.Random
Claim: TypeAlias = Literal["same", "other", "no_new_times"]
"""What must hold of two readings: a value in another spelling is refused or read as the same; what is no spelling of
it is refused or read as something else; an impossible time adds none."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one answer.

    position: which exchange of the script. name: the kind of change. place, value: where in the JSON, and what it
    becomes; for an act on the wire, `value` is its parameter. everywhere: in every answer from the same path.
    """

    position: int
    name: str
    act: Act = "set"
    place: Place = ()
    value: Any = None
    everywhere: bool = False

    def __str__(self) -> str:
        where = "" if self.act == "wire" else f" at /{'/'.join(map(str, self.place))}"
        if self.name == PLANTED:
            where = where or f" in {self.value[1]}, status {self.value[0]}"
            return f"the key, or something of the patient,{where}"
        what = "" if self.act in ("remove", "rename") else f" {_short(self.value)}"
        return f"{self.name}{what}{where}{' everywhere' if self.everywhere else ''}"


def altered(answer: Answer, data: Any, changes: Iterable[Change], served: int) -> Answer:
    """The answer with all changes: first those of its JSON, then those of the whole. data: its JSON. served: how many
    answers came before, in this case."""
    whole = []
    touched = False
    for one in changes:
        if one.act == "wire":
            whole.append(one)
        elif one.act == "endless":
            data, touched = changed(data, one.place, "set", 10**6 + served if one.value == 0 else f"next{served}"), True
        else:
            data, touched = changed(data, one.place, one.act, one.value), True
    if touched and isinstance(answer, WireReply):
        answer = WireReply(answer.status, answer.headers, written(data))
    for one in whole:
        if isinstance(answer, WireReply):
            answer = WIRE[one.name][0](answer, one.value)
    return answer


def _short(value: Any) -> str:
    text = value.text if isinstance(value, Raw) else f"{value.status}" if isinstance(value, WireReply) else repr(value)
    return text if len(text) <= 60 else f"{text[:50]}… ({len(text)} characters)"


# ---- JSON with a place changed


class _Doubled:
    """An object one of whose keys comes twice, the second time with another value."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def changed(data: Any, place: Place, act: Act, value: Any) -> Any:
    """The data with one place changed, sharing everything else; as it is where it has no such place."""
    if not place:
        return {} if act == "remove" else value if act == "set" else data
    step, rest = place[0], place[1:]
    if isinstance(data, dict) and step in data:
        if rest:
            return {**data, step: changed(data[step], rest, act, value)}
        if act == "remove":
            return {name: one for name, one in data.items() if name != step}
        if act == "rename":
            return {f"{name}2" if name == step else name: one for name, one in data.items()}
        if act == "twice":
            return _Doubled([*data.items(), (str(step), value)])
        return {**data, step: value}
    if isinstance(data, list) and isinstance(step, int) and step < len(data):
        new = changed(data[step], rest, act, value) if rest else value
        return [*data[:step], *([] if act == "remove" and not rest else [new]), *data[step + 1 :]]
    return data


_RAW = re.compile(r'"@raw (\d+)@"')


def written(data: Any) -> bytes:
    """JSON text in UTF-8; half a surrogate pair is written as an escape."""
    try:
        return to_json(data)  # four times as fast, and most answers hold nothing that no value stands for
    except PydanticSerializationError:
        return _written_oddly(data)


def _written_oddly(data: Any) -> bytes:
    raws: list[str] = []

    def odd(value: Any) -> str:
        if isinstance(value, Raw):
            raws.append(value.text)
        elif isinstance(value, _Doubled):
            inner = [f"{json.dumps(name)}:{written(one).decode()}" for name, one in value.pairs]
            raws.append("{" + ",".join(inner) + "}")
        else:
            raise TypeError(type(value).__name__)
        return f"@raw {len(raws) - 1}@"

    text = json.dumps(data, default=odd, ensure_ascii=False)
    if raws:
        text = _RAW.sub(lambda found: raws[int(found[1])], text)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return re.sub("[\ud800-\udfff]", lambda sign: f"\\u{ord(sign[0]):04x}", text).encode()


def places(data: Any, here: Place = ()) -> Iterator[Place]:
    """Every place in JSON data, the whole of it first."""
    yield here
    if isinstance(data, dict):
        for name, inner in data.items():
            yield from places(inner, (*here, name))
    elif isinstance(data, list):
        for index, inner in enumerate(data):
            yield from places(inner, (*here, index))


def at(data: Any, place: Place) -> Any:
    """What stands at a place."""
    for step in place:
        data = data[step]
    return data


# ---- what a place may become

Make: TypeAlias = Callable[[Any, Chance], Any]


def _nested(depth: int, inner: Any) -> Raw:
    return Raw("[" * depth + json.dumps(inner) + "]" * depth)


def _some(rows: list[Any], chance: Chance) -> int:
    return chance.randrange(len(rows)) if rows else 0


def _odd_row(rows: list[Any], chance: Chance) -> list[Any]:
    where = chance.randint(min(1, len(rows)), len(rows))
    return [*rows[:where], chance.choice((None, "x", 0, [], {}, True, [None])), *rows[where:]]


def _poor_row(rows: list[Any], chance: Chance) -> list[Any]:
    """Another row at the end, with a field fewer."""
    if not rows or not isinstance(rows[0], dict) or not rows[0]:
        return [*rows, *rows]
    less = chance.choice(list(rows[0]))
    return [*rows, {name: one for name, one in rows[0].items() if name != less}]


def _digits(text: str, chance: Chance) -> str:
    """A text in whose digits one is no ASCII digit, though `str.isdigit` and the like say that it is one."""
    where = [index for index, sign in enumerate(text) if sign.isdigit()]
    if not where:
        return text + chance.choice("²٣３")
    index = chance.choice(where)
    return text[:index] + chance.choice(("²", other_digits(text[index]), "３")) + text[index + 1 :]


ANY: Final[Mapping[str, Make]] = {
    "null": lambda _, chance: None,
    "true": lambda _, chance: True,
    "false": lambda _, chance: False,
    "number": lambda _, chance: chance.choice(NUMBERS),
    "fraction": lambda _, chance: chance.choice(FLOATS),
    "token": lambda _, chance: chance.choice(TOKENS),
    "text": lambda _, chance: chance.choice(TEXTS),
    "a time": lambda _, chance: chance.choice(TIMES),
    "empty list": lambda _, chance: [],
    "empty object": lambda _, chance: {},
    "in a list": lambda value, chance: [value],
    "in an object": lambda value, chance: {"value": value},
    "twice in a list": lambda value, chance: [value, value],
    "as JSON in a text": lambda value, chance: json.dumps(value),
    "deep": lambda value, chance: _nested(chance.choice((30, 150, 250, 5_000)), None),
}
OF_KIND: Final[Mapping[Kind, Mapping[str, Make]]] = {
    "null": {},
    "bool": {
        "flipped": lambda value, chance: not value,
        "as text": lambda value, chance: chance.choice((str(value).lower(), str(value), "yes", "no", "")),
        "as a number": lambda value, chance: chance.choice((0, 1, 2, -1)),
    },
    "number": {
        "as text": lambda value, chance: chance.choice(("{}", " {}", "{}.0", "+{}", "0{}")).format(value),
        "odd digits": lambda value, chance: _digits(str(value), chance),
        "negative": lambda value, chance: -value,
        "one more": lambda value, chance: value + 1,
        "huge": lambda value, chance: chance.choice((2**53 + 1, 2**53 + 1, 2**63, 10**19 + 1)),
    },
    "text": {
        "spaced": lambda value, chance: chance.choice((f" {value}", f"{value}\n", f"\ufeff{value}")),
        "other case": lambda value, chance: value.swapcase(),
        "decomposed": lambda value, chance: unicodedata.normalize("NFD", value + "åáš"),
        "odd digits": lambda value, chance: _digits(value, chance),
        "cut": lambda value, chance: value[: len(value) // 2],
        "long": lambda value, chance: value * chance.choice((2, 50, 5_000)),
        "and more": lambda value, chance: value + chance.choice(TEXTS),
        "as a number": lambda value, chance: int(value) if value.isdecimal() else len(value),
    },
    "time": {
        "another time": lambda value, chance: chance.choice(TIMES),
        "cut": lambda value, chance: value[: chance.randrange(len(value))],
        "odd digits": lambda value, chance: _digits(value, chance),
        "and more": lambda value, chance: value + chance.choice(("Z", "+99:00", ".5", " ", "[Europe/Oslo]")),
        "as a number": lambda value, chance: chance.choice((0, 20261124, 1764000000, 1764000000000, -1)),
    },
    "list": {
        "without a row": lambda rows, chance: [row for index, row in enumerate(rows) if index != _some(rows, chance)],
        "reversed": lambda rows, chance: rows[::-1],
        "a row twice": lambda rows, chance: rows + rows[:1],
        "an odd row": _odd_row,
        "a poor row": _poor_row,
        "many rows": lambda rows, chance: rows * chance.choice((5, 40)),
        "as an object": lambda rows, chance: {str(index): row for index, row in enumerate(rows)},
        "as its first row": lambda rows, chance: rows[0] if rows else None,
    },
    "object": {
        "more fields": lambda value, chance: {**value, "extra": chance.choice(TEXTS), "": None},
        "other case": lambda value, chance: {name.swapcase(): one for name, one in value.items()},
        "as pairs": lambda value, chance: [[name, one] for name, one in value.items()],
        "as its values": lambda value, chance: list(value.values()),
        "as its first value": lambda value, chance: next(iter(value.values()), None),
    },
}  # fmt: skip
ACTS: Final[tuple[Act, ...]] = ("remove", "rename", "twice")
ENDLESS: Final = "endless"

# ---- cases


@dataclass(frozen=True, slots=True)
class Case:
    """One replay with changes. twin, probe: other changes of the same place, that `claim` holds the result against; no
    twin means the answer as recorded."""

    operation: str
    number: int | str
    changes: tuple[Change, ...]
    claim: Claim | None = None
    twin: tuple[Change, ...] | None = None
    probe: tuple[Change, ...] | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One line of a plan: a kind of change for a shape of place, and where such places are. turn: which of them comes
    first. step: how many lines of the plan share the work."""

    name: str
    spots: tuple[tuple[int, Place], ...]
    turn: int
    step: int = 1


EVERYWHERE: Final = 0.4
"""How often a change is made in every answer from the same path: what is asked twice is then odd both times."""
SPELLED: Final[Mapping[Kind, Mapping[str, int]]] = {
    "bool": {"in words": 4},
    "number": {"in digits": 1, "in odd digits": 2, "and a half": 1},
    "text": {"in odd digits": 2},
    "time": {"impossible": 3},
}
"""Changes of a place whose result is held against that of another reading of the same place, with how many lines of a
plan each has."""
TELLING: Final = frozenset(
    {"remove", "null", "text", "number", "huge", "odd digits", "empty list", "in a list", "another time", "an odd row",
     "a poor row", "negative", ENDLESS, "in words", "in digits", "in odd digits", "and a half", "impossible", "body",
     "status", "charset", "failure"}
)  # fmt: skip
"""Kinds of change that come first in a plan, since a short run has no time for the others."""
OFTEN: Final[Mapping[str, int]] = {
    "status": 8, "status alone": 4, "body": 8, "cut": 4, "charset": 6, "failure": 6, ANOTHER: 6, "huge": 3,
    "odd digits": 3, "empty list": 2, "negative": 2, "number": 2, "another time": 2, "an odd row": 2, "a poor row": 2,
}  # fmt: skip
"""How many lines of a plan a kind of change has, where it is more than most have."""


@dataclass(frozen=True)
class Plan:
    """Every kind of change of an operation's answers. answers: the recorded ones. positions: which of them are the
    operation's. others: answers that any of them may be exchanged for. planted: values that must be found nowhere."""

    operation: str
    answers: tuple[Answer, ...]
    positions: tuple[int, ...]
    others: tuple[Answer, ...]
    seed: int
    planted: tuple[str, ...] = ()
    data: dict[int, Any] = field(default_factory=dict)
    entries: list[_Entry] = field(default_factory=list)

    def __post_init__(self) -> None:
        chance = random.Random(f"{self.seed} {self.operation}")
        self.data.update((position, parsed(answer)) for position, answer in enumerate(self.answers))
        shapes: dict[Place, list[tuple[int, Place]]] = {}
        for position in self.positions:
            for place in places(self.data[position]) if self.data[position] is not None else ():
                shape = tuple("*" if isinstance(step, int) else step for step in place)
                shapes.setdefault(shape, []).append((position, place))
        for spots in shapes.values():
            for name, lines in self._lines(spots).items():
                turn = chance.randrange(1_000)
                self.entries.extend(_Entry(name, tuple(spots), turn + line, lines) for line in range(lines))
        spots_of_all = tuple((position, ()) for position in self.positions)
        for name in WIRE:
            lines = OFTEN.get(name, 3)
            self.entries.extend(_Entry(name, spots_of_all, line, lines) for line in range(lines))
        chance.shuffle(self.entries)
        self.entries.sort(key=lambda entry: entry.name not in TELLING)

    def _lines(self, spots: Iterable[tuple[int, Place]]) -> dict[str, int]:
        """The kinds of change for places of one shape, and how many lines each has."""
        found = dict.fromkeys((*ANY, *ACTS, ENDLESS, PLANTED), 1)
        for kind in dict.fromkeys(kind_of(at(self.data[position], place)) for position, place in spots):
            found.update(dict.fromkeys(OF_KIND[kind], 1))
            found.update(SPELLED.get(kind, {}))
        return {name: OFTEN.get(name, lines) for name, lines in found.items()}

    def __len__(self) -> int:
        return len(self.entries)

    def numbers(self, *groups: frozenset[str]) -> Iterator[int]:
        """The numbers of all cases, round by round, without an end: of all kinds, or of groups of kinds, one after the
        other in each round."""
        found = [[number for number, one in enumerate(self.entries) if one.name in names] for names in groups]
        once = [number for group in found for number in group] if groups else list(range(len(self.entries)))
        for round_ in count() if once else ():
            yield from (round_ * len(self.entries) + number for number in once)

    def case(self, number: int) -> Case:
        """A case by its number. The first round has one change in each; later rounds have other places and values, and
        sometimes several changes."""
        chance = random.Random(f"{self.seed} {self.operation} {number}")
        round_, index = divmod(number, len(self.entries))
        entry = self.entries[index]
        turn = entry.turn + round_ * entry.step
        spelled = self._spelled(entry, turn, chance)
        if spelled is not None:
            return Case(self.operation, number, *spelled)
        changes = [self._change(entry, turn, chance)]
        if round_ and chance.random() < 0.3:
            more = [chance.choice(self.entries) for _ in range(chance.randint(1, 2))]
            changes += [self._change(one, chance.randrange(1_000), chance) for one in more]
        return Case(self.operation, number, tuple(changes))

    def _change(self, entry: _Entry, turn: int, chance: Chance) -> Change:
        name = entry.name
        position, place = entry.spots[turn % len(entry.spots)]
        everywhere = chance.random() < EVERYWHERE
        if name == PLANTED and place != ():
            return Change(position, name, "set", place, chance.choice(self.planted) if self.planted else "")
        if name == PLANTED:
            value = chance.choice(self.planted) if self.planted else ""
            header = chance.choice(("X-Request-Id", "Location", "Retry-After", "Content-Type", "Link"))
            return Change(
                position, name, "wire", (), (chance.choice((200, 302, 400, 404, 409, 500, 503)), header, value)
            )
        if name == ANOTHER:
            return Change(position, name, "wire", (), chance.choice(self.others))
        if name in WIRE:
            return Change(position, name, "wire", (), chance.choice(WIRE[name][1]), everywhere)
        value = at(self.data[position], place)
        if name == ENDLESS:
            return Change(position, name, "endless", place, 0 if isinstance(value, int) else "", everywhere=True)
        if name in ("remove", "rename"):
            return Change(position, name, name, place, None, everywhere)  # type: ignore[arg-type]
        if name == "twice":
            return Change(position, name, "twice", place, chance.choice((value, None, "x", 0)), everywhere)
        make = OF_KIND[kind_of(value)].get(name) or ANY.get(name) or ANY["null"]
        return Change(position, name, "set", place, make(value, chance), everywhere)

    def _spelled(
        self, entry: _Entry, turn: int, chance: Chance
    ) -> tuple[tuple[Change, ...], Claim | None, tuple[Change, ...] | None, tuple[Change, ...] | None] | None:
        """The changes, claim, twin and probe of a change whose result is held against another one; None for others."""
        if not any(entry.name in names for names in SPELLED.values()):
            return None
        truth, index = turn % 2 == 0, turn // 2 if entry.name == "in words" else turn
        position, place = entry.spots[index % len(entry.spots)]
        value = at(self.data[position], place)
        # elsewhere another value may stand there: then only a twin with the same change tells what is right
        everywhere = entry.name in ("in words", "in digits") and chance.random() < EVERYWHERE

        def as_(new: Any) -> tuple[Change, ...]:
            return (Change(position, entry.name, "set", place, new, everywhere),)

        kind = kind_of(value)
        if entry.name == "in words" and kind == "bool":
            return as_(chance.choice((str(truth).lower(), str(truth), str(truth).upper()))), "same", as_(truth), None
        if entry.name == "in digits" and kind == "number":
            return as_(str(value)), "same", as_(value), None
        if entry.name == "and a half" and kind == "number":
            return as_(value + 0.5), "other", None, as_(value + 1)
        if entry.name == "in odd digits" and str(value).isdecimal():
            more = value + 1 if kind == "number" else str(int(value) + 1)
            return as_(other_digits(str(value))), "other", None, as_(more)
        if entry.name == "impossible" and kind == "time":
            return as_(chance.choice(IMPOSSIBLE)), "no_new_times", None, None
        return as_(None), None, None, None
