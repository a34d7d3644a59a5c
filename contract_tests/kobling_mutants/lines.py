"""Which statements of an adapter's functions a rule runs: each tells its line before it is run.

A probe in the source instead of a trace function, which other threads can't be given safely.
"""

from __future__ import annotations

import ast

__all__ = ["probed", "taken"]

SEEN: set[tuple[str, int]] = set()
"""File and line of each statement that was run since `taken` was last asked."""


def ran(file: str, line: int) -> None:
    """A statement is about to be run."""
    SEEN.add((file, line))


def taken() -> list[tuple[str, int]]:
    """What was run, which is forgotten."""
    told = sorted(SEEN)
    SEEN.clear()
    return told


def probed(code: str, file: str) -> tuple[str, frozenset[int]]:
    """The source with a probe before each statement of a function's body, and the lines that have one."""
    tree = ast.parse(code)
    probes = _Probes(file)
    probes.visit(tree)
    at = next(number for number, one in enumerate(tree.body) if not _first(one))
    tree.body[at:at] = ast.parse(f"from {__name__} import ran as _ran").body
    return ast.unparse(ast.fix_missing_locations(tree)), frozenset(probes.lines)


def _first(one: ast.stmt) -> bool:
    """Docstrings and `from __future__ import` come before everything else."""
    return (isinstance(one, ast.ImportFrom) and one.module == "__future__") or (
        isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant)
    )


class _Probes(ast.NodeTransformer):
    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: set[int] = set()
        self._inside = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        self._inside += function
        super().generic_visit(node)
        if self._inside:
            for name in ("body", "orelse", "finalbody"):
                block = getattr(node, name, None)
                if isinstance(block, list) and not isinstance(node, ast.ClassDef):
                    setattr(node, name, [each for one in block for each in (*self._probe(one), one)])
        self._inside -= function
        return node

    def _probe(self, one: ast.stmt) -> list[ast.stmt]:
        if _first(one):
            return []
        self.lines.add(one.lineno)
        return ast.parse(f"_ran({self.file!r}, {one.lineno})").body
