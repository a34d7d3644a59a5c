"""A mock's own OpenAPI document, and whether an answer fits it."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import requests
import schemathesis

from kobling.exchange import WireReply, WireRequest
from kobling_mocks import Mock

__all__ = ["assert_described"]


@cache
def _operations(key: str) -> dict[str, Any]:
    told = Mock(key).exchange(WireRequest("GET", "https://mock.example/openapi/openapi.json"))
    assert isinstance(told, WireReply)
    document = schemathesis.openapi.from_dict(json.loads(told.body))
    found = (one.ok() for one in document.get_all_operations())
    return {one.definition.raw["operationId"]: one for one in found}


def assert_described(key: str, operation: str, request: WireRequest, reply: WireReply) -> None:
    """The status, the kind of content and the body stand in the document of the dialect with that key."""
    described = _operations(key)[operation]
    answers = described.definition.raw["responses"]
    assert str(reply.status) in answers, f"{operation} answers {reply.status}, described are {', '.join(answers)}"
    kind = (reply.header("content-type") or "").partition(";")[0]
    kinds = answers[str(reply.status)]["content"]
    assert kind in kinds, f"{operation} answers {reply.status} with {kind}, described are {', '.join(kinds)}"
    headers: dict[str, list[str]] = {}
    for name, value in reply.headers:
        headers.setdefault(name.lower(), []).append(value)
    charset = re.search(r"charset=([\w.-]+)", reply.header("content-type") or "")
    sent = requests.Request(request.method, request.url).prepare()
    described.validate_response(
        schemathesis.Response(
            reply.status,
            headers,
            reply.body,
            sent,
            elapsed=0.0,
            verify=False,
            encoding=charset[1] if charset else "utf-8",
        )
    )
