"""What an adapter's code says by itself, read as a syntax tree and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from kobling.adapter import OPERATIONS, WRITES

__all__ = ["Remark", "misplaced", "remarks"]

Remark = tuple[int, str, Mapping[str, str]]
"""Line, finding's code, values."""

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

CALLS: Final = frozenset({"get", "query", "post", "put", "patch", "delete", "pages", "all"})
WRITING: Final = frozenset({"post", "put", "patch", "delete"})
READERS: Final = frozenset(
    {"any", "dict", "enumerate", "iter", "len", "list", "max", "min", "next", "set", "sorted", "sum", "tuple", "zip"}
)
"""What reads an answer, and can do nothing with a call that was not sent."""
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
    yield from _outside_their_class(tree)
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
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from _never_awaited(node, parents)
            case ast.For(iter=read) | ast.AsyncFor(iter=read) | ast.comprehension(iter=read) if call := _asked(read):
                yield read.lineno, "not_awaited", {"call": call}


def _asked(node: ast.expr | None) -> str:
    """`http.get` for a call of it that is not awaited; "" for anything else."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="http"), attr=verb)) if verb in CALLS:
            return f"http.{verb}"
    return ""


def _never_awaited(function: Function, parents: Mapping[ast.AST, ast.AST]) -> Iterator[Remark]:
    """Calls that a function gives a name and then reads, as if they were answers. A name that goes on to somewhere
    else, as into `http.all`, a list or a caller's hands, may be awaited there."""
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=value):
                pass
            case ast.NamedExpr(target=target, value=value):
                pass
            case _:
                continue
        call = _asked(value)
        if not call or _function_of(node, parents) is not function:
            continue
        unpacked = isinstance(target, ast.Tuple | ast.List)
        if unpacked or (isinstance(target, ast.Name) and not _goes_on(target.id, function, parents)):
            yield node.lineno, "not_awaited", {"call": call}


def _goes_on(name: str, function: Function, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """True where a function awaits a name, or gives it away whole."""
    for one in ast.walk(function):
        if not (isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)):
            continue
        match parents[one]:
            case ast.Attribute() | ast.Subscript() | ast.For() | ast.AsyncFor() | ast.comprehension() | ast.Expr():
                continue  # read as an answer, or not at all
            case ast.Call(func=ast.Name(id=reader)) if reader in READERS:
                continue
            case _:
                return True
    return False


def _function_of(node: ast.AST, parents: Mapping[ast.AST, ast.AST]) -> ast.AST | None:
    above = parents.get(node)
    while above is not None and not isinstance(above, ast.FunctionDef | ast.AsyncFunctionDef):
        above = parents.get(above)
    return above


def misplaced(tree: ast.Module) -> Iterator[tuple[Function, Function | None]]:
    """Functions that were written as methods and stand in no class: at the margin, or, where a method was pasted
    unindented into a class, inside the function that ended the class, which is the second of the two."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _takes_self(node):
            yield node, None
            for one in node.body:
                if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and _takes_self(one):
                    yield one, node


def _takes_self(node: Function) -> bool:
    return [one.arg for one in (*node.args.posonlyargs, *node.args.args)][:1] == ["self"]


def _outside_their_class(tree: ast.Module) -> Iterator[Remark]:
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and _is_an_adapter(node)]
    for node, above in misplaced(tree) if classes else ():
        before = [one for one in classes if one.lineno < node.lineno]
        told = {"name": node.name, "line": str(node.lineno), "owner": (before or classes)[-1].name}
        if above is None:
            yield node.lineno, "outside_class", told
        else:
            yield node.lineno, "inside_function", {**told, "above": above.name}


def _is_an_adapter(node: ast.ClassDef) -> bool:
    if any(_dotted(base).endswith("Adapter") for base in node.bases):
        return True
    return any(getattr(one, "name", "") in OPERATIONS for one in node.body)


def _of_a_call(node: ast.Call, func: ast.expr, parents: Mapping[ast.AST, ast.AST]) -> Iterator[Remark]:
    name = _dotted(func)
    if name in DOTTED and name != "os.environ":
        yield node.lineno, DOTTED[name], {"what": f"{name}()"}
    match func:
        case ast.Attribute(value=ast.Name(id="http"), attr=verb) if verb in CALLS:
            if isinstance(parents.get(node), ast.Expr | ast.Attribute | ast.Subscript) or _is_read(node, parents):
                yield node.lineno, "not_awaited", {"call": f"http.{verb}"}
            if node.args and verb != "all":
                yield from _of_a_path(node.args[0], f"http.{verb}")


def _is_read(node: ast.Call, parents: Mapping[ast.AST, ast.AST]) -> bool:
    """True for a call that a function reads as if it were an answer: `len(http.pages(…))`."""
    above = parents.get(node)
    return isinstance(above, ast.Call) and isinstance(above.func, ast.Name) and above.func.id in READERS


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
