"""Which practitioner of the registry belongs to which profile of a booking system, and which such links have broken.

For one location: its practitioners, the catalogue of its connection, and the links that a person has confirmed there.
Everything here is pure, and nothing here makes a link by itself: `propose_links` proposes, a person looks, and
`confirm_link` writes down what was true at that moment, so that `broken_links` can tell later what has changed.

Rules of a proposal:

- The names are the same (`kobling.names.normal_name`). An HPR number that both sides have must be the same too, and
  the same number also decides between people of one name. A number that contradicts the name is a conflict.
- A name, or a number, that several practitioners or several profiles have proposes nobody.
- Only a profile owned by a person is proposed, only in the connection's department, and no profile or practitioner
  twice or beside a confirmed link.

Source: the help articles on linking practitioners and on the timebook's owner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal, TypeVar, get_args

from . import texts
from .catalogue import Catalogue, OwnerKind, Practitioner, WhyNot
from .errors import Actor, InvalidRequest, Language
from .model import Model, Name, VendorId
from .names import normal_hpr, normal_name, same_name

K = TypeVar("K")
V = TypeVar("V")

Agreement = Literal["same_name", "same_name_and_hpr"]

WhyNotLinked = Literal[
    "not_person_owned",
    "other_department",
    "no_name",
    "no_practitioner",
    "no_profile",
    "several_practitioners",
    "several_profiles",
    "hpr_differs",
    "name_differs",
    "hpr_elsewhere",
    "already_linked",
    "profile_taken",
]
"""Why a profile or a practitioner has no proposal; `hpr_differs`, `name_differs` and `hpr_elsewhere` are conflicts."""

CONFLICTS: frozenset[WhyNotLinked] = frozenset({"hpr_differs", "name_differs", "hpr_elsewhere"})

Break = Literal[
    "profile_deleted",
    "profile_renamed",
    "owner_changed",
    "profile_offline",
    "department_changed",
    "hpr_changed",
    "linked_twice",
]
"""How a confirmed link has broken."""

ACTOR_OF_LINK: Mapping[WhyNotLinked | Break, Actor] = {
    "not_person_owned": "clinic",
    "other_department": "clinic",
    "no_name": "clinic",
    "no_practitioner": "administrator",
    "no_profile": "clinic",
    "several_practitioners": "administrator",
    "several_profiles": "administrator",
    "hpr_differs": "clinic",
    "name_differs": "clinic",
    "hpr_elsewhere": "clinic",
    "already_linked": "administrator",
    "profile_taken": "administrator",
    "profile_deleted": "administrator",
    "profile_renamed": "administrator",
    "owner_changed": "clinic",
    "profile_offline": "clinic",
    "department_changed": "clinic",
    "hpr_changed": "clinic",
    "linked_twice": "administrator",
}
"""Who can do something about it."""


class RegistryPractitioner(Model):
    """A practitioner as the registry knows them, at one location. hpr: None where the profession has no number."""

    id: VendorId
    name: Name
    hpr: str | None = None


class LinkProposal(Model):
    """A practitioner and a profile that may be the same person. Somebody who knows them has to confirm it.

    name: the profile's, as patients see it.
    """

    practitioner_id: VendorId
    profile_id: VendorId
    name: Name
    because: Agreement

    def explain(self, lang: Language = "nb") -> str:
        """What agrees, and what to do."""
        return texts.explain_entry("link", self.because, lang, subject=self.name)


class NotProposed(Model):
    """A profile, or a practitioner, without a proposal, and why. The ids are all that the reason is about: several of
    one kind where a name or number is not unique. name: the profile's, or the practitioner's where there is none."""

    because: WhyNotLinked
    profile_ids: tuple[VendorId, ...] = ()
    practitioner_ids: tuple[VendorId, ...] = ()
    name: Name

    @property
    def conflict(self) -> bool:
        """True when an HPR number contradicts a name."""
        return self.because in CONFLICTS

    def explain(self, lang: Language = "nb") -> str:
        """What stands in the way, what to do and who can do it."""
        table = "finding" if self.because in get_args(WhyNot) else "link"
        return texts.explain_entry(table, self.because, lang, actor=ACTOR_OF_LINK[self.because], subject=self.name)


class LinkProposals(Model):
    """Every profile without a link is in exactly one of the two; every practitioner without a link is in a proposal or
    in at least one reason why not."""

    proposals: tuple[LinkProposal, ...]
    not_proposed: tuple[NotProposed, ...]


class ProfileLink(Model):
    """A link that a person has confirmed, with what was true of the profile then.

    hpr: the profile's number, or the practitioner's where the vendor showed none.
    """

    practitioner_id: VendorId
    profile_id: VendorId
    name: Name
    hpr: str | None = None


class BrokenLink(Model):
    """A confirmed link that no longer holds, and one way in which it does not. was, now: what has changed, where it is
    a name, a number or an owner's kind."""

    link: ProfileLink
    because: Break
    was: str = ""
    now: str = ""

    def explain(self, lang: Language = "nb") -> str:
        """What has happened, what to do and who can do it."""
        actor = ACTOR_OF_LINK[self.because]
        values = {"subject": self.link.name, "was": self.was, "now": self.now}
        return texts.explain_entry("link", self.because, lang, actor=actor, **values)


