"""`kobling practitioners`, `kobling services`, `kobling explain`: who and what a clinic shows, and why not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from kobling import Catalogue, Finding, Offer, WhyNot

from ..desk import Desk, connected
from ..exit_codes import ExitCode
from ..output import Output, shown


@connected
def practitioners(desk: Desk) -> int:
    """List the practitioners that the vendor shows, also those who can't be booked, with the reasons.

    JSON: {"vendor", "connection_id", "origin", "practitioners": [{"id", "name", "owner_kind", "online", "departments",
    "hpr", "profession", "bookable", "why_not": [reason], "findings": [{"code", "actor", "text"}], "services":
    [{"id", "name", "bookable", "why_not", "rates": [code], "patients"}]}]}
    """
    out, catalogue = desk.out, _read(desk)
    if out.as_json:
        rows = [
            {
                **who.model_dump(mode="json", exclude={"why_not"}),
                "bookable": not catalogue.why_not(who.id),
                **_reasons(desk, catalogue, who.name, catalogue.why_not(who.id)),
                "services": [_offered(catalogue, offer) for offer in _offers(catalogue, practitioner_id=who.id)],
            }
            for who in catalogue.practitioners
        ]
        out.document("practitioners", {**desk.connection_facts(), "practitioners": rows})
        return ExitCode.SUCCESS
    out.table(
        [out.say("word", key) for key in ("practitioner", "bookable", "why", "services", "id")],
        [
            (
                who.name,
                out.say("word", "no" if catalogue.why_not(who.id) else "yes"),
                _short(catalogue.why_not(who.id), out),
                ", ".join(
                    catalogue.service_by_id[offer.service_id].name
                    for offer in _offers(catalogue, practitioner_id=who.id)
                    if catalogue.bookable(who.id, offer.service_id)
                ),
                who.id,
            )
            for who in catalogue.practitioners
        ],
        ("bold", "", "yellow", "", "cyan"),
    )
    return ExitCode.SUCCESS


@connected
def services(desk: Desk) -> int:
    """List the services (timetyper) that the vendor shows, and with whom each can be booked.

    JSON: {"vendor", "connection_id", "origin", "services": [{"id", "name", "minutes", "kind", "modes", "locations",
    "online", "practitioners": [{"id", "name", "bookable", "why_not", "rates", "patients"}]}]}
    """
    out, catalogue = desk.out, _read(desk)
    if out.as_json:
        rows = [
            {
                **what.model_dump(mode="json"),
                "practitioners": [_offering(catalogue, offer) for offer in _offers(catalogue, service_id=what.id)],
            }
            for what in catalogue.services
        ]
        out.document("services", {**desk.connection_facts(), "services": rows})
        return ExitCode.SUCCESS
    places = {place.id: place.name or place.id for place in desk.session.clinic().departments or ()}
    out.table(
        [out.say("word", key) for key in ("service", "minutes", "kind", "rates", "where", "practitioners", "id")],
        [
            (
                what.name,
                str(what.minutes or ""),
                out.say("service_kind", what.kind),
                ", ".join(sorted({code for offer in _offers(catalogue, service_id=what.id) for code in _rates(offer)})),
                ", ".join(sorted(places.get(place, place) for place in what.locations))
                if what.locations is not None
                else out.say("word", "everywhere"),
                ", ".join(
                    catalogue.practitioner_by_id[offer.practitioner_id].name
                    for offer in _offers(catalogue, service_id=what.id)
                    if catalogue.bookable(offer.practitioner_id, what.id)
                ),
                what.id,
            )
            for what in catalogue.services
        ],
        ("bold", "", "", "", "", "", "cyan"),
    )
    return ExitCode.SUCCESS


@connected
def explain(
    desk: Desk,
    *,
    practitioner: Annotated[str, typer.Option("--practitioner", help="Id or name.", show_default=False)],
    service: Annotated[str | None, typer.Option("--service", help="Id or name; else all of theirs.")] = None,
) -> int:
    """Say why a practitioner, or one service of theirs, can or can't be booked. An id that is not shown is explained.

    Exit code 0 when they can be booked, 1 when not.

    JSON: {"vendor", "connection_id", "origin", "practitioner_id", "service_id", "visible", "findings": [{"code",
    "severity", "actor", "subject", "text"}]}
    """
    out, catalogue = desk.out, _read(desk)
    who = _id_of(catalogue.practitioners, practitioner)
    what = _id_of(catalogue.services, service) if service is not None else None
    with out.busy(out.say("line", "reading", vendor=desk.adapter.name)):
        answer = desk.session.explain(who, what)
    if out.as_json:
        out.document("explain", {**desk.connection_facts(), **answer.model_dump(mode="json")})
    else:
        known = catalogue.practitioner_by_id.get(who)
        name = shown(known.name if known is not None else who)
        out.line(out.say("line", "visible" if answer.visible else "not_visible", who=name), "bold")
        for finding in answer.findings:
            out.line(f"  {shown(finding.explain(out.lang))} ({finding.code})", "yellow")
    return ExitCode.SUCCESS if answer.visible else ExitCode.NO


def _id_of(listed: Iterable[Any], wanted: str) -> str:
    """The id of the only one with this name; else what was typed, which is then an id, shown or not."""
    named = [one.id for one in listed if one.name.casefold() == wanted.strip().casefold()]
    return named[0] if len(named) == 1 else wanted


def _read(desk: Desk) -> Catalogue:
    with desk.out.busy(desk.out.say("line", "reading", vendor=desk.adapter.name)):
        return desk.session.catalogue()


def _offers(catalogue: Catalogue, *, practitioner_id: str = "", service_id: str = "") -> list[Offer]:
    return [
        offer
        for (who, what), offer in catalogue.offer_by_ids.items()
        if practitioner_id in ("", who)
        and service_id in ("", what)
        and who in catalogue.practitioner_by_id
        and what in catalogue.service_by_id
    ]


def _rates(offer: Offer) -> list[str]:
    return [rate.code for rate in offer.rates or ()]


def _terms(catalogue: Catalogue, offer: Offer) -> dict[str, Any]:
    return {
        "bookable": catalogue.bookable(offer.practitioner_id, offer.service_id),
        "why_not": list(catalogue.why_not(offer.practitioner_id, offer.service_id)),
        "rates": _rates(offer) if offer.rates is not None else None,
        "patients": offer.patients,
    }


def _offered(catalogue: Catalogue, offer: Offer) -> dict[str, Any]:
    name = catalogue.service_by_id[offer.service_id].name
    return {"id": offer.service_id, "name": name, **_terms(catalogue, offer)}


def _offering(catalogue: Catalogue, offer: Offer) -> dict[str, Any]:
    name = catalogue.practitioner_by_id[offer.practitioner_id].name
    return {"id": offer.practitioner_id, "name": name, **_terms(catalogue, offer)}


def _reasons(desk: Desk, catalogue: Catalogue, name: str, reasons: tuple[WhyNot, ...]) -> dict[str, Any]:
    """The reasons as words and as texts. All of them are settings in the clinic's own system."""
    findings = [
        Finding(
            code=reason,
            severity="warn",
            actor="clinic",
            subject=name,
            inferred=reason in catalogue.inferred,
            vendor=desk.adapter.name,
        )
        for reason in reasons
    ]
    shown_facts = {"code", "actor", "subject", "inferred", "text"}
    return {
        "why_not": list(reasons),
        "findings": [one.model_dump(mode="json", include=shown_facts) for one in findings],
    }


def _short(reasons: tuple[WhyNot, ...], out: Output) -> str:
    return ", ".join(out.say("why", reason) for reason in reasons)
