"""A mutant: the source of one module of an adapter with one change, by mutmut's operators, in tables as in code.

The change is described by its statement before and after; a mutant's id is a hash of that, of the file and of where
it stands, so that it stays the same while that statement does.

mutmut mutates a string in three ways. Two of them change its case, which tells nothing new of a word; they are used for
patterns (raw strings) only.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from libcst.metadata import MetadataWrapper, ParentNodeProvider, PositionProvider
from mutmut.configuration import config
from mutmut.mutation.file_mutation import Mutation, create_mutations

__all__ = ["Mutant", "mutants_of", "sources"]

SHOWN = 30
"""Characters of the statement that are shown on each side of a change."""


@dataclass(frozen=True)
class Mutant:
    """One change. file: within `src`. where: the function or class; "" for the module. line: of the change, in the file
    as it is. was, becomes: the changed part of the statement. lines: on which the statement begins that must
    be run for it to show; empty for what is run while the module is imported."""

    id: str
    file: str
    where: str
    line: int
    was: str
    becomes: str
    lines: frozenset[int]
    _module: cst.Module
    _mutation: Mutation

    def source(self) -> str:
        """The whole module, changed."""
        changed = self._module.deep_replace(self._mutation.original_node, self._mutation.mutated_node)
        code: str = changed.code
        return code


def sources(package: Path) -> list[Path]:
    """The files of a package that are mutated: `tool.mutmut` in `pyproject.toml` says which are not."""
    return [path for path in sorted(package.rglob("*.py")) if config().should_mutate(path)]


def mutants_of(path: Path, root: Path) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines. root: the `src` that the file is named within."""
    return list(_made(path.read_text("utf-8"), path.relative_to(root).as_posix()))


def _made(code: str, file: str) -> Iterator[Mutant]:
    module, mutations, *_ = create_mutations(file, code)
    tree = _Tree(module)
    seen: Counter[str] = Counter()
    for one in sorted(filter(_telling, mutations), key=lambda one: tree.line(one.original_node)):
        statement = tree.statement(one.original_node)
        before = _flat(module.code_for_node(statement))
        after = _flat(module.code_for_node(_replaced(statement, one)))
        where = tree.where(one.original_node)
        told = f"{file} {where} {before} {after}"
        seen[told] += 1
        was, becomes = _difference(before, after)
        yield Mutant(
            id=hashlib.sha256(f"{told} {seen[told]}".encode()).hexdigest()[:8],
            file=file,
            where=where,
            line=tree.line(one.original_node),
            was=was,
            becomes=becomes,
            lines=tree.lines(one.original_node),
            _module=module,
            _mutation=one,
        )


def _telling(one: Mutation) -> bool:
    before, after = one.original_node, one.mutated_node
    if not isinstance(before, cst.SimpleString) or not isinstance(after, cst.SimpleString):
        return True
    return "r" in before.prefix.lower() or after.value.casefold() != before.value.casefold()


def _replaced(statement: cst.CSTNode, one: Mutation) -> cst.CSTNode:
    if statement is one.original_node:
        return one.mutated_node
    changed = statement.deep_replace(one.original_node, one.mutated_node)
    return changed if isinstance(changed, cst.CSTNode) else cst.Pass()


def _flat(code: str) -> str:
    return " ".join(code.split())


def _difference(before: str, after: str) -> tuple[str, str]:
    """Both with what is equal cut from either end, but for a little."""
    first = next(
        (at for at, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(map(len, (before, after)))
    )
    most = min(len(before), len(after)) - first
    last = next((at for at in range(most) if before[-1 - at] != after[-1 - at]), most)
    begin = max(0, first - SHOWN)

    def part(text: str) -> str:
        end = len(text) - max(0, last - SHOWN)
        return ("…" if begin else "") + text[begin:end] + ("…" if end < len(text) else "")

    return part(before), part(after)


class _Tree:
    """Where the nodes of a module stand."""

    def __init__(self, module: cst.Module) -> None:
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self._positions = wrapper.resolve(PositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)

    def _above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        while node in self._parents:
            node = self._parents[node]
            yield node

    def line(self, node: cst.CSTNode) -> int:
        """The line on which a node begins, or the first thing above it whose place is known."""
        known = next(one for one in (node, *self._above(node)) if one in self._positions)
        return int(self._positions[known].start.line)

    def where(self, node: cst.CSTNode) -> str:
        """The classes and functions around it."""
        names = [one.name.value for one in self._above(node) if isinstance(one, cst.FunctionDef | cst.ClassDef)]
        return ".".join(reversed(names))

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The simple statement that it is part of; of a compound one, the expression or target on its first line."""
        below = node
        for one in self._above(node):
            if isinstance(one, cst.SimpleStatementLine):
                return one
            if isinstance(one, cst.BaseCompoundStatement | cst.BaseSuite):
                return below
            below = one
        return below

    def lines(self, node: cst.CSTNode) -> frozenset[int]:
        """The line on which its statement begins; none for what is run at import, outside of every function's body."""
        inside, statement = node, None
        for one in self._above(node):
            if statement is None and isinstance(one, cst.SimpleStatementLine | cst.BaseCompoundStatement):
                statement = one
            if isinstance(one, cst.FunctionDef) and inside is one.body:
                return frozenset({self.line(statement or one)})
            inside = one
        return frozenset()
