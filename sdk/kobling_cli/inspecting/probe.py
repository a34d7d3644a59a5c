"""Loads an adapter and asks it, in a process of its own: what it says, prints, or breaks stays there.

`python -m kobling_cli.inspecting.probe` reads an order as JSON from standard input and writes rows as JSON to standard
output: (file, line, code, values), and the keys of the adapters. It has no secrets of the person at the keyboard:
`project.py` starts it with an environment that has none.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import date
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any, Final

from kobling import (
    Adapter,
    AdapterBug,
    Connection,
    InvalidConnection,
    KoblingError,
    Operation,
    SlotQuery,
    WireReply,
    load,
)
from kobling.adapter import faults, unkept, unwritten
from kobling.errormap import NEVER_CERTAIN
from kobling.plugins import GROUP
from kobling.testing import play, reply

from .source import misplaced

Row = tuple[str, int, str, Mapping[str, str]]

DAY: Final = date(2026, 12, 1)
STRANGE: Final[Mapping[str, WireReply]] = {
    "an empty object": reply(200, json={}),
    "an empty list": reply(200, json=[]),
    "a text": reply(200, json="closed"),
    "null": reply(200, json=None),
    "nothing": WireReply(200, (), b""),
    "a page of HTML": WireReply(200, (("content-type", "text/html"),), b"<html><body>Log in</body></html>"),
}
"""Answers that any vendor's gateway gives one day. An adapter may refuse them, by Kobling's own errors."""

WHATEVER_IS_ASKED: Final = frozenset(
    {
        "bad_pointer",
        "bad_path",
        "path_parts",
        "key_in_path",
        "write_in_a_read",
        "fresh_too_long",
        "awaits_something_else",
    }
)
"""Defects that no question is to blame for."""


class Probe:
    """One look at a project's code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.keys: dict[str, Row] = {}
        self._trees: dict[str, ast.Module] = {}

    # ---- loading

    def entry_point(self, name: str, value: str, declared: Row) -> Iterator[Row]:
        """A plugin as the loader takes it. declared: where the entry point stands."""
        module, _, _ = value.partition(":")
        file, line, _, _ = declared
        problem = self._imported(module, declared)
        if problem is not None:
            yield problem
            return
        installed = load([EntryPoint(name, value, GROUP)])
        classes = list(self._listed(module))
        told = False
        for cls in classes:
            for row in self.adapter(cls):
                told = True
                yield row
        if not told:
            for one in installed.problems:
                yield file, line, "contract", {"what": one.what}

    def module(self, name: str, declared: Row) -> Iterator[Row]:
        """The adapter classes that a module defines itself."""
        problem = self._imported(name, declared)
        if problem is not None:
            yield problem
            return
        module = sys.modules[name]
        found = [
            one for one in vars(module).values()
            if inspect.isclass(one) and issubclass(one, Adapter) and one.__module__ == name
        ]  # fmt: skip
        if not found:
            yield declared[0], 0, "no_adapter", {}
        for cls in found:
            yield from self.adapter(cls)

    def dialect(self, value: str, declared: Row) -> Iterator[Row]:
        """A mock, which must be there under the adapter's key."""
        kit = _mock_kit()
        if kit is None:
            return
        module, _, name = value.partition(":")
        problem = self._imported(module, declared)
        if problem is not None:
            yield problem
            return
        found = getattr(sys.modules[module], name, None) if name else None
        file, line, _, _ = declared
        if not isinstance(found, kit.Dialect):
            yield file, line, "mock_does_not_load", {"what": value, "kind": type(found).__name__}
        elif self.keys and found.key not in self.keys:
            place = self._place_in(type(found), "key")
            yield *place, "mock_without_key", {"key": str(found.key), "keys": ", ".join(sorted(self.keys))}

    def without_dialect(self) -> Iterator[Row]:
        """Adapters for which nobody else has a mock either."""
        kit = _mock_kit()
        if kit is None:
            return
        known, _ = kit.installed_dialects()
        for key, row in self.keys.items():
            if key not in known:
                yield row[0], row[1], "no_mock", {"key": key}

    def _listed(self, module: str) -> Iterator[type[Adapter]]:
        """The classes that the hook returns, as far as it returns any."""
        try:
            found = list(sys.modules[module].kobling_adapters())
        except Exception:  # noqa: BLE001 - the loader has said what is wrong with it
            return
        yield from (one for one in found if inspect.isclass(one) and issubclass(one, Adapter))

    def _imported(self, module: str, declared: Row) -> Row | None:
        """Import a module; what it raised, at its last line in the project."""
        file, line, _, _ = declared
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as missing:
            own = module == missing.name or module.startswith(f"{missing.name}.")
            if own:
                return file, line, "entry_point_elsewhere", {"module": module}
            place = self._last_place(missing) or (file, line)
            return *place, "needs_module", {"module": str(missing.name)}
        except SystemExit:
            return file, line, "ends_the_process", {"module": module}
        except Exception as problem:  # noqa: BLE001 - whatever the module's own code raises is what is to be told
            place = self._last_place(problem) or (file, line)
            return *place, "does_not_load", {"what": _told(problem)}
        return None

    # ---- one class

    def adapter(self, cls: type[Adapter]) -> Iterator[Row]:
        """What is wrong with a class: by the contract, in its data, with strange answers."""
        broken = list(faults(cls))
        for fault in broken:
            what = fault.what.removeprefix(f"{cls.__module__}.")
            if not fault.at and (elsewhere := self._standing_outside(cls)):
                what += f"; {elsewhere} in the file, outside the class: indent what stands there"
            yield *self._place_in(cls, fault.at.partition(",")[0]), "contract", {"what": what}
        if isinstance(getattr(cls, "key", None), str):
            self.keys[cls.key] = (*self._place_in(cls, "key"), "", {})
        for name in unwritten(cls):
            yield *self._place_in(cls, name), "not_written", {"operation": name}
        if broken:
            return
        yield from self._data(cls)
        if not any(
            fields.use == "required" and _no_example(name, fields) for name, fields in cls.form.fields().items()
        ):
            yield from self._strange(cls)

    def _data(self, cls: type[Adapter]) -> Iterator[Row]:
        form = self._place_in(cls, "form")
        for name, field in cls.form.fields().items():
            if field.use == "unused":
                continue
            if not (field.nb and field.en):
                yield *form, "no_help", {"field": name}
            if field.use == "required" and _no_example(name, field):
                yield *form, "no_example", {"field": name}
            elif field.example and name in _refused(cls, name, field.example):
                yield *form, "example_refused", {"field": name}
        errors = self._place_in(cls, "errors")
        if cls.errors.codes and cls.errors.code is None:
            yield *errors, "codes_not_read", {}
        if "book" in cls.supports and not cls.errors.codes and not cls.errors.statuses:
            yield *errors, "no_refusals", {}
        for key in cls.errors.statuses:
            status = key[1] if isinstance(key, tuple) else key
            if status in NEVER_CERTAIN:
                yield *errors, "status_not_yours", {"status": str(status)}
        if unkept(cls) and "book" not in unwritten(cls):
            yield *self._place_in(cls, "limits"), "unkept", {"overlap": cls.limits.booking.overlap}
        if "book" in cls.supports and _promised_without_a_source(cls):
            yield *self._place_in(cls, "limits"), "no_source", {}
        if "book" in cls.supports and not cls.patient_fields.declared:
            yield *self._place_in(cls, "patient_fields"), "no_patient_fields", {}

    def _strange(self, cls: type[Adapter]) -> Iterator[Row]:
        per = cls.limits.slots.per
        query = SlotQuery(
            first_day=DAY,
            last_day=DAY,
            practitioner_ids=("1",) if "practitioner" in per else (),
            service_ids=("1",) if "service" in per else (),
        )
        asked: tuple[tuple[Operation, tuple[Any, ...]], ...] = (
            ("identify", ()), ("catalogue", ()), ("list_slots", (query,)),
        )  # fmt: skip
        for operation, arguments in asked:
            if operation not in unwritten(cls):
                yield from self._strange_to(cls, operation, arguments)

    def _strange_to(self, cls: type[Adapter], operation: Operation, arguments: tuple[Any, ...]) -> Iterator[Row]:
        """Its own exceptions, each place once."""
        told: set[str] = set()
        for what, answer in STRANGE.items():
            seen: list[int] = []

            def answered(_: object, answer: WireReply = answer, seen: list[int] = seen) -> WireReply:
                seen.append(1)
                return answer

            try:
                play(cls, operation, *arguments, replies=answered)
            except AdapterBug as bug:
                place = (bug.fields or ("",))[0]
                # before an answer it may be the question that is strange
                if (seen or bug.because in WHATEVER_IS_ASKED) and place not in told:
                    told.add(place)
                    where = self._named_place(place) or self._place_in(cls, operation)
                    code = "raises_on" if bug.because[:1].isupper() else "breaks_on"  # a class, or a word of Kobling's
                    yield *where, code, {"operation": operation, "answer": what, "error": bug.because}
            except KoblingError:
                continue

    def _standing_outside(self, cls: type[Adapter]) -> str:
        """Operations that a class lacks and that stand in its file all the same, with their lines."""
        file = inspect.getsourcefile(cls) or ""
        tree = self._tree(file)
        missing = {} if tree is None else {one.name: one.lineno for one, _ in misplaced(tree)}
        told = [f"{name} at line {missing[name]}" for name in sorted(cls.__abstractmethods__) if name in missing]
        return f"{', '.join(told)} {'stands' if len(told) == 1 else 'stand'}" if told else ""

    # ---- places

    def _tree(self, file: str) -> ast.Module | None:
        try:
            return self._trees.setdefault(file, ast.parse(Path(file).read_text("utf-8")))
        except (OSError, ValueError, SyntaxError):
            return None

    def _place_in(self, cls: type, name: str) -> tuple[str, int]:
        """Where a class states a value or writes a method; where it begins, when it does not."""
        for owner in cls.__mro__:
            if owner is Adapter:
                break
            if name and name not in vars(owner):
                continue
            try:
                file = inspect.getsourcefile(owner) or ""
            except TypeError:  # a class that was built in
                break
            tree = self._tree(file)
            if tree is None:
                break
            node = next(
                (one for one in ast.walk(tree) if isinstance(one, ast.ClassDef) and one.name == owner.__name__), None
            )
            if node is None:
                break
            return self._shown(file), _line_of(node, name)
        return (self._shown(inspect.getsourcefile(cls) or ""), 0) if name == "" else self._place_in(cls, "")

    def _last_place(self, problem: BaseException) -> tuple[str, int] | None:
        """The last line of the project's own that an exception went through."""
        for frame in reversed(traceback.extract_tb(problem.__traceback__)):
            if Path(frame.filename).resolve().is_relative_to(self.root):
                return self._shown(frame.filename), frame.lineno or 0
        return None

    def _named_place(self, place: str) -> tuple[str, int] | None:
        """`adapter.py:57` as a place of the project's, where only one of the loaded files has that name."""
        name, _, line = place.partition(":")
        files = {str(getattr(one, "__file__", None) or "") for one in list(sys.modules.values())}
        own = [one for one in files if Path(one).name == name and Path(one).resolve().is_relative_to(self.root)]
        return (self._shown(own[0]), int(line)) if len(own) == 1 and line.isdecimal() else None

    def _shown(self, file: str) -> str:
        path = Path(file).resolve()
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name


