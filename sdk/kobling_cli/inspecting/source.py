"""What an adapter's code says by itself, read as a syntax tree and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from kobling.adapter import OPERATIONS, WRITES

__all__ = ["Remark", "remarks"]

Remark = tuple[int, str, Mapping[str, str]]
"""Line, finding's code, values."""

CALLS: Final = frozenset({"get", "query", "post", "put", "patch", "delete", "pages", "all"})
WRITING: Final = frozenset({"post", "put", "patch", "delete"})
IO: Final = frozenset(
    {
        "aiohttp", "asyncio", "anyio", "ftplib", "http", "httpx", "httpcore", "requests", "select", "smtplib", "socket",
        "sqlite3", "ssl", "subprocess", "threading", "trio", "urllib3",
    }
)  # fmt: skip
"""Modules that an adapter has no use for: it describes requests, and Kobling sends them."""
DOTTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "time.sleep": "does_io",
        "urllib.request.urlopen": "does_io",
        "urllib.request": "does_io",
        "open": "does_io",
        "print": "prints",
        "os.environ": "reads_environment",
        "os.getenv": "reads_environment",
        "datetime.now": "own_clock",
        "datetime.utcnow": "own_clock",
        "datetime.today": "own_clock",
        "datetime.datetime.now": "own_clock",
        "datetime.datetime.utcnow": "own_clock",
        "date.today": "own_clock",
        "datetime.date.today": "own_clock",
        "time.time": "own_clock",
        "datetime.fromisoformat": "reads_time",
        "datetime.strptime": "reads_time",
        "datetime.datetime.fromisoformat": "reads_time",
        "datetime.datetime.strptime": "reads_time",
    }
)
"""Names that stand for something which Kobling does instead."""


def remarks(tree: ast.Module) -> Iterator[Remark]:
    """What is worth a remark in a module of an adapter."""
    parents = {below: above for above in ast.walk(tree) for below in ast.iter_child_nodes(above)}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for one in names:
                    if one.name.partition(".")[0] in IO or one.name == "urllib.request":
                        yield node.lineno, "does_io", {"what": one.name}
            case ast.ImportFrom(module=str(module), level=0):
                if module.partition(".")[0] in IO or module == "urllib.request":
                    yield node.lineno, "does_io", {"what": module}
            case ast.Call(func=func):
                yield from _of_a_call(node, func, parents)
            case ast.Attribute() if _dotted(node) == "os.environ":
                yield node.lineno, "reads_environment", {"what": "os.environ"}
            case ast.Try(finalbody=last) if any(isinstance(one, ast.Await) for part in last for one in ast.walk(part)):
                yield last[0].lineno, "awaits_in_finally", {}
            case ast.ExceptHandler():
                yield from _of_a_handler(node, parents)
            case ast.ClassDef():
                yield from _of_a_class(node)


def _of_a_call(node: ast.Call, func: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> Iterator[Remark]:
    name = _dotted(func)
    if name in DOTTED and name != "os.environ":
        yield node.lineno, DOTTED[name], {"what": f"{name}()"}
    match func:
        case ast.Attribute(value=ast.Name(id="http"), attr=verb) if verb in CALLS:
            if isinstance(parents.get(node), ast.Expr | ast.Attribute | ast.Subscript):
                yield node.lineno, "not_awaited", {"call": f"http.{verb}"}
            if node.args and verb != "all":
                yield from _of_a_path(node.args[0], f"http.{verb}")


def _of_a_path(path: ast.expr, call: str) -> Iterator[Remark]:
    match path:
        case ast.JoinedStr() | ast.BinOp() | ast.Call(func=ast.Attribute(attr="format")):
            yield path.lineno, "text_in_path", {"call": call}
        case ast.Constant(value=str(text)) if text.startswith(("http://", "https://")):
            yield path.lineno, "whole_address", {"call": call}


def _of_a_handler(node: ast.ExceptHandler, parents: Mapping[ast.AST, ast.AST]) -> Iterator[Remark]:
    """A handler that catches everything around an awaited call."""
    above = parents.get(node)
    awaits = isinstance(above, ast.Try) and any(
        isinstance(one, ast.Await) for part in above.body for one in ast.walk(part)
    )
    if awaits and (node.type is None or _dotted(node.type) in ("Exception", "BaseException", "KoblingError")):
        yield node.lineno, "catches_all", {}


def _of_a_class(node: ast.ClassDef) -> Iterator[Remark]:
    methods = [one for one in node.body if isinstance(one, ast.AsyncFunctionDef | ast.FunctionDef)]
    if not any(one.name in OPERATIONS for one in methods):
        return
    for method in methods:
        reads = method.name in OPERATIONS and method.name not in WRITES
        for one in ast.walk(method):
            match one:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="http"), attr=verb)) if reads and verb in WRITING:
                    yield one.lineno, "write_in_read", {"operation": method.name, "call": f"http.{verb}"}
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    yield one.lineno, "keeps_state", {"what": f"self.{name}"}
        for decorator in method.decorator_list:
            name = _dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if name.rpartition(".")[2] in ("cache", "lru_cache", "cached_property"):
                yield decorator.lineno, "keeps_state", {"what": f"@{name}"}


def _dotted(node: ast.expr) -> str:
    """`a.b.c` for such an expression; "" for any other."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            above = _dotted(value)
            return f"{above}.{name}" if above else ""
    return ""
