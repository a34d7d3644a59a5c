"""A dialect's OpenAPI document: flask-openapi's, made true to what the mock really asks for and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI
from flask_openapi.utils import parse_rule

from .dialect import Dialect, Operation

__all__ = ["DescribedApp", "security_schemes"]

Json: TypeAlias = dict[str, Any]

_PAGE = {"schema": {"type": "string"}}


def security_schemes(dialect: Dialect) -> dict[str, SecurityScheme | dict[str, Any]]:
    """Each header in which this vendor expects a key, as an OpenAPI security scheme by name."""
    return {
        name: {"type": "http", "scheme": "bearer"}
        if name == "authorization"
        else {"type": "apiKey", "in": "header", "name": name.title()}
        for name in sorted(dialect.credential_headers)
    }


class DescribedApp(OpenAPI):
    """flask-openapi's application of one dialect."""

    dialect: Dialect

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sharing: dict[tuple[str, str], list[tuple[Operation, Json]]] = {}

    def note_sharing(self, operation: Operation, calls: Sequence[Operation]) -> None:
        """Keep what was just made of one of an endpoint's operations: the next one takes its place."""
        if len(calls) > 1:
            path, method = parse_rule(operation.rule), operation.method.lower()
            described = getattr(self.paths[path], method).model_dump(mode="json", by_alias=True, exclude_none=True)
            self._sharing.setdefault((path, method), []).append((operation, described))

    def generate_spec_json(self) -> None:
        """Make the document, then correct what it says of the vendor's calls.

        Their parameters and bodies are checked by the dialect, so the library's own complaint (422) is never answered
        to them; and a web server or gateway may answer a page of HTML. OpenAPI knows one operation of a path and
        method: where a vendor has several, they are described as one that takes the body of any of them.
        """
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        operations = {operation.name: operation for operation in self.dialect.operations}
        for path, item in self.spec_json["paths"].items():
            for method, described in item.items():
                shared = self._sharing.get((path, method))
                if shared is not None:
                    for operation, one in shared:
                        self._correct(one, operation)
                    item[method] = _as_one(shared)
                elif described["operationId"] in operations:
                    self._correct(described, operations[described["operationId"]])

    def _correct(self, described: Json, operation: Operation) -> None:
        answers: Json = described["responses"]
        if int(self.validation_error_status) not in operation.answers:
            answers.pop(str(self.validation_error_status), None)
        for status in sorted(operation.pages):
            answer = answers.setdefault(str(status), {"description": "A page of HTML"})
            answer.setdefault("content", {})["text/html"] = _PAGE


def _as_one(shared: Sequence[tuple[Operation, Json]]) -> Json:
    """The operations of one endpoint as one: any of the bodies, any of the answers."""
    first, described = shared[0]
    parameters = {(each["in"], each["name"]): each for _, one in shared for each in one.get("parameters", ())}
    bodies = [_told_body(operation, one) for operation, one in shared]
    made = {
        "tags": described["tags"],
        "summary": f"One of {len(shared)} calls, told by the body",
        "description": "\n".join(f"- {_line(operation)}" for operation, _ in shared),
        "operationId": re.sub(r"\W+", "_", f"{first.method.lower()} {first.rule}").strip("_"),
        "parameters": list(parameters.values()),
        "requestBody": {"required": all(bodies), "content": {"application/json": {"schema": {"anyOf": bodies}}}},
        "responses": _any_answer([one["responses"] for _, one in shared]),
    }
    keys = [key for _, one in shared for key in one.get("security", [{}])]
    return made | {"security": _each_once(keys)}


def _line(operation: Operation) -> str:
    when = "anything else" if operation.told_by is None else " ".join(map(json.dumps, operation.told_by))
    return f"`{operation.name}` ({when}): " + " ".join(filter(None, (operation.summary, operation.description)))


def _told_body(operation: Operation, described: Json) -> Json:
    """The schema of a body, with what stands in it when this operation is meant; empty where anything will do."""
    if operation.body is None:
        return {}
    schema: Json = described["requestBody"]["content"]["application/json"]["schema"]
    if operation.told_by is None:
        return schema
    pointer, told = operation.told_by
    wanted: Json = {"const": told}
    for part in reversed(pointer.split("/")[1:]):
        name = part.replace("~1", "/").replace("~0", "~")
        wanted = {"type": "object", "properties": {name: wanted}, "required": [name]}
    return {"title": operation.name, "allOf": [schema, wanted]}


def _any_answer(answers: Sequence[Json]) -> Json:
    """The answers of several operations by status: each kind of content is any of theirs."""
    found: Json = {}
    for status in sorted({status for one in answers for status in one}):
        those = [one[status] for one in answers if status in one]
        found[status] = {"description": " / ".join(dict.fromkeys(each["description"] for each in those))}
        contents = [each.get("content", {}) for each in those]
        for kind in dict.fromkeys(kind for each in contents for kind in each):
            schemas = _each_once([each[kind]["schema"] for each in contents if kind in each])
            schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
            found[status].setdefault("content", {})[kind] = {"schema": schema}
    return found


def _each_once(values: Sequence[Any]) -> list[Any]:
    return [value for number, value in enumerate(values) if value not in values[:number]]
