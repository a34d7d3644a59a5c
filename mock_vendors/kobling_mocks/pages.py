"""Pages for people: the landing page and the timebook as the clinic would see it."""

from __future__ import annotations

from flask import Blueprint, request

__all__ = ["blueprint"]


def blueprint() -> Blueprint:
    """The pages as a blueprint for a dialect's application."""
    pages = Blueprint("pages", __name__)

    @pages.get("/")
    def landing() -> str:
        return request.environ["kobling_mocks.world"].name

    return pages