def propose_links(
    practitioners: Iterable[RegistryPractitioner], catalogue: Catalogue, links: Iterable[ProfileLink] = ()
) -> LinkProposals:
    """Proposals for one location, in the catalogue's order, then the practitioners that none was found for.

    links: those confirmed at this location that still stand. Leave a broken one out to have it proposed anew.
    """
    return _Matching(practitioners, catalogue, tuple(links)).result()


def confirm_link(
    practitioner: RegistryPractitioner, profile: Practitioner, links: Iterable[ProfileLink] = ()
) -> ProfileLink:
    """The link that a person has decided on, whether it was proposed or not.

    links: those that stand at this location. Raises `InvalidRequest` naming `practitioner_id`: `not_person_owned` for
    a profile that is not owned by a person, `already_linked` when the profile has another practitioner, or the
    practitioner another profile, here.
    """
    problem = ""
    if profile.owner_kind != "person":
        problem = "not_person_owned"
    elif any((one.profile_id == profile.id) != (one.practitioner_id == practitioner.id) for one in links):
        problem = "already_linked"
    if problem:
        raise InvalidRequest(problem, fields=("practitioner_id",))
    hpr = normal_hpr(profile.hpr) or normal_hpr(practitioner.hpr)
    return ProfileLink(practitioner_id=practitioner.id, profile_id=profile.id, name=profile.name, hpr=hpr)


def broken_links(links: Iterable[ProfileLink], catalogue: Catalogue) -> tuple[BrokenLink, ...]:
    """Every way in which the confirmed links of one location no longer agree with its catalogue of today.

    A name that is only written otherwise, and a number that the vendor has ceased to show, break nothing.
    """
    confirmed = tuple(links)
    holders = _grouped((one.profile_id, one.practitioner_id) for one in confirmed)
    found: list[BrokenLink] = []
    for link in confirmed:
        if len(set(holders[link.profile_id])) > 1:
            found.append(BrokenLink(link=link, because="linked_twice"))
        found += _changes(link, catalogue)
    return tuple(found)


def _changes(link: ProfileLink, catalogue: Catalogue) -> list[BrokenLink]:
    profile = catalogue.practitioner_by_id.get(link.profile_id)
    if profile is None:
        return [BrokenLink(link=link, because="profile_deleted")]
    own = catalogue.own_reasons(profile)
    was, now = normal_hpr(link.hpr), normal_hpr(profile.hpr)
    person: OwnerKind = "person"
    table: tuple[tuple[Break, bool, str, str], ...] = (
        ("profile_renamed", normal_name(profile.name) != normal_name(link.name), link.name, profile.name),
        ("owner_changed", "not_person_owned" in own, person, profile.owner_kind),
        ("profile_offline", "offline" in own, "", ""),
        ("department_changed", "other_department" in own, "", ""),
        ("hpr_changed", None not in (was, now) and was != now, was or "", now or ""),
    )
    return [BrokenLink(link=link, because=word, was=old, now=new) for word, broken, old, new in table if broken]


