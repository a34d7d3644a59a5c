"""A dialect's OpenAPI document: flask-openapi's, made true to what the mock really asks for and answers."""

from __future__ import annotations

from typing import Any

from flask_openapi.models.security_scheme import SecurityScheme
from flask_openapi.openapi import OpenAPI

from .dialect import Dialect

__all__ = ["DescribedApp", "security_schemes"]

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

    def generate_spec_json(self) -> None:
        """Make the document, then correct what it says of the vendor's calls.

        Their parameters and bodies are checked by the dialect, so the library's own complaint (422) is never answered
        to them; and a web server or gateway may answer a page of HTML.
        """
        super().generate_spec_json()  # type: ignore[no-untyped-call]
        operations = {operation.name: operation for operation in self.dialect.operations}
        for item in self.spec_json["paths"].values():
            for described in item.values():
                operation = operations.get(described["operationId"])
                if operation is None:
                    continue
                answers: dict[str, Any] = described["responses"]
                if int(self.validation_error_status) not in operation.answers:
                    answers.pop(str(self.validation_error_status), None)
                for status in sorted(operation.pages):
                    answer = answers.setdefault(str(status), {"description": "A page of HTML"})
                    answer.setdefault("content", {})["text/html"] = _PAGE