def _mock_kit() -> Any:
    """The mock kit; None where it is not installed, so that nothing can be said of mocks."""
    try:
        return importlib.import_module("kobling_mocks")
    except ModuleNotFoundError:
        return None


def _line_of(node: ast.ClassDef, name: str) -> int:
    for one in node.body:
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
        named = {target.id for target in targets if isinstance(target, ast.Name)}
        if name in named or getattr(one, "name", None) == name:
            return one.lineno
    return node.lineno


def _promised_without_a_source(cls: type[Adapter]) -> bool:
    """Whether it states that overlapping bookings are refused, neither marked as a guess nor with what it rests on."""
    facts = cls.limits.booking
    return (
        facts.overlap == "refused" and "overlap" not in facts.inferred and not facts.sources.get("overlap", "").strip()
    )


def _no_example(name: str, field: Any) -> bool:
    """Without it nothing can be played: a key needs one only where it has a pattern."""
    return not field.example and (name != "api_key" or field.pattern is not None)


def _refused(cls: type[Adapter], name: str, example: str) -> tuple[str, ...]:
    """The fields of which the form refuses an example."""
    fields: dict[str, Any] = {name: example}
    try:
        cls.form.accept(Connection(cls.key, **fields))
    except InvalidConnection as refused:
        return tuple(field for field, reason in refused.problems if reason != "missing")
    except KoblingError:
        return (name,)
    return ()


def _told(problem: BaseException) -> str:
    """An exception of the module's own code in one line. pydantic's text without its address of further help."""
    errors = getattr(problem, "errors", None)
    text = str(problem)
    if callable(errors):
        try:
            rows = errors(include_input=False, include_url=False, include_context=False)
            text = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}".removeprefix(": ") for row in rows)
        except Exception:  # noqa: BLE001 - another library's `errors`: its text will do
            text = str(problem)
    return f"{type(problem).__name__}: {' '.join(text.split())[:300]}"


def main() -> None:
    """Carry out the order."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    order = json.load(sys.stdin)
    probe = Probe(Path(order["root"]))
    rows: list[Row] = []
    for name, value, file, line in order["entry_points"]:
        rows += probe.entry_point(name, value, (file, line, "", {}))
    for name, file in order["modules"]:
        rows += probe.module(name, (file, 0, "", {}))
    for value, file, line in order["dialects"]:
        rows += probe.dialect(value, (file, line, "", {}))
    if order["entry_points"] and not order["dialects"]:
        rows += probe.without_dialect()
    json.dump({"rows": rows, "keys": sorted(probe.keys)}, out)
    out.flush()


if __name__ == "__main__":
    main()
