"""Links are proposed where nothing else is possible, confirmed by people, and noticed when they break."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kobling import (
    BrokenLink,
    Catalogue,
    InvalidRequest,
    LinkProposals,
    Practitioner,
    ProfileLink,
    RegistryPractitioner,
    broken_links,
    confirm_link,
    normal_name,
    propose_links,
)
from kobling.catalogue import OwnerKind
from kobling.linking import ACTOR_OF_LINK, Agreement, Break, WhyNotLinked
from kobling.names import normal_hpr
from kobling.texts import LANGUAGES


def person(id: str, name: str, hpr: str | None = None) -> RegistryPractitioner:
    return RegistryPractitioner(id=id, name=name, hpr=hpr)


def profile(id: str, name: str, hpr: str | None = None, **more: Any) -> Practitioner:
    return Practitioner(id=id, name=name, hpr=hpr, **{"owner_kind": "person", "online": True, **more})


def catalogue(*profiles: Practitioner, department: str | None = None) -> Catalogue:
    return Catalogue(practitioners=profiles, services=(), offers=(), department_id=department)


def link(who: str, what: str, name: str = "Kari Prøve", hpr: str | None = None) -> ProfileLink:
    return ProfileLink(practitioner_id=who, profile_id=what, name=name, hpr=hpr)


def told(answer: LinkProposals) -> tuple[list[tuple[str, str, str]], list[tuple[str, str, str]]]:
    """Proposals as (practitioner, profile, because), and the rest as (because, profiles, practitioners)."""
    proposals = [(one.practitioner_id, one.profile_id, one.because) for one in answer.proposals]
    rest = [(one.because, " ".join(one.profile_ids), " ".join(one.practitioner_ids)) for one in answer.not_proposed]
    return proposals, rest


KARI, OLA = person("a", "Kari Prøve"), person("b", "Ola Test")
CASES: dict[str, tuple[list[RegistryPractitioner], list[Practitioner], list[ProfileLink], Any]] = {
    "the same name, written otherwise": (
        [KARI], [profile("1", "Fysioterapeut KARI PROEVE")], [],
        ([("a", "1", "same_name")], []),
    ),
    "the same name and number": (
        [person("a", "Kari Prøve", "9001234")], [profile("1", "Kari Prøve", "HPR 09001234")], [],
        ([("a", "1", "same_name_and_hpr")], []),
    ),
    "a number on one side only": (
        [person("a", "Kari Prøve", "9001234"), OLA], [profile("1", "Kari Prøve"), profile("2", "Ola Test", "77")], [],
        ([("a", "1", "same_name"), ("b", "2", "same_name")], []),
    ),
    "nobody of that name": (
        [OLA], [profile("1", "Kari Prøve")], [],
        ([], [("no_practitioner", "1", ""), ("no_profile", "", "b")]),
    ),
    "two practitioners of one name": (
        [KARI, person("c", "Kari Proeve")], [profile("1", "Kari Prøve")], [],
        ([], [("several_practitioners", "1", "a c")]),
    ),
    "two practitioners of one name, told apart by the number": (
        [KARI, person("c", "Kari Prøve", "5")], [profile("1", "Kari Prøve", "5")], [],
        ([("c", "1", "same_name_and_hpr")], [("profile_taken", "1", "a")]),
    ),
    "two practitioners of one name, one of them ruled out, is still a guess": (
        [KARI, person("c", "Kari Prøve", "5")], [profile("1", "Kari Prøve", "6")], [],
        ([], [("several_practitioners", "1", "a c")]),
    ),
    "two profiles of one name": (
        [KARI], [profile("1", "Kari Prøve"), profile("2", "Dr. Kari Prøve")], [],
        ([], [("several_profiles", "1 2", "a"), ("several_profiles", "2 1", "a")]),
    ),
    "two profiles of one name, told apart by the number": (
        [person("a", "Kari Prøve", "5")], [profile("1", "Kari Prøve"), profile("2", "Kari Prøve", "5")], [],
        ([("a", "2", "same_name_and_hpr")], [("several_profiles", "1 2", "a")]),
    ),
    "two profiles with one number": (
        [person("a", "Kari Prøve", "5")], [profile("1", "Kari Prøve", "5"), profile("2", "Kari Prøve", "5")], [],
        ([], [("several_profiles", "1 2", "a"), ("several_profiles", "2 1", "a")]),
    ),
    "two practitioners with one number": (
        [person("a", "Kari Prøve", "5"), person("c", "Kari Prøve", "5")], [profile("1", "Kari Prøve", "5")], [],
        ([], [("several_practitioners", "1", "a c")]),
    ),
    "the name agrees, the number does not": (
        [person("a", "Kari Prøve", "5")], [profile("1", "Kari Prøve", "6")], [],
        ([], [("hpr_differs", "1", "a")]),
    ),
    "the number agrees, the name does not": (
        [person("a", "Kari Prøve", "5")], [profile("1", "Ola Test", "5")], [],
        ([], [("name_differs", "1", "a")]),
    ),
    "the number is another person's than the name": (
        [person("a", "Kari Prøve", "5"), OLA], [profile("1", "Ola Test", "5")], [],
        ([], [("name_differs", "1", "a b")]),
    ),
    "the number of the person of that name stands on another profile": (
        [person("a", "Kari Prøve", "5")], [profile("1", "Kari Prøve"), profile("2", "Ola Test", "5")], [],
        ([], [("hpr_elsewhere", "1", "a"), ("name_differs", "2", "a")]),
    ),
    "a timebook of a clinic, a group, a department or nobody that is known": (
        [KARI],
        [profile(kind, "Kari Prøve", owner_kind=kind) for kind in get_args(OwnerKind) if kind != "person"], [],
        ([], [("not_person_owned", kind, "a") for kind in ("group", "department", "clinic", "unknown")]),
    ),
    "a person's timebook beside the clinic's of the same name": (
        [KARI], [profile("1", "Kari Prøve", owner_kind="clinic"), profile("2", "Kari Prøve")], [],
        ([("a", "2", "same_name")], [("not_person_owned", "1", "a")]),
    ),
    "timebooks of one name in two departments": (
        [KARI], [profile("1", "Kari Prøve", departments={"y"}), profile("2", "Kari Prøve", departments={"x"})], [],
        ([("a", "2", "same_name")], [("other_department", "1", "a")]),
    ),
    "no name": (
        [person("a", "Fysioterapeut")], [profile("1", "Fysioterapeut"), profile("2", "")], [],
        ([], [("no_name", "1", ""), ("no_name", "2", ""), ("no_name", "", "a")]),
    ),
    "a profile that is offline may be linked before it opens": (
        [KARI], [profile("1", "Kari Prøve", online=False)], [],
        ([("a", "1", "same_name")], []),
    ),
    "what is linked is left alone": (
        [KARI, OLA], [profile("1", "Kari Prøve"), profile("2", "Ola Test")], [link("a", "1")],
        ([("b", "2", "same_name")], []),
    ),
    "a second profile of someone who has one here": (
        [KARI], [profile("1", "Kari P."), profile("2", "Kari Prøve")], [link("a", "1")],
        ([], [("already_linked", "2", "a")]),
    ),
    "the profile of that name is somebody else's": (
        [KARI, OLA], [profile("1", "Kari Prøve")], [link("b", "1")],
        ([], [("profile_taken", "1", "a")]),
    ),
    "a name does not become unique because one of its holders is linked": (
        [KARI, person("c", "Kari Prøve")], [profile("1", "Kari Prøve"), profile("2", "Kari Prøve")], [link("c", "1")],
        ([], [("several_practitioners", "2", "a c")]),
    ),
    "nobody and nothing": ([], [], [], ([], [])),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_proposed_and_what_is_not(case: str) -> None:
    people, profiles, links, expected = CASES[case]
    assert told(propose_links(people, catalogue(*profiles, department="x"), links)) == expected


def test_every_reason_a_proposal_can_fail_for_is_in_the_table() -> None:
    seen = {because for *_, (_, rest) in CASES.values() for because, _, _ in rest}
    assert seen == set(get_args(WhyNotLinked))


def test_a_proposal_is_no_link_until_a_person_confirms_it() -> None:
    shown = catalogue(profile("1", "Kari Prøve"))
    (proposal,) = propose_links([KARI], shown).proposals
    assert not isinstance(proposal, ProfileLink)
    confirmed = confirm_link(KARI, shown.practitioner_by_id[proposal.profile_id])
    assert told(propose_links([KARI], shown, [confirmed])) == ([], [])
    assert broken_links([confirmed], shown) == ()


@pytest.mark.parametrize(
    ("shown", "links", "because"),
    [
        (profile("1", "Kari Prøve", owner_kind="group"), [], "not_person_owned"),
        (profile("1", "Kari Prøve", owner_kind="unknown"), [], "not_person_owned"),
        (profile("1", "Kari Prøve"), [link("b", "1")], "already_linked"),
        (profile("1", "Kari Prøve"), [link("a", "2")], "already_linked"),
    ],
)
def test_a_link_that_must_not_be_is_not_confirmed(shown: Practitioner, links: list[ProfileLink], because: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        confirm_link(KARI, shown, links)
    assert (raised.value.because, raised.value.fields) == (because, ("practitioner_id",))
    assert raised.value.explain("nb") != InvalidRequest(fields=("practitioner_id",)).explain("nb")


def test_a_link_may_be_confirmed_again_and_may_be_one_that_was_not_proposed() -> None:
    assert confirm_link(KARI, profile("1", "Kari Prøve"), [link("a", "1"), link("b", "2")]) == link("a", "1")
    assert confirm_link(KARI, profile("1", "Kari P.", "HPR 5")) == link("a", "1", "Kari P.", "5")


# ---- links that have broken

WAS = link("a", "1", "Kari Prøve", "5")
BREAKS: dict[str, tuple[list[Practitioner], list[tuple[Break, str, str]]]] = {
    "nothing has changed": ([profile("1", "Kari Prøve", "5")], []),
    "only the writing has changed": ([profile("1", "Fysioterapeut KARI PROEVE", "HPR-nr. 005")], []),
    "the number is not shown any more": ([profile("1", "Kari Prøve")], []),
    "whether it is online is not told": ([profile("1", "Kari Prøve", "5", online=None)], []),
    "deleted": ([profile("2", "Kari Prøve", "5")], [("profile_deleted", "", "")]),
    "renamed": ([profile("1", "Ola Test", "5")], [("profile_renamed", "Kari Prøve", "Ola Test")]),
    "owned by a group": ([profile("1", "Kari Prøve", "5", owner_kind="group")], [("owner_changed", "person", "group")]),
    "offline": ([profile("1", "Kari Prøve", "5", online=False)], [("profile_offline", "", "")]),
    "moved": ([profile("1", "Kari Prøve", "5", departments={"y"})], [("department_changed", "", "")]),
    "another number": ([profile("1", "Kari Prøve", "6")], [("hpr_changed", "5", "6")]),
    "several things": (
        [profile("1", "Ola Test", "6", owner_kind="clinic", online=False)],
        [
            ("profile_renamed", "Kari Prøve", "Ola Test"),
            ("owner_changed", "person", "clinic"),
            ("profile_offline", "", ""),
            ("hpr_changed", "5", "6"),
        ],
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_link_is_broken_in_the_ways_that_its_profile_has_changed(case: str) -> None:
    profiles, expected = BREAKS[case]
    found = broken_links([WAS], catalogue(*profiles, department="x"))
    assert [(one.because, one.was, one.now) for one in found] == expected
    assert {one.link for one in found} <= {WAS}


def test_a_number_that_the_vendor_begins_to_show_is_held_against_the_practitioners_own() -> None:
    confirmed = confirm_link(person("a", "Kari Prøve", "5"), profile("1", "Kari Prøve"))
    found = broken_links([confirmed], catalogue(profile("1", "Kari Prøve", "6")))
    assert [(one.because, one.was, one.now) for one in found] == [("hpr_changed", "5", "6")]


def test_two_links_to_one_profile_are_both_broken_and_the_same_link_twice_is_not() -> None:
    shown = catalogue(profile("1", "Kari Prøve"), profile("2", "Ola Test"))
    links = [link("a", "1"), link("b", "1"), link("c", "2", "Ola Test"), link("c", "2", "Ola Test")]
    assert [(one.link.practitioner_id, one.because) for one in broken_links(links, shown)] == [
        ("a", "linked_twice"),
        ("b", "linked_twice"),
    ]


# ---- words


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_proposal_reason_and_break_has_its_words_in_both_languages(lang: Any) -> None:
    for people, profiles, links, _ in CASES.values():
        answer = propose_links(people, catalogue(*profiles, department="x"), links)
        for one in (*answer.proposals, *answer.not_proposed):
            assert one.name in one.explain(lang)
            assert "{" not in one.explain(lang)
    for word in get_args(Break):
        text = BrokenLink(link=WAS, because=word, was="før", now="nå").explain(lang)
        assert ("Kari Prøve" in text) or ("før" in text and "nå" in text)
        assert "{" not in text


def test_every_reason_and_break_names_who_can_do_something() -> None:
    assert set(ACTOR_OF_LINK) == set(get_args(WhyNotLinked)) | set(get_args(Break))
    assert set(get_args(Agreement)) == {"same_name", "same_name_and_hpr"}


def test_a_number_that_contradicts_a_name_is_marked_as_a_conflict() -> None:
    people, profiles, links, _ = CASES["the name agrees, the number does not"]
    (conflict,) = propose_links(people, catalogue(*profiles), links).not_proposed
    assert conflict.conflict
    people, profiles, links, _ = CASES["nobody of that name"]
    assert not any(one.conflict for one in propose_links(people, catalogue(*profiles), links).not_proposed)


# ---- random locations

WRITTEN = st.sampled_from(
    ["Kari Prøve", "KARI PROEVE", "Prøve, Kari", "Dr. Ola Test", "Ola Test", "Åse-Marie Lie", "Aase Marie Lie", "Lege"]
)
HPR = st.sampled_from([None, None, "5", "6", "HPR 7"])
PEOPLE = st.lists(st.tuples(WRITTEN, HPR), max_size=6).map(
    lambda rows: [person(f"p{n}", name, hpr) for n, (name, hpr) in enumerate(rows)]
)
PROFILES = st.lists(st.tuples(WRITTEN, HPR, st.sampled_from(["person"] * 4 + ["clinic", "unknown"])), max_size=6).map(
    lambda rows: [profile(f"t{n}", name, hpr, owner_kind=kind) for n, (name, hpr, kind) in enumerate(rows)]
)


@st.composite
def locations(
    draw: st.DrawFn,
) -> tuple[list[RegistryPractitioner], list[Practitioner], list[ProfileLink]]:
    people, profiles = draw(PEOPLE), draw(PROFILES)
    number = draw(st.integers(0, min(2, len(people), len(profiles))))
    links = [
        link(who.id, what.id)
        for who, what in zip(draw(st.permutations(people))[:number], draw(st.permutations(profiles)), strict=False)
    ]
    return people, profiles, links


@settings(max_examples=200, deadline=None)
@given(locations())
def test_no_profile_and_no_practitioner_is_ever_proposed_twice_or_beside_a_link(location: Any) -> None:
    people, profiles, links = location
    answer = propose_links(people, catalogue(*profiles), links)
    taken = [one.profile_id for one in (*answer.proposals, *links)]
    assert len(taken) == len(set(taken))
    linked = [one.practitioner_id for one in (*answer.proposals, *links)]
    assert len(linked) == len(set(linked))


@settings(max_examples=200, deadline=None)
@given(locations())
def test_a_pair_is_proposed_if_and_only_if_nothing_else_is_possible(location: Any) -> None:
    """Against the rules said the long way: every pair is looked at by itself, beside every other pair."""
    people, profiles, links = location
    fit = [one for one in profiles if one.owner_kind == "person"]

    def name_agrees(who: Any, what: Any) -> bool:
        return normal_name(who.name) == normal_name(what.name) != ""

    def number_agrees(who: Any, what: Any) -> bool:
        return normal_hpr(who.hpr) == normal_hpr(what.hpr) is not None

    def contradicted(who: Any, what: Any) -> bool:
        both = normal_hpr(who.hpr) and normal_hpr(what.hpr)
        return bool(both) and not number_agrees(who, what)

    def certain(who: Any, what: Any) -> bool:
        others = [one for one in people if one is not who], [one for one in fit if one is not what]
        if not name_agrees(who, what) or contradicted(who, what):
            return False
        if any(number_agrees(one, what) for one in others[0]) or any(number_agrees(who, one) for one in others[1]):
            return False
        if number_agrees(who, what):
            return True
        return not any(name_agrees(one, what) for one in others[0]) and not any(
            name_agrees(who, one) for one in others[1]
        )

    free = [one for one in people if one.id not in {each.practitioner_id for each in links}]
    open_ = [one for one in fit if one.id not in {each.profile_id for each in links}]
    expected = {(who.id, what.id) for who in free for what in open_ if certain(who, what)}
    answer = propose_links(people, catalogue(*profiles), links)
    assert {(one.practitioner_id, one.profile_id) for one in answer.proposals} == expected


@settings(max_examples=100, deadline=None)
@given(locations(), st.randoms())
def test_every_profile_has_one_answer_every_practitioner_at_least_one_and_the_order_changes_nothing(
    location: Any, shuffled: random.Random
) -> None:
    people, profiles, links = location
    answer = propose_links(people, catalogue(*profiles), links)
    about = [one.profile_id for one in answer.proposals]
    own = [one for one in answer.not_proposed if one.profile_ids and one.because != "profile_taken"]
    about += [one.profile_ids[0] for one in own]
    assert sorted(about) == sorted({one.id for one in profiles} - {one.profile_id for one in links})
    spoken_of = {one.practitioner_id for one in (*answer.proposals, *links)}
    spoken_of |= {who for one in answer.not_proposed for who in one.practitioner_ids}
    assert spoken_of == {one.id for one in people}
    people, profiles = shuffled.sample(people, len(people)), shuffled.sample(profiles, len(profiles))
    again = propose_links(people, catalogue(*profiles), links)
    assert set(again.proposals) == set(answer.proposals)


@settings(max_examples=200, deadline=None)
@given(locations())
def test_confirming_every_proposal_breaks_nothing_and_leaves_nothing_more_to_propose(location: Any) -> None:
    people, profiles, _ = location
    shown, by_id = catalogue(*profiles), {one.id: one for one in people}
    confirmed: list[ProfileLink] = []
    for one in propose_links(people, shown).proposals:
        confirmed.append(confirm_link(by_id[one.practitioner_id], shown.practitioner_by_id[one.profile_id], confirmed))
    assert broken_links(confirmed, shown) == ()
    assert propose_links(people, shown, confirmed).proposals == ()


def test_a_large_location_is_answered_in_the_catalogues_order() -> None:
    people = [person(f"p{n}", f"Kari Prøve {n}") for n in range(3000)]
    profiles = [profile(f"t{n}", f"KARI PROEVE {n}") for n in reversed(range(3000))]
    answer = propose_links(people, catalogue(*profiles))
    numbers = [int(one.profile_id[1:]) for one in answer.proposals]
    assert len(numbers) == 3000
    assert all(one > other for one, other in pairwise(numbers))
