"""Practitioners, services, and which practitioner offers which service at which rates.

Everything the vendor shows is listed, also what can't be booked, each with its reasons: what is absent from a
catalogue has been deleted at the vendor, and a link to it is broken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import StringConstraints

from .model import Model, Name, VendorId

OwnerKind = Literal["person", "group", "department", "clinic", "unknown"]
"""Whose a timebook is. Only a person's can be linked to a practitioner."""
ServiceKind = Literal["ordinary", "group", "hidden", "unknown"]
"""What a service is for: a patient, a group, or the clinic's own use. "unknown" is for a vendor's word that the adapter
does not know, and keeps the service from being booked."""
Mode = Literal["in_person", "video", "telephone", "home_visit"]
"""How patient and practitioner meet."""
PatientList = Literal["all", "restricted", "unknown"]
"""Whether anybody may book an offer, or only patients on a list of the clinic's. "unknown" is for a vendor's word that
the adapter does not know, and keeps the offer from being booked."""

WhyNot = Literal[
    "not_person_owned",
    "offline",
    "restricted_patient_list",
    "patients_unknown",
    "no_insurance_rate",
    "no_rule_for_calendar",
    "hidden_type",
    "group_type",
    "kind_unknown",
    "service_offline",
    "other_department",
    "bookings_hidden",
    "not_shown",
]
"""Why a practitioner, or one service of theirs, can't be booked through the registry."""

_INSURANCE = re.compile(r"B[0-9]{4}")


RateCode = Annotated[str, StringConstraints(min_length=1, max_length=40)]
"""A rate's code: opaque."""


class Rate(Model):
    """A rate (takst). The code is opaque; an insurance rate's is a B and four digits, HELFO's and own ones differ."""

    code: RateCode
    name: Name = ""

    @property
    def is_insurance(self) -> bool:
        """True for a B-rate: only these are offered to insurance customers."""
        return _INSURANCE.fullmatch(self.code) is not None


class Practitioner(Model):
    """A vendor's profile of a practitioner: a timebook (timebok), a calendar or an employee.

    Only one owned by a person may be linked to a practitioner of the registry; patients see the owner's name.
    hpr: the number in the health personnel register, where the vendor knows it. departments: None means all. An open
    time that names no place is at the only one where its practitioner and its service both are.
    """

    id: VendorId
    name: Name
    owner_kind: OwnerKind = "unknown"
    online: bool | None = None
    departments: frozenset[str] | None = None
    hpr: str | None = None
    profession: Name | None = None
    why_not: tuple[WhyNot, ...] = ()
    """Reasons that only the adapter can see; the rest is derived from the facts."""


class Service(Model):
    """A kind of appointment (timetype).

    locations: None means every department, and never "not known"; where all who offer it are at some departments only,
    the SDK puts theirs there. modes: how patients are received: in person where the vendor says so or has no word for
    it, none where it has a word that nobody knows."""

    id: VendorId
    name: Name
    minutes: int | None = None
    kind: ServiceKind = "ordinary"
    modes: frozenset[Mode] = frozenset({"in_person"})
    locations: frozenset[str] | None = None
    online: bool | None = None


class Offer(Model):
    """One service in one practitioner's timebook. Rates and patient list belong here, not on the service.

    rates: all that the vendor tells, of any payer; () means that it says there are none, None that it has no rates, or
    does not say which.
    """

    practitioner_id: VendorId
    service_id: VendorId
    rates: tuple[Rate, ...] | None = None
    patients: PatientList = "all"
    online: bool | None = None


class Everyone(Model):
    """The vendor has no relation between practitioners and services: every one offers every service."""


EVERYONE_OFFERS_EVERYTHING: Final = Everyone()


