"""A certificate for those who read it: JUnit XML for a CI server, JSON for a program, one HTML file for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from ..certificate import Certificate
from .junit import junit_xml
from .page import html_page

__all__ = ["REPORTS", "html_page", "json_text", "junit_xml"]


def json_text(certificate: Certificate, at: datetime) -> str:
    """The report as JSON, described by `report.schema.json` beside this file. at: when it is written, aware."""
    told = certificate.as_dict() | {"written_at": at.isoformat(timespec="seconds")}
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"


REPORTS: Mapping[str, Callable[[Certificate, datetime], str]] = {
    "junit": junit_xml,
    "json": json_text,
    "html": html_page,
}
"""Every kind of report file by its name. Each takes the certificate and the moment of writing, aware."""
