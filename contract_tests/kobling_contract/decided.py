"""Which entry of an adapter's ErrorMap made an error of a vendor's answer: the vendor's code, or the status alone.

Who is told only that an answer became the wrong error may list its status; then every other refusal with that status
becomes the same error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Any, Final

from kobling import ErrorMap, WireReply
from kobling.errormap import code_in, judge
from kobling.http import Response
from kobling_mocks import Call

from .answers import parsed
from .exchanges import Personal
from .outcome import Outcome
from .rig import Rig

__all__ = ["answered_codes", "decided", "decider", "listed_codes", "said_no"]

DEEPEST: Final = 6
LONGEST_REFUSAL: Final = 2_000
"""Bytes of an answer in which a code is looked for."""
_CODE = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{4,}|[a-z]+(?:_[a-z0-9]+)+")
"""What looks like a vendor's code, where none that is listed stands in an answer."""


def decided(rig: Rig, outcome: Outcome, calls: Sequence[Call], operation: str = "book") -> str:
    """The outcome, and where the ErrorMap made it of the answer to one of the writes: what decided. operation: the
    adapter's that wrote."""
    by = decider(rig, outcome, calls, (operation,))
    return f"{outcome}\n{by}" if by else str(outcome)


def decider(rig: Rig, outcome: Outcome, calls: Sequence[Call], operations: Sequence[str], *, write: bool = True) -> str:
    """What of the ErrorMap made an outcome of the answer to one of these calls, in a sentence; empty where it did not.
    operations: the adapter's that may have called. write: whether the calls were writes."""
    for call, operation in product(calls, operations):
        sent = rig.sent(call.number)
        if outcome.error is None or sent is None or not isinstance(sent.outcome, WireReply):
            continue
        said = judge(
            Response(sent.outcome),
            table=rig.adapter.errors,
            operation=operation,
            write=write,
            expect=frozenset(),
            typed_host=False,
            url=sent.request.url,
            typed_url="",
        )
        if type(said) is type(outcome.error) and said.because == outcome.error.because:
            return _by(rig.adapter.errors, operation, sent.outcome, said.vendor_code, Personal(rig))
    return ""


def said_no(rig: Rig, call: Call) -> bool:
    """Whether the vendor answered a call with a refusal: by its status, or with a code whatever the status."""
    sent = rig.sent(call.number)
    reply = sent.outcome if sent is not None else None
    code = code_in(Response(reply), rig.adapter.errors) if isinstance(reply, WireReply) else ""
    return call.status is not None and (call.status >= 400 or bool(code))


def listed_codes(table: ErrorMap) -> frozenset[str]:
    """The vendor's codes that a table has an entry for."""
    return frozenset(name if isinstance(name, str) else name[1] for name in table.codes)


def answered_codes(rigs: Iterable[Rig]) -> tuple[str, ...]:
    """Those of an adapter's listed codes that the mock answered by itself, without what the suite has put there."""
    found: set[str] = set()
    for rig in rigs:
        listed = listed_codes(rig.adapter.errors)
        struck = {call.number for call in rig.received if call.fault}
        for one in rig.wire:
            own = not one.spoiled and one.number not in struck
            if own and isinstance(one.outcome, WireReply) and len(one.outcome.body) <= LONGEST_REFUSAL:
                found |= listed & {code_in(Response(one.outcome), rig.adapter.errors)}
    return tuple(sorted(found))


def _by(table: ErrorMap, operation: str, reply: WireReply, code: str, hidden: Personal) -> str:
    listed = f"status {reply.status} alone decided"
    if reply.status in table.statuses or (operation, reply.status) in table.statuses:
        listed = f"status {reply.status} decided, which ErrorMap.statuses has"
    if code and (code in table.codes or (operation, code) in table.codes):
        return f"ErrorMap.codes has an entry for the code {hidden.without(code)}, which decided"
    known = listed_codes(table)
    texts = [text for text in _texts(parsed(reply), DEEPEST) if text != code]
    stands = next((one for one in texts if one in known), next(filter(_CODE.fullmatch, texts), None))
    has = "" if stands is None else f", though the answer has {hidden.without(stands)}"
    has += ", which ErrorMap.codes lists" if stands in known else ""
    if code:
        return f"ErrorMap.code found “{hidden.without(code)}”, for which ErrorMap.codes has no entry{has}; {listed}"
    if table.code is None:
        return f"ErrorMap.code is not set, so that no code is looked for{has}; {listed}"
    return f"ErrorMap.code found no code{has}; {listed}"


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth > 0:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner, depth - 1)