class Catalogue(Model):
    """All that one connection shows, as read at one time.

    rate_table: the registry's own rates by service id; used only where the vendor has no rates (`Offer.rates` None).
    inferred: reasons (`WhyNot`) that rest on a field whose meaning the adapter guesses.
    """

    practitioners: tuple[Practitioner, ...]
    services: tuple[Service, ...]
    offers: tuple[Offer, ...] | Everyone
    inferred: frozenset[WhyNot] = frozenset()
    rate_table: Mapping[str, tuple[str, ...]] | None = None
    department_id: str | None = None
    """The connection's department, stamped by the SDK: what is offered elsewhere only is not offered here."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with other values for some fields. What was derived from the old ones is left behind: an adapter may
        have asked `bookable` before the registry's rates were known."""
        copied = super().model_copy(update=update, deep=deep)
        for name in [name for name in vars(copied) if name not in type(self).model_fields]:
            del vars(copied)[name]
        return copied

    @cached_property
    def practitioner_by_id(self) -> dict[str, Practitioner]:
        """Practitioners by the vendor's id."""
        return {one.id: one for one in self.practitioners}

    @cached_property
    def service_by_id(self) -> dict[str, Service]:
        """Services by the vendor's id."""
        return {one.id: one for one in self.services}

    @cached_property
    def offer_by_ids(self) -> dict[tuple[str, str], Offer]:
        """Offers by (practitioner id, service id), with the registry's rates filled in where the vendor has none."""
        offers: Iterable[Offer]
        if isinstance(self.offers, Everyone):
            offers = (
                Offer(practitioner_id=who.id, service_id=what.id)
                for who in self.practitioners
                for what in self.services
            )
        else:
            offers = self.offers
        return {(offer.practitioner_id, offer.service_id): self._rated(offer) for offer in offers}

    def _rated(self, offer: Offer) -> Offer:
        if offer.rates is not None or self.rate_table is None:
            return offer
        codes = self.rate_table.get(offer.service_id, ())
        return offer.model_copy(update={"rates": tuple(Rate(code=code) for code in codes)})

    def why_not(self, practitioner_id: str, service_id: str | None = None) -> tuple[WhyNot, ...]:
        """Why this practitioner, or this service of theirs, can't be booked; empty when it can.

        Without a service: the practitioner's own reasons, and when no service at all can be booked, the reasons of
        the services. An id that the vendor does not show gives `("not_shown",)`.
        """
        who = self.practitioner_by_id.get(practitioner_id)
        if who is None or (service_id is not None and service_id not in self.service_by_id):
            return ("not_shown",)
        own = self.own_reasons(who)
        if service_id is not None:
            return _once(own + self._of_offer(practitioner_id, service_id))
        each = [self._of_offer(practitioner_id, service.id) for service in self.services]
        offered = [reasons for reasons in each if "no_rule_for_calendar" not in reasons]
        if any(not reasons for reasons in each):
            return _once(own)
        return _once(own + (tuple(r for reasons in offered for r in reasons) if offered else ("no_rule_for_calendar",)))

    def own_reasons(self, who: Practitioner) -> tuple[WhyNot, ...]:
        """Why this practitioner can't be booked, whatever the service; empty when only the services decide."""
        found: tuple[WhyNot, ...] = who.why_not
        if who.owner_kind != "person":
            found += ("not_person_owned",)
        if who.online is False:
            found += ("offline",)
        if self._elsewhere(who.departments):
            found += ("other_department",)
        return found

    def bookable(self, practitioner_id: str, service_id: str) -> bool:
        """True when this service of this practitioner may be offered to insurance customers."""
        return self._bookable.get((practitioner_id, service_id), False)

    @cached_property
    def _bookable(self) -> dict[tuple[str, str], bool]:
        return {ids: not self.why_not(*ids) for ids in self.offer_by_ids}

    def place_of(self, practitioner_id: str, service_id: str) -> str | None:
        """The department to which a patient of this offer comes, where there can be only one: the practitioner is at
        no other, or the service, or only one has both. None where several can be meant, or no place is told."""
        who, what = self.practitioner_by_id.get(practitioner_id), self.service_by_id.get(service_id)
        told = [who.departments if who else None, what.locations if what else None]
        first, *rest = [one for one in told if one is not None] or [frozenset[str]()]
        both = first.intersection(*rest)
        return next(iter(both)) if len(both) == 1 else None

    def _elsewhere(self, places: frozenset[str] | None) -> bool:
        return self.department_id is not None and places is not None and self.department_id not in places

    def _of_offer(self, practitioner_id: str, service_id: str) -> tuple[WhyNot, ...]:
        offer = self.offer_by_ids.get((practitioner_id, service_id))
        if offer is None:
            return ("no_rule_for_calendar",)
        what = self.service_by_id.get(service_id)
        if what is None:
            return ("not_shown",)
        table: tuple[tuple[WhyNot, bool], ...] = (
            ("hidden_type", what.kind == "hidden"),
            ("group_type", what.kind == "group"),
            ("kind_unknown", what.kind == "unknown"),
            ("other_department", self._elsewhere(what.locations)),
            ("service_offline", what.online is False or offer.online is False),
            ("restricted_patient_list", offer.patients == "restricted"),
            ("patients_unknown", offer.patients == "unknown"),
            ("no_insurance_rate", offer.rates is not None and not any(rate.is_insurance for rate in offer.rates)),
        )
        return tuple(reason for reason, holds in table if holds)


def placed(catalogue: Catalogue) -> tuple[Service, ...]:
    """The catalogue's services, those without a place of their own at the departments of all who offer them, where each
    of these is at some departments only."""
    at: dict[str, list[frozenset[str] | None]] = {}
    for who, what in catalogue.offer_by_ids:
        practitioner = catalogue.practitioner_by_id.get(who)
        at.setdefault(what, []).append(practitioner.departments if practitioner else None)

    def where(service: Service) -> frozenset[str] | None:
        told = at.get(service.id, [])
        known = [one for one in told if one is not None]
        return frozenset[str]().union(*known) if told and len(known) == len(told) else None

    return tuple(
        service.model_copy(update={"locations": where(service)}) if service.locations is None else service
        for service in catalogue.services
    )


def _once(reasons: tuple[WhyNot, ...]) -> tuple[WhyNot, ...]:
    return tuple(dict.fromkeys(reasons))