class _Matching:
    """Practitioners and profiles of one location by name and by HPR number. Those with a link are counted too: a name
    does not become unique because one of its holders has found a profile."""

    def __init__(
        self, practitioners: Iterable[RegistryPractitioner], catalogue: Catalogue, links: tuple[ProfileLink, ...]
    ) -> None:
        self._people = {one.id: one for one in practitioners}
        self._profiles = catalogue.practitioner_by_id
        self._unfit: dict[str, WhyNotLinked] = {}
        for profile in self._profiles.values():
            own = catalogue.own_reasons(profile)
            if "not_person_owned" in own:
                self._unfit[profile.id] = "not_person_owned"
            elif "other_department" in own:
                self._unfit[profile.id] = "other_department"
        fit = [one for one in self._profiles.values() if one.id not in self._unfit]
        self._linked_people = {one.practitioner_id for one in links}
        self._linked_profiles = {one.profile_id for one in links}
        self._people_of_name = _grouped((normal_name(one.name), one.id) for one in self._people.values())
        self._profiles_of_name = _grouped((normal_name(one.name), one.id) for one in fit)
        self._people_of_hpr = _grouped((normal_hpr(one.hpr), one.id) for one in self._people.values())
        self._profiles_of_hpr = _grouped((normal_hpr(one.hpr), one.id) for one in fit)

    def result(self) -> LinkProposals:
        answers = [self._of(one) for one in self._profiles.values() if one.id not in self._linked_profiles]
        proposals = tuple(one for one in answers if isinstance(one, LinkProposal))
        not_proposed = [one for one in answers if isinstance(one, NotProposed)]
        told = {one.practitioner_id for one in proposals} | self._linked_people
        told |= {person for one in not_proposed for person in one.practitioner_ids}
        for person in self._people.values():
            if person.id not in told:
                not_proposed.append(self._alone(person))
        return LinkProposals(proposals=proposals, not_proposed=tuple(not_proposed))

    def _alone(self, person: RegistryPractitioner) -> NotProposed:
        """A practitioner whom no answer about a profile speaks of."""
        name = normal_name(person.name)
        same = self._profiles_of_name.get(name, []) if name else []
        word: WhyNotLinked = "no_name" if not name else "profile_taken" if same else "no_profile"
        return NotProposed(because=word, profile_ids=tuple(same), practitioner_ids=(person.id,), name=person.name)

    def _of(self, profile: Practitioner) -> LinkProposal | NotProposed:
        name, hpr = normal_name(profile.name), normal_hpr(profile.hpr)
        of_name = self._people_of_name.get(name, []) if name else []
        of_hpr = self._people_of_hpr.get(hpr, []) if hpr else []
        if profile.id in self._unfit:
            return self._no(self._unfit[profile.id], profile, of_name)
        if not name:
            return self._no("no_name", profile)
        people, profiles = (of_hpr, self._profiles_of_hpr[hpr]) if of_hpr else (of_name, self._profiles_of_name[name])
        problem = self._problem(profile, people, profiles)
        if problem is not None:
            others = profiles if problem == "several_profiles" else ()
            return self._no(problem, profile, dict.fromkeys(people + of_name), others)
        return LinkProposal(
            practitioner_id=people[0],
            profile_id=profile.id,
            name=profile.name,
            because="same_name_and_hpr" if of_hpr else "same_name",
        )

    def _problem(self, profile: Practitioner, people: list[str], profiles: list[str]) -> WhyNotLinked | None:
        """The first thing that is wrong with linking a profile to the people of its number, or else of its name."""
        theirs = [normal_hpr(self._people[person].hpr) for person in people]
        hpr = normal_hpr(profile.hpr)
        table: tuple[tuple[WhyNotLinked, bool], ...] = (
            ("no_practitioner", not people),
            ("hpr_differs", hpr is not None and all(number not in (None, hpr) for number in theirs)),
            ("name_differs", not all(same_name(self._people[person].name, profile.name) for person in people)),
            ("several_practitioners", len(people) > 1),
            ("several_profiles", len(profiles) > 1),
            ("hpr_elsewhere", any(set(self._profiles_of_hpr.get(one, ())) - {profile.id} for one in theirs if one)),
            ("already_linked", any(person in self._linked_people for person in people)),
        )
        return next((word for word, wrong in table if wrong), None)

    def _no(
        self, word: WhyNotLinked, profile: Practitioner, people: Iterable[str] = (), profiles: Iterable[str] = ()
    ) -> NotProposed:
        every = tuple(dict.fromkeys((profile.id, *profiles)))
        return NotProposed(because=word, profile_ids=every, practitioner_ids=tuple(people), name=profile.name)


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return dict(groups)
