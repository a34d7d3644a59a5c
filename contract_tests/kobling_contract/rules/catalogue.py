"""CAT: who and what the adapter shows of a clinic, against the clinic's own set-up."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from itertools import cycle
from typing import Any, TypeAlias, get_args

from kobling import Catalogue, Operation, Practitioner, Slot, Slots
from kobling_mocks import Fact
from kobling_mocks.clinic import ALL_PATIENTS, AppointmentType, Clinic, Medium, OwnerKind, Rule, Timebook, synthetic_id

from ..answers import parsed
from ..clinics import ClinicName
from ..nulls import never_null
from ..outcome import Outcome
from ..rig import Mark, Rig, WireCall
from ..rows import Rows
from ..rule import NEVER_VARIED, RuleBook
from ..strange_words import (
    UNKNOWN_WORD,
    codes_of_several,
    codes_since,
    in_place_of,
    unknown_of,
    where_they_stand,
    words_since,
)
from ..trial import Trial
from ..wording import counted, slot_told, some
from .wire import told_in

BOOK = RuleBook("CAT", "Practitioners, services and what is offered")
NEEDS: tuple[Operation, ...] = ("identify", "catalogue")
WORLDS: tuple[ClinicName, ...] = ("demo", "random", "particular")
MAPPING_HELP = "the help article on mapping practitioners: only a person's own timebook is linked to a practitioner"
LIST_HELP = "the help article on mapping practitioners: insurance customers are offered what all patients may book"
KIND_HELP = "the vendors' help pages on appointment types: a hidden type is never shown, a group's has places"
RATE_HELP = "the help articles on rates: insurance customers see what has a B-rate on the rule of the appointment type"


async def _read(trial: Trial, rig: Rig) -> Catalogue:
    mark = rig.mark()
    found = await rig.whole().catalogue()
    trial.control(rig, mark, "the catalogue is read")
    return found


def _pairs(clinic: Clinic) -> list[tuple[str, str]]:
    """Every (timebook, type) of the clinic that has a rule."""
    return [(rule.timebook_id, kind.id) for kind in clinic.types for rule in kind.rules]


def _rules_of(rig: Rig, type_id: str) -> tuple[Rule, ...]:
    return next(kind.rules for kind in rig.clinic.types if kind.id == type_id)


def _wire(rig: Rig, pair: tuple[str, str]) -> tuple[str, str]:
    return rig.wire_id(pair[0]), rig.wire_id(pair[1])


def _named(pair: tuple[str, str]) -> str:
    """A pair of the vendor's ids: who, and what."""
    return f"type {pair[1]} with practitioner {pair[0]}"


def _unknown_too(strange: Set[str]) -> str:
    return f"; {counted(len(strange), 'id')} that the clinic does not have" if strange else ""


def _why_not(found: Catalogue, pair: tuple[str, str]) -> str:
    return f"not offered: {some(found.why_not(*pair))}"


def _untold(trial: Trial, rig: Rig, fact: Fact, what: str) -> None:
    """End a rule about something that the vendor's wire does not tell."""
    if not rig.told(fact):
        trial.not_offered(what, proof=True)


def _in_the_answers(rig: Rig, mark: Mark, names: Mapping[str, Collection[str]]) -> set[str]:
    """The vendor's ids of those things that the answers since then tell: the id and one of the names stand in them, the
    name as one text or, in the row with the id, in parts. names: by the clinic's own id."""
    sent = rig.sent_since(mark)
    said, rows = set(told_in(sent).splitlines()), Rows(sent)
    wire = {rig.wire_id(own): called for own, called in names.items()}
    whole = {one for one, called in wire.items() if one in said and said & set(map(_text, called))}
    return whole | {one for one, called in wire.items() if any(rows.of(one, name) for name in called)}


def _text(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


NOTHING_READ = (
    "A word that nobody knows, in some of the rows, makes the whole catalogue fail: nothing can be searched any more "
    "on the day when the vendor adds a word. Read such a field as text, and look it up in a table with an answer for "
    "the rest."
)


ANOTHER_CLINICS = (
    "The catalogue holds nothing of this clinic's, and other ids in its place: what was read for one clinic is kept, "
    "and told as the next one's. Keep nothing in the module, on the class or in a cache."
)


@BOOK.rule(
    1,
    "Every timebook that the clinic shows online is listed once, under its own id, and none that it does not have",
    why="What is absent counts as deleted: the link to a practitioner is reported as broken.",
    check="catalogue: does it read everything, also timebooks that cannot be booked?",
    control="The catalogue of the same clinic is read, each call answered without an error.",
    source=MAPPING_HELP,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "missing": "A timebook that the vendor shows is not in the catalogue. List also what can't be booked.",
        "left_out": "An offline timebook stands in the vendor's answer and not in the catalogue: list it with "
        "online=False, so that an administrator is told why it can't be linked.",
        "invented": "The catalogue holds an id that the clinic does not have: use the vendor's ids unchanged.",
    },
    look={"invented": "Practitioner.id: the vendor's own id of a timebook, unchanged, and nothing else's."},
)
async def _timebooks_listed(trial: Trial) -> None:
    for world in WORLDS:
        rig = trial.rig(world)
        mark = rig.mark()
        found = await _read(trial, rig)
        listed = {one.id for one in found.practitioners}
        online = {rig.wire_id(one.id) for one in rig.clinic.timebooks if one.online}
        everyone = {rig.wire_id(one.id) for one in rig.clinic.timebooks}
        missing = online - listed
        strange = _unknown_too(listed - everyone)
        trial.claim(
            not missing,
            "missing",
            expected=f"listed: timebook {some(missing)}",
            got=f"not in the catalogue ({len(missing)} of {len(online)} that are online){strange}",
            wrong=ANOTHER_CLINICS if listed and not listed & everyone else "",
        )
        trial.claim(
            listed <= everyone,
            "invented",
            expected="only ids of the clinic's timebooks",
            got=f"{some(listed - everyone)}, which the clinic does not have",
        )
        names = {one.id: (one.public_name, one.owner_name) for one in rig.clinic.timebooks}
        left_out = _in_the_answers(rig, mark, names) - listed
        trial.claim(not left_out, "left_out", expected=f"listed: timebook {some(left_out)}, as in the answers",
                    got="not in the catalogue")  # fmt: skip
        trial.saw(
            f"{world} clinic: {len(listed)} of its {len(everyone)} timebooks listed, all {len(online)} online ones"
        )


@BOOK.rule(
    2,
    "Names come through unharmed, in every letter that Norwegian and Sámi names have",
    why="Patients and clinics recognise a practitioner by the name.",
    check="Practitioner.name and Service.name: taken as they are, no re-encoding, no trimming to ASCII, no "
    "title-casing.",
    control="The catalogue of the same clinic is read, and lists somebody whose name can be compared.",
    source="the contract: texts are kept as the vendor has them",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "changed": "A name differs from the clinic's. Take the public name as it came.",
        "nobody": "The catalogue is empty, so that there is no name to compare. Where CAT-01 fails too, mend that "
        "first.",
    },
    look={"nobody": "catalogue: whether it reads the list of practitioners at all."},
)
async def _names_unharmed(trial: Trial) -> None:
    for world in WORLDS:
        rig = trial.rig(world)
        found = await _read(trial, rig)
        trial.claim(bool(found.practitioners), "nobody", expected="at least one practitioner", got="an empty catalogue")
        own = {rig.wire_id(one.id): one for one in rig.clinic.timebooks}
        known = [one for one in found.practitioners if one.id in own]  # of another id CAT-01 speaks
        trial.need(known, f"no practitioner of the {world} clinic is listed")
        for one in known:
            names = {_text(own[one.id].public_name), _text(own[one.id].owner_name)}
            told = f"practitioner {one.id}: {' or '.join(sorted(names))}"
            trial.claim(_text(one.name) in names, "changed", expected=told, got=one.name)
        for service in found.services:
            kind = rig.clinic.type(rig.own(service.id))
            if kind is not None:
                holds = _text(kind.name) in _text(service.name)
                trial.claim(holds, "changed", expected=f"type {service.id}: {kind.name}", got=service.name)
        trial.saw(
            f"{world} clinic: names of {len(found.practitioners)} practitioners and {len(found.services)} types, as "
            f"it has them"
        )


@BOOK.rule(
    3,
    "Only a timebook that a person owns can be booked",
    why="A group's or a department's timebook linked to a practitioner sends patients to the wrong person.",
    check='Practitioner.owner_kind: "person" only where the vendor says so; "unknown" is not bookable either.',
    control="A person's own timebook can be booked in the same catalogue, beside those that no person owns.",
    source=MAPPING_HELP,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "nothing_read": NOTHING_READ,
        "offered": "A timebook that no person owns can be booked. Set owner_kind from the vendor's own word.",
        "lost": "A person's own timebook can't be booked, for the reason that is named. Where that is "
        "not_person_owned, "
        'owner_kind must be "person" for the vendor\'s word; each other reason is a field that is read wrongly.',
        "guessed": "The vendor's word for the owner is one that nobody knows, and the timebook is told as a person's: "
        "what is not in the table of words is unknown.",
    },
    look={
        "lost": "Practitioner.owner_kind, and the field behind each reason that is named (Offer.rates for "
        "no_insurance_rate, Practitioner.online for offline).",
    },
    safety=True,
)
async def _only_persons(trial: Trial) -> None:
    refused = offered = 0
    for world in WORLDS:
        rig = trial.rig(world)
        _untold(trial, rig, "owner_kinds", "who owns a timebook")
        found = await _read(trial, rig)
        others = [one for one in rig.clinic.timebooks if one.owner_kind != "person"]
        for timebook, kind in _pairs(rig.clinic):
            owner = next(one for one in rig.clinic.timebooks if one.id == timebook).owner_kind
            pair = _wire(rig, (timebook, kind))
            bookable = found.bookable(*pair)
            if owner != "person":
                expected = f"not offered: {_named(pair)}, whose owner is a {owner}"
                trial.claim(not bookable, "offered", expected=expected, got="offered")
                refused += 1
            elif rig.shown.offered(timebook, kind):
                expected = f"offered: {_named(pair)}, a person's own timebook"
                trial.claim(bookable, "lost", expected=expected, got=_why_not(found, pair))
                offered += 1
        trial.saw(f"{world} clinic: {counted(len(others), 'timebook')} of no person's, none of them offered")
    trial.need((refused and offered) or None, "no type of a person's timebook, or none of another one's")
    await _owned_by_each_other(trial)
    await _owned_by_an_unknown_word(trial)


async def _owned_by_each_other(trial: Trial) -> None:
    """The same for every kind of owner, whichever of them the clinics have: a vendor has a word for each."""
    for owner in get_args(OwnerKind):
        rig = trial.rig()
        timebook = next((one for one in rig.clinic.timebooks if one.owner_kind != "person"), None)
        places = [one.id for one in rig.clinic.departments] if owner == "department" else [None]
        if owner == "person" or timebook is None or not places:
            continue
        rig.clinic.put_timebook(replace(timebook, owner_kind=owner, owner_department_id=places[0]))
        listed = (await _read(trial, rig)).practitioners
        told = next((one.owner_kind for one in listed if one.id == rig.wire_id(timebook.id)), owner)
        expected = f"{rig.wire_id(timebook.id)}, whose owner is a {owner}: no person"
        trial.claim(told != "person", "offered", expected=expected, got="owner_kind person")


async def _words_gone(
    trial: Trial, without: Callable[[Rig], None], first: Callable[[Rig], None] = lambda _: None
) -> frozenset[str]:
    """The words that a catalogue's answers hold, and hold no longer once the clinic is without something; where there
    are none, such numbers of a field that has several. first: what is changed so that the clinic has it."""
    words, codes = [], []
    for change in (first, without):
        rig = trial.rig()
        change(rig)
        mark = rig.mark()
        await _read(trial, rig)
        words.append(words_since(rig, mark))
        codes.append(codes_since(rig, mark))
    return words[0] - words[1] or codes_of_several(codes[0] - codes[1])


def _still_read(trial: Trial, outcome: Outcome, words: Collection[str]) -> None:
    """The rows beside those with another word are told all the same. Numbers may be of other things, too."""
    if any(one.startswith('"') for one in words):
        return
    expected = f"a catalogue, with {unknown_of(words)} in the place of {some(words)} in some of its rows"
    trial.claim(outcome.error is None, "nothing_read", expected=expected, got=outcome)


async def _owned_by_an_unknown_word(trial: Trial) -> None:
    """The same catalogue of a vendor that has another word for what no person owns."""

    def persons(rig: Rig) -> None:
        for timebook in rig.clinic.timebooks:
            rig.clinic.put_timebook(replace(timebook, owner_kind="person"))

    words = await _words_gone(trial, persons)
    if not words:
        trial.saw("no word in the answers tells that no person owns a timebook")
        return
    rig = trial.rig(spoil=in_place_of(words))
    outcome = await trial.outcome(rig.session.catalogue())
    _still_read(trial, outcome, words)
    others = {rig.wire_id(one.id) for one in rig.clinic.timebooks if one.owner_kind != "person"}
    listed = outcome.value.practitioners if outcome.value else ()
    persons_now = [one.id for one in listed if one.id in others and one.owner_kind == "person"]
    expected = f"practitioner {some(persons_now, most=1)}: owner_kind unknown, for {unknown_of(words)}"
    trial.claim(not persons_now, "guessed", expected=expected, got="owner_kind person")
    trial.saw("a word that nobody knows makes no person of an owner")


@BOOK.rule(
    4,
    "What is kept to a list of patients is not offered to everybody",
    why="A stranger would book a time that the clinic keeps for a company or for regulars.",
    check='Offer.patients: "all" only where the vendor says so of this timebook and type, "restricted" where it names '
    "a list.",
    control="A type that is open to everybody can be booked in the same catalogue.",
    source=LIST_HELP,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "nothing_read": NOTHING_READ,
        "offered": "A type that is restricted to a patient list in this timebook can be booked: set Offer.patients.",
        "guessed": "The vendor's word for who may book a type is one that is in nobody's table, and the adapter "
        "offers the "
        "type to everybody. A type is open to everybody only where the vendor's own word for that says so.",
        "kept_from_all": "A type that is kept to a list with one practitioner can't be booked with another, who takes "
        "everybody: set Offer.patients for each of the two by themselves.",
    },
    look={
        "guessed": 'Offer.patients: "all" only for the vendor\'s own word for everybody, "unknown" for a word that is '
        "not "
        "in your table.",
        "kept_from_all": "Offer.patients: read for each practitioner and type together, not once for the type.",
    },
    safety=True,
)
async def _restricted_lists(trial: Trial) -> None:
    rig = trial.rig()
    _untold(trial, rig, "patient_lists", "lists of patients")
    found = await _read(trial, rig)
    kept = [(rule.timebook_id, kind.id) for kind in rig.clinic.types for rule in kind.rules if rule.patients != "all"]
    trial.need(kept, "no restricted list in the world")
    for pair in kept:
        ids = _wire(rig, pair)
        expected = f"not offered: {_named(ids)}, which is kept to a list"
        trial.claim(not found.bookable(*ids), "offered", expected=expected, got="offered")
    free = [pair for pair in _pairs(rig.clinic) if rig.shown.offered(*pair) and found.bookable(*_wire(rig, pair))]
    trial.need(free, "nothing can be booked at all, so that the absence proves nothing")
    kept_told = f"kept to a list and not offered: {counted(len(kept), 'type')} with a practitioner"
    trial.saw(f"{kept_told}; open and offered: {len(free)}")
    await _kept_by_one_alone(trial, free, kept[0])
    await _kept_by_an_unknown_word(trial, kept)


async def _kept_by_one_alone(trial: Trial, free: Sequence[tuple[str, str]], kept: tuple[str, str]) -> None:
    """A type that one of two keeps to a list, where the vendor's answers tell which of them does."""
    kind, two = next(
        (
            (kind, at[:2])
            for kind in trial.rig().clinic.types
            if len(at := [timebook for timebook, type_id in free if type_id == kind.id]) > 1
        ),
        (None, []),
    )
    if kind is None:
        trial.saw("no type can be booked with two practitioners")
        return
    answers = []
    for keeping in (two[:1], two):
        rig = trial.rig()
        patients = next(one.patients for one in _rules_of(rig, kept[1]) if one.timebook_id == kept[0])
        rules = tuple(replace(one, patients=patients) if one.timebook_id in keeping else one for one in kind.rules)
        rig.clinic.put_type(replace(kind, rules=rules))
        mark = rig.mark()
        found = await _read(trial, rig)
        answers.append((told_in(rig.sent_since(mark)), rig.since(mark), rig, found))
    (one_keeps, calls, rig, found), (both_keep, *_) = answers
    if one_keeps == both_keep:
        trial.saw("the answers don't tell which practitioner keeps a type to a list")
        return
    keeper, other = two
    theirs = _wire(rig, (keeper, kind.id))
    trial.claim(not found.bookable(*theirs), "offered", expected=f"not offered: {_named(theirs)}, who keeps it to a "
    f"list",
                got="offered", calls=calls)  # fmt: skip
    free_at = _wire(rig, (other, kind.id))
    trial.claim(found.bookable(*free_at), "kept_from_all", expected=f"offered: {_named(free_at)}, who takes everybody",
                got=_why_not(found, free_at), calls=calls)  # fmt: skip
    trial.saw("a type that one practitioner keeps to a list is offered by another")


async def _kept_by_an_unknown_word(trial: Trial, kept: Sequence[tuple[str, str]]) -> None:
    """The same catalogue of a vendor that has another word for what is kept to a list."""

    def open_to_all(rig: Rig) -> None:
        for kind in rig.clinic.types:
            rig.clinic.put_type(replace(kind, rules=tuple(replace(one, patients=ALL_PATIENTS) for one in kind.rules)))

    words = await _words_gone(trial, open_to_all)
    if not words:
        trial.saw("no word in the answers tells that a type is kept to a list")
        return
    rig = trial.rig(spoil=in_place_of(words))
    outcome = await trial.outcome(rig.session.catalogue())
    _still_read(trial, outcome, words)
    offered = [pair for pair in kept if outcome.error is None and outcome.value.bookable(*_wire(rig, pair))]
    one = _named(_wire(rig, offered[0])) if offered else ""
    trial.claim(not offered, "guessed", expected=f"not offered: {one}, for {unknown_of(words)}",
                got=f"offered ({len(offered)} of {len(kept)} that are kept to a list)")  # fmt: skip
    trial.saw("a word that nobody knows keeps a type from everybody")


@BOOK.rule(
    5,
    "Hidden types and group types are not offered",
    why="A hidden type is for the clinic's own use; a place in a group is booked otherwise.",
    check='Service.kind: "group" and "hidden" as the vendor says.',
    control="An ordinary type can be booked in the same catalogue, beside a hidden type or a group.",
    source=KIND_HELP,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "nothing_read": NOTHING_READ,
        "offered": "A hidden or group type can be booked: set Service.kind from the vendor's word.",
        "guessed": "The vendor's word for the kind of a type is one that nobody knows, and the type can be booked: set "
        'Service.kind to "unknown" for every word that is not in your table.',
        "left_out": "A type stands in the vendor's answer and not in the catalogue: list it with its kind, or with "
        "online=False, so that an administrator is told why it can't be booked.",
    },
    look={
        "guessed": 'Service.kind: "ordinary" only for the vendor\'s own word for it, "unknown" for a word that is not '
        "in "
        "your table.",
        "left_out": "catalogue: a filter or a `continue` that skips rows of types.",
    },
)
async def _kinds(trial: Trial) -> None:
    rig = trial.rig()
    _untold(trial, rig, "type_kinds", "hidden types and groups")
    _nothing_else_against_them(rig)
    *_, quiet = (kind for kind in rig.clinic.types if kind.kind == "ordinary" and kind.online)
    rig.clinic.put_type(replace(quiet, online=False))
    mark = rig.mark()
    found = await _read(trial, rig)
    special = frozenset(rig.wire_id(kind.id) for kind in rig.clinic.types if kind.kind != "ordinary")
    ordinary = {rig.wire_id(kind.id) for kind in rig.clinic.types if kind.kind == "ordinary"}
    trial.need(special, "no hidden type and no group in the world")
    bookable = {kind for who, kind in found.offer_by_ids if found.bookable(who, kind)}
    trial.claim(not bookable & special, "offered", expected=f"not offered: type {_special(rig, bookable & special)}",
                got="offered")  # fmt: skip
    trial.need(bookable & ordinary, "nothing can be booked at all, so that the absence proves nothing")
    told = _in_the_answers(rig, mark, {kind.id: (kind.name,) for kind in rig.clinic.types})
    left_out = told - {one.id for one in found.services}
    trial.claim(not left_out, "left_out", expected=f"listed: type {some(left_out)}, as in the answers",
                got="not in the catalogue")  # fmt: skip
    trial.saw(
        f"{len(special)} hidden types and groups are not offered, {len(bookable)} of {len(ordinary)} ordinary types are"
    )
    await _of_an_unknown_kind(trial, special)


def _special(rig: Rig, ids: Iterable[str]) -> str:
    """Types by the vendor's id, each with its kind."""
    kinds = {rig.wire_id(kind.id): kind.kind for kind in rig.clinic.types}
    return some(f"{one} ({kinds[one]})" for one in ids)


def _nothing_else_against_them(rig: Rig) -> None:
    """Give hidden types and groups what an ordinary type has that is offered: rates, practitioners and a place."""
    found = rig.clinic.types
    people = {one.id for one in rig.clinic.timebooks if one.owner_kind == "person" and one.online}
    like = next(
        kind
        for kind in found
        if kind.kind == "ordinary" and any(rule.timebook_id in people and _is_open(rule) for rule in kind.rules)
    )
    for kind in found:
        if kind.kind != "ordinary":
            rig.clinic.put_type(replace(kind, rules=like.rules, address_id=like.address_id, online=True))


def _is_open(rule: Rule) -> bool:
    return bool(rule.insurance_rates) and rule.patients == ALL_PATIENTS


async def _of_an_unknown_kind(trial: Trial, special: frozenset[str]) -> None:
    """The same catalogue of a vendor that has other words for what is no ordinary type."""

    def ordinary(rig: Rig) -> None:
        for kind in rig.clinic.types:
            rig.clinic.put_type(replace(kind, kind="ordinary"))

    words = await _words_gone(trial, ordinary)
    if not words:
        trial.saw("no word in the answers tells that a type is hidden or a group's")
        return
    rig = trial.rig(spoil=in_place_of(words))
    _nothing_else_against_them(rig)
    outcome = await trial.outcome(rig.session.catalogue())
    _still_read(trial, outcome, words)
    found = outcome.value if outcome.error is None else None
    offered = {kind for who, kind in found.offer_by_ids if found.bookable(who, kind)} & special if found else set()
    expected = f"not offered: type {_special(rig, offered)}, for {unknown_of(words)}"
    trial.claim(not offered, "guessed", expected=expected, got="offered")
    await _of_another_kind(trial, words)
    trial.saw("a word that nobody knows keeps a type from being offered")


async def _of_another_kind(trial: Trial, words: Collection[str]) -> None:
    """The same catalogue with an unknown word also for ordinary types, wherever in a row those words tell the kind:
    what is told of such a type stays as it was, its rates among them."""
    quiet = trial.rig()
    mark = quiet.mark()
    before = await _read(trial, quiet)
    rig = trial.rig(spoil=where_they_stand(words, quiet.sent_since(mark)))
    mark = rig.mark()
    outcome = await trial.outcome(rig.session.catalogue())
    rows = Rows(rig.sent_since(mark))
    names = {rig.wire_id(kind.id): kind.name for kind in rig.clinic.types}
    renamed = {one for one, name in names.items() if any(UNKNOWN_WORD in row for row in rows.of(one, name))}
    tried = {kind for who, kind in before.offer_by_ids if before.bookable(who, kind)} & renamed
    found = outcome.value if outcome.error is None else None
    offered = {kind for who, kind in found.offer_by_ids if found.bookable(who, kind)} & tried if found else set()
    expected = f"not offered: type {some(offered)}, for {unknown_of(words)} in the place of its kind"
    trial.claim(not offered, "guessed", expected=expected, got="offered")
    if tried:
        trial.saw(f"{counted(len(tried), 'ordinary type')}, none of them offered where the word for that is unknown")


@BOOK.rule(
    6,
    "A type is offered to insurance customers exactly where it has a B-rate, and told with all of its rates",
    why="Without a B-rate nothing can be claimed; with one among other rates it must not be lost.",
    check="Offer.rates: every rate of the type in that timebook, the B-rates among them in any place.",
    control="At least one pair with a B-rate is offered in the same catalogue, with the clinic's codes.",
    source=RATE_HELP,
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "without_rate": "A type without a B-rate is offered: rates=() says that the vendor has no rate for it, None "
        "that the vendor shows no rates at all.",
        "lost": "A type with a B-rate is not offered: look at the rates that stand beside the B-rate, and at their "
        "order.",
        "unknown_rates": "A type that has no rate is offered, as if its rates were not known: None says that nobody "
        "knows, () that there are none. Pass an empty list on as it is.",
        "other_codes": "The rates that are told differ from the clinic's: tell all codes of the type in that timebook, "
        "and no others.",
        "others_left_out": "Rates that aren't the insurers' stand in the vendor's answers and not in the catalogue: "
        "pass every rate on, Kobling sorts out which are the insurers'.",
        "other_names": "A rate is told by another name than the vendor tells, or by none although the vendor tells it.",
    },
    look={
        "without_rate": "Offer.rates: () where the vendor's own list is empty, never None for it.",
        "unknown_rates": "Offer.rates: () where the vendor's own list is empty, never None for it.",
        "others_left_out": "Offer.rates: a filter of the adapter's own for codes that begin with B.",
        "other_names": "Rate.name: the vendor's own text for the code, read from the same row.",
    },
)
async def _rates(trial: Trial) -> None:
    rig = trial.rig()
    mark = rig.mark()
    found = await _read(trial, rig)
    said = set(told_in(rig.sent_since(mark)).splitlines())
    if not rig.told("rates"):
        invented = [offer for offer in found.offer_by_ids.values() if offer.rates is not None]
        trial.not_offered("rates", proof=not invented)
    if rig.told("rate_codes") and all(offer.rates is None for offer in found.offer_by_ids.values()):
        trial.need(None, "the vendor shows no rates")
    compared = 0
    for who, kind in _pairs(rig.clinic):
        listed = next((one for one in rig.clinic.timebooks if one.id == who), None)
        rule = next(one for one in rig.clinic.types if one.id == kind).rule_for(who)
        if listed is None or rule is None or not listed.online or listed.owner_kind != "person":
            continue
        codes = {rate.code for rate in rule.insurance_rates}
        pair = _wire(rig, (who, kind))
        bookable = found.bookable(*pair)
        if not codes:
            expected = f"not offered: {_named(pair)}, which has no B-rate"
            trial.claim(not bookable, "without_rate", expected=expected, got="offered")
        if not rig.shown.offered(who, kind):
            continue
        has = f"{_named(pair)}: "
        trial.claim(bookable, "lost", expected=f"{has}offered, with {some(codes)}", got=_why_not(found, pair))
        told = {rate.code for rate in found.offer_by_ids[pair].rates or () if rate.is_insurance}
        if not rig.told("rate_codes"):
            codes = set()
        trial.claim(told == codes, "other_codes", expected=has + some(codes), got=some(told))
        names = {
            rate.code: rate.name for rate in rule.insurance_rates if rate.code in codes and _text(rate.name) in said
        }
        shown = {rate.code: rate.name for rate in found.offer_by_ids[pair].rates or () if rate.code in names}
        trial.claim(shown == names, "other_names", expected=has + some(names.values()),
                    got=some(one or "no name" for one in shown.values()))  # fmt: skip
        compared += 1
    trial.need(compared or None, "no pair with a B-rate")
    if rig.told("rate_codes"):
        _other_payers(trial, rig, found, said)
    what = "exactly the clinic's B-rates" if rig.told("rate_codes") else "no rate, and an insurer who pays"
    trial.saw(f"{compared} offers have {what}")
    await _no_rate_at_all(trial)


def _other_payers(trial: Trial, rig: Rig, found: Catalogue, said: Set[str]) -> None:
    """Rates of HELFO's, and the clinic's own, are told where the vendor's answers hold their codes."""
    compared = 0
    for who, kind in _pairs(rig.clinic):
        offer = found.offer_by_ids.get(_wire(rig, (who, kind)))
        rule = next(one for one in _rules_of(rig, kind) if one.timebook_id == who)
        if offer is None or offer.rates is None:
            continue
        holds = {one.code for one in rule.rates} - {one.code for one in rule.insurance_rates}
        told = {one.code for one in offer.rates if not one.is_insurance}
        left_out = (holds & said) - told
        has = f"{_named(_wire(rig, (who, kind)))}: "
        trial.claim(not left_out, "others_left_out", expected=has + some(holds & said), got=some(told))
        trial.claim(told <= holds, "other_codes", expected=has + some(holds, "no rate of other payers"), got=some(told))
        compared += bool(holds & said)
    trial.saw(f"{compared} offers have rates of other payers, too, and all of them are told")


async def _no_rate_at_all(trial: Trial) -> None:
    """A type whose rules name no rate, where the vendor shows the rates of others: none, which is not "unknown"."""
    rig = trial.rig()
    offered = [pair for pair in _pairs(rig.clinic) if rig.shown.offered(*pair)]
    bare = next((kind for _, kind in offered if any(other != kind for _, other in offered)), None)
    kind = rig.clinic.type(trial.need(bare, "no second type with a B-rate"))
    if kind is not None:
        rig.clinic.put_type(replace(kind, rules=tuple(replace(rule, rates=()) for rule in kind.rules)))
    found = await _read(trial, rig)
    now_bare = [_wire(rig, pair) for pair in offered if not rig.shown.offered(*pair)]
    free = [pair for pair in offered if rig.shown.offered(*pair) and found.bookable(*_wire(rig, pair))]
    trial.need(now_bare and free, "no pair without any rate beside one with a B-rate")
    wrong = [pair for pair in now_bare if found.bookable(*pair)]
    one = _named(wrong[0]) if wrong else ""
    expected = f"not offered: {one}, which has no rate at all (rates=())"
    trial.claim(not wrong, "unknown_rates", expected=expected, got="offered")
    trial.saw(f"without its rates a type is no longer offered, and {counted(len(free), 'other offer')} stand as before")


@BOOK.rule(
    7,
    "A type belongs to the department of its address, else to those of its practitioners, else to every department",
    why="Otherwise a practitioner is seen nowhere, or at a place where nobody receives the patient.",
    check="Service.locations: the department of the address; None without an address. Where none means the "
    "practitioner's own place: `kobling about at-the-practitioners`. Practitioner.departments, "
    "where it is told: where they receive patients.",
    control="The catalogue is read, and holds at least one type whose place can be compared.",
    source="the help article on departments: no address means all departments",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "bound": "A type that is offered everywhere is bound to departments: its locations must be None. Where the "
        "vendor has no such types, the mock's `fit` gives each of them, or each timebook, an address.",
        "elsewhere": "A type stands at another department than its address, or than its practitioners.",
        "practitioner_elsewhere": "A practitioner is told at a department where they receive nobody, or not at one "
        "where they do.",
    },
    look={
        "practitioner_elsewhere": "Practitioner.departments: every department at which the practitioner receives "
        "patients for any type, and no other; None where the vendor does not tell.",
    },
)
async def _addresses(trial: Trial) -> None:
    rig = trial.rig()
    compared = await _told_where_they_are(trial, rig)
    trial.need(compared or None, "no type is listed")
    trial.saw(f"{compared} types stand where the clinic has them")
    first, *_ = rig.clinic.addresses or (None,)
    if first is not None and rig.told("departments"):
        placed = trial.rig()
        for kind in placed.clinic.types:
            placed.clinic.put_type(replace(kind, address_id=kind.address_id or first.id))
        placed.mock.dialect.fit(placed.clinic)
        compared = await _told_where_they_are(trial, placed)
        trial.saw(f"{compared} types stand where the clinic has them, where each has an address")


async def _told_where_they_are(trial: Trial, rig: Rig) -> int:
    """Claim that practitioners and types are told at their departments. Returns how many types were compared."""
    found = await _read(trial, rig)
    receiving = _receiving(rig, found) if rig.told("departments") else []
    told = _practitioners_places(trial, receiving)  # first, since the SDK puts types without a place at theirs
    compared = 0
    for service in found.services:
        kind = rig.clinic.type(rig.own(service.id))
        if kind is None or kind.kind == "hidden":
            continue
        bookable, listed = _places_of(rig, kind)
        if not listed:
            expected = f"type {service.id}: every department (locations None)"
            trial.claim(service.locations is None or service.locations >= set(rig.places), "bound", expected=expected,
                        got=some(service.locations or (), "no department"))  # fmt: skip
        else:
            which = some(listed) if bookable == listed else f"of {some(listed)} at least {some(bookable, 'one')}"
            expected = f"type {service.id}: department {which} only"
            at = set(rig.places) if service.locations is None else service.locations
            got = "every department (locations None)" if service.locations is None else some(at, "no department")
            holds = bool(at) and bookable <= at <= listed
            trial.claim(holds, "elsewhere", expected=expected, got=got)
        compared += 1
    elsewhere = _nothing_elsewhere(trial, rig, found, receiving)
    if told or elsewhere:
        trial.saw(
            f"{counted(told, 'practitioner')} told at the departments where they receive patients; nothing offered at "
            f"{elsewhere} where they receive nobody"
        )
    return compared


_Receiving: TypeAlias = "tuple[Practitioner, frozenset[str], frozenset[str]]"
"""A practitioner, with the departments at which they receive patients: for types that can be booked, and for any."""


def _receiving(rig: Rig, found: Catalogue) -> list[_Receiving]:
    """The practitioners who receive patients somewhere."""
    books = [(who, rig.clinic.timebook(rig.own(who.id))) for who in found.practitioners]
    at = [(who, *_received_at(rig, timebook)) for who, timebook in books if timebook is not None]
    return [(who, bookable, received) for who, bookable, received in at if received]


def _practitioners_places(trial: Trial, receiving: list[_Receiving]) -> int:
    """Claim that a practitioner is told at those departments at which they receive patients, where any are told.
    Returns how many were."""
    told = 0
    for who, bookable, received in receiving:
        if who.departments is not None:
            which = some(received) if bookable == received else f"of {some(received)} at least {some(bookable, 'one')}"
            holds = bool(who.departments) and bookable <= who.departments <= received
            expected = f"practitioner {who.id}: department {which}"
            got = some(who.departments, "no department")
            trial.claim(holds, "practitioner_elsewhere", expected=expected, got=got)
            told += 1
    return told


def _nothing_elsewhere(trial: Trial, rig: Rig, found: Catalogue, receiving: list[_Receiving]) -> int:
    """Claim that nothing of a practitioner's is offered to a connection of another department. Returns how many
    practitioners and departments were looked at."""
    elsewhere = 0
    for who, _, received in receiving:
        others = () if rig.needs_department else sorted(set(rig.places) - received)
        for place in others:
            there = found.model_copy(update={"department_id": place})
            offered = [ids for ids in there.offer_by_ids if ids[0] == who.id and there.bookable(*ids)]
            one = _named(offered[0]) if offered else ""
            expected = f"not offered at department {place}: {one}, who receives nobody there"
            trial.claim(not offered, "practitioner_elsewhere", expected=expected, got="offered")
            elsewhere += 1
    return elsewhere


def _received_at(rig: Rig, timebook: Timebook) -> tuple[frozenset[str], frozenset[str]]:
    """At which departments patients are received in a timebook, by the vendor's ids: for types that can be booked
    there, and for any, the timebook's own place among them. Nothing where it has no types."""
    kinds = [kind.id for kind in rig.clinic.types if kind.rule_for(timebook.id) is not None]

    def at(kind: str) -> frozenset[str]:
        address = rig.clinic.address_of(timebook.id, kind)
        return frozenset(rig.places if address is None else {rig.wire_id(address.department_id)})

    bookable = frozenset().union(*(at(kind) for kind in kinds if rig.shown.offered(timebook.id, kind)))
    received = frozenset().union(*map(at, kinds))
    home = rig.clinic.address(timebook.address_id or "")
    if received and home is not None:
        received |= {rig.wire_id(home.department_id)}
    return bookable, received


def _places_of(rig: Rig, kind: AppointmentType) -> tuple[frozenset[str], frozenset[str]]:
    """At which departments patients are received for a type, by the vendor's ids: in timebooks that can be booked, and
    in all of its timebooks. Nothing where it is received everywhere, or the vendor shows no departments."""
    if not rig.told("departments"):
        return frozenset(), frozenset()
    if (own := rig.clinic.address(kind.address_id or "")) is not None:
        only = frozenset({rig.wire_id(own.department_id)})
        return only, only
    at = {rule.timebook_id: rig.clinic.address_of(rule.timebook_id, kind.id) for rule in kind.rules}
    if not at or None in at.values():
        return frozenset(), frozenset()
    places = {who: rig.wire_id(address.department_id) for who, address in at.items() if address is not None}
    bookable = frozenset(place for who, place in places.items() if rig.shown.offered(who, kind.id))
    return bookable, frozenset(places.values())


LONG = (75, 90)
"""Minutes of types that take an hour and more."""


def take_long(rig: Rig) -> None:
    """Let two types that are offered take an hour and some minutes, as far as the vendor's system can hold it."""
    offered = dict.fromkeys(kind for who, kind in _pairs(rig.clinic) if rig.shown.offered(who, kind))
    for type_id, minutes in zip(offered, LONG, strict=False):
        kind = rig.clinic.type(type_id)
        if kind is not None:
            rig.clinic.put_type(replace(kind, minutes=minutes))
    rig.mock.dialect.fit(rig.clinic)


@BOOK.rule(
    8,
    "A type's length is the clinic's",
    why="A time that is shown too short or too long overlaps the next patient.",
    check="Service.minutes: the vendor's own number, in minutes.",
    control="The catalogue is read, and holds at least one type whose length can be compared.",
    source="the contract: minutes are absolute time",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "other_length": "minutes differs from the clinic's: look at the unit and at which field it is read from.",
        "lost": "The vendor tells how long its types take, and the catalogue does not.",
    },
)
async def _lengths(trial: Trial) -> None:
    compared: set[int] = set()
    rigs = [trial.rig(world) for world in WORLDS]
    if rigs[0].told("lengths"):
        rigs.append(trial.rig())
        take_long(rigs[-1])
    for rig in rigs:
        found = await _read(trial, rig)
        own = {rig.wire_id(one.id): one for one in rig.clinic.types}
        known = [one for one in found.services if one.id in own]
        trial.need(known, "no type of the clinic is listed")
        for service in known:
            kind = own[service.id]
            lost = service.minutes is None and rig.told("lengths")
            expected = f"type {service.id}: {kind.minutes} minutes"
            trial.claim(not lost, "lost", expected=expected, got="minutes None")
            if service.minutes is not None:
                same = service.minutes == kind.minutes
                trial.claim(same, "other_length", expected=expected, got=f"{service.minutes} minutes")
                compared.add(kind.minutes)
    trial.need(compared or None, "no type with a length is listed")
    trial.saw(f"types of {', '.join(map(str, sorted(compared)))} minutes are as long as the clinic's")


@BOOK.rule(
    9,
    "What is offline is not offered: a timebook though its types are online, and a type though its timebooks are",
    why="The clinic has taken online booking off; patients would come to a closed door.",
    check="Practitioner.online and Service.online, and a vendor that simply leaves out what is offline.",
    control="Open times of other timebooks are found in the same search, each call answered without an error.",
    source="the help article on online booking: the timebook's switch wins over the type's",
    needs=(*NEEDS, "list_slots"),
    evidence=("timebook", "wire"),
    causes={
        "offered": "An offline timebook can be booked, or has open times: set Practitioner.online.",
        "type_offered": "An offline type, or a timebook that has no types at all, can be booked or has open times: set "
        "Service.online, and make an Offer only where the vendor has one.",
    },
    look={
        "offered": "Practitioner.online: False for the vendor's word for offline, whatever its types say.",
        "type_offered": "Service.online, and for which pairs an Offer is made.",
    },
)
async def _offline(trial: Trial) -> None:
    rig = trial.rig()
    found, answer = await _shown(trial, rig)
    hidden = {rig.wire_id(one.id) for one in rig.clinic.timebooks if not one.online}
    trial.need(hidden, "no offline timebook in the world")
    offers = [ids for ids in found.offer_by_ids if ids[0] in hidden and found.bookable(*ids)]
    times = [slot for slot in answer.found if slot.practitioner_id in hidden]
    expected = f"nothing at an offline timebook ({some(hidden)})"
    trial.claim(not offers and not times, "offered", expected=expected, got=_all_the_same(offers, times))
    trial.need(answer.found, "no open time at all, so that the absence proves nothing")
    trial.saw(f"{counted(len(hidden), 'offline timebook')}, none offered; {len(answer.found)} times of the others")
    other = trial.rig()
    if other.told("online"):
        await _offline_type(trial, other)
    calls = [*rig.wire, *other.wire]
    constant = (*never_varied(calls), *never_null(trial.adapter, calls))
    if constant:
        trial.facts[NEVER_VARIED] = ", ".join(constant)
        trial.saw(f"the same in every row of the mock's: {', '.join(constant)}")


def _all_the_same(offers: Sequence[tuple[str, str]], times: Sequence[Slot]) -> str:
    """What is shown although it should not be, one of it by name."""
    offered = f"offered: {some(map(_named, offers), most=1)}"
    return f"{offered}; open times: {some(map(slot_told, times), most=1)}"


async def _shown(trial: Trial, rig: Rig) -> tuple[Catalogue, Slots]:
    """The catalogue and the open times of two weeks."""
    found = await _read(trial, rig)
    mark = rig.mark()
    answer = await rig.whole().slots(rig.days())
    trial.control(rig, mark, "open times are read")
    return found, answer


async def _offline_type(trial: Trial, rig: Rig) -> None:
    """One type is offline, and one practitioner has no types at all."""
    offered = [pair for pair in _pairs(rig.clinic) if rig.shown.offered(*pair)]
    gone = next((kind for _, kind in offered if any(other != kind for _, other in offered)), None)
    kind = rig.clinic.type(trial.need(gone, "no second type that is offered"))
    person = rig.clinic.timebook(offered[0][0])
    if kind is None or person is None:
        raise LookupError("what the clinic offers is not there")
    rig.clinic.put_type(replace(kind, online=False))
    rig.clinic.put_timebook(replace(person, id=synthetic_id("offline", "timebook", "no types"), hpr=None))
    found, answer = await _shown(trial, rig)
    who_bare, hidden = rig.wire_id(synthetic_id("offline", "timebook", "no types")), rig.wire_id(kind.id)
    offers = [ids for ids in found.offer_by_ids if found.bookable(*ids) and (ids[1] == hidden or ids[0] == who_bare)]
    times = [slot for slot in answer.found if slot.service_id == hidden or slot.practitioner_id == who_bare]
    expected = f"nothing of type {hidden}, which is offline, nor at timebook {who_bare}, which has no types"
    trial.claim(not offers and not times, "type_offered", expected=expected, got=_all_the_same(offers, times))
    trial.need(answer.found, "no open time of another type")
    trial.saw(f"an offline type, and a timebook without types, not offered; {len(answer.found)} times of the others")


ENOUGH = 5
"""So many rows with one value are told as never varied."""


def never_varied(calls: Iterable[WireCall]) -> tuple[str, ...]:
    """Places in the rows of the vendor's lists that say yes or no, and always the same, each with what it says."""
    seen: dict[str, list[bool]] = {}
    for call in calls:
        _yes_or_no(parsed(call.outcome), "", seen)
    same = {place: values[0] for place, values in seen.items() if len(values) >= ENOUGH and len(set(values)) == 1}
    return tuple(f"{place} (always {str(value).lower()})" for place, value in sorted(same.items()))


def _yes_or_no(data: Any, place: str, seen: dict[str, list[bool]], in_row: bool = False) -> None:
    if isinstance(data, dict):
        for name, inner in data.items():
            _yes_or_no(inner, f"{place}/{name}", seen, in_row)
    elif isinstance(data, list):
        for one in data:
            _yes_or_no(one, place, seen, in_row=True)
    elif isinstance(data, bool) and in_row:
        seen.setdefault(place, []).append(data)


@BOOK.rule(
    10,
    "A practitioner's profession and number in the register of health personnel are those that the vendor tells",
    why="By the number a timebook is linked to the right person; by the profession a partner sees whom it may see.",
    check="Practitioner.hpr and Practitioner.profession: from which fields they are read; None where there are none.",
    control="A catalogue is read in each world, and at least one practitioner whose number the vendor tells is in it.",
    source="the contract: hpr is the number in the health personnel register, where the vendor knows it",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "lost": "The vendor tells the practitioner's number or profession, and the catalogue has none: fill the field "
        "that "
        "is named from the vendor's.",
        "another": "The catalogue tells another number or profession than the vendor: by it another person is linked.",
    },
)
async def _professions(trial: Trial) -> None:
    compared = 0
    for world in WORLDS:
        rig = trial.rig(world)
        found = await _read(trial, rig)
        if not rig.told("professions"):
            invented = [one for one in found.practitioners if one.hpr or one.profession]
            trial.not_offered("what practitioners are, and their numbers", proof=not invented)
        own = {rig.wire_id(one.id): one for one in rig.clinic.timebooks}
        known = [one for one in found.practitioners if one.id in own]  # of another id CAT-01 speaks
        trial.need(known, f"no practitioner of the {world} clinic is listed")
        for one in known:
            told = {"hpr": one.hpr, "profession": one.profession}
            holds = {"hpr": own[one.id].hpr, "profession": own[one.id].profession}
            lost = [name for name in holds if holds[name] and not told[name]]
            for name in lost:
                trial.broken("lost", expected=f"practitioner {one.id}: {name} {holds[name]}",
                             got=f"{name} None{_as_others(known, own, name)}")  # fmt: skip
            for name in holds:
                trial.claim(not told[name] or told[name] == holds[name], "another",
                            expected=f"practitioner {one.id}: {name} {holds[name]}", got=told[name])  # fmt: skip
            compared += bool(holds["hpr"])
    trial.need(compared or None, "no practitioner with a number is listed")
    trial.saw(f"{compared} practitioners with a number, each told as the clinic has it")


def _as_others(known: Iterable[Practitioner], own: Mapping[str, Timebook], name: str) -> str:
    """How many of those who have it lack it."""
    having = [one for one in known if getattr(own[one.id], name)]
    without = sum(not getattr(one, name) for one in having)
    return f" ({without} of {len(having)} practitioners who have one)"


MODES: Mapping[Medium, str] = {"face_to_face": "in_person", "video": "video", "telephone": "telephone"}


@BOOK.rule(
    11,
    "Whether a patient is received in person, by video or by telephone is told as the clinic has it",
    why="A patient who travels to a video consultation has lost a day, and one who waits at home is a no-show.",
    check="Service.modes: every word that the vendor has for it, and types that have several.",
    control="A catalogue is read with types that are received in every way that the vendor has.",
    source="the contract: modes are what the vendor tells of a type",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "nothing_read": NOTHING_READ,
        "other_modes": "Patients of the type are received otherwise than the catalogue tells: Service.modes holds "
        "every "
        "way that the vendor names, and in_person only where the vendor says so or says nothing.",
        "guessed": "The vendor's word for how patients are received is one that nobody knows, and the type is told as "
        "received in person: in the table of words there is no such default.",
    },
    look={
        "guessed": "Service.modes: what becomes of a word that is not in the table: none of the modes.",
    },
)
async def _modes(trial: Trial) -> None:
    rig = trial.rig()
    if not rig.told("mediums"):
        invented = [one for one in (await _read(trial, rig)).services if one.modes != {"in_person"}]
        trial.not_offered("how patients are received", proof=not invented)
    ways = rig.mock.dialect.mediums
    _received(rig, ways)
    found = await _read(trial, rig)
    compared = set()
    for service in found.services:
        kind = rig.clinic.type(rig.own(service.id))
        if kind is not None and kind.kind == "ordinary":
            holds = {MODES[one] for one in kind.mediums}
            expected = f"type {service.id}: {some(holds)}"
            trial.claim(service.modes == holds, "other_modes", expected=expected, got=some(service.modes))
            compared.add(kind.mediums)
    trial.need(compared == set(ways) or None, "types that are received in every way that the vendor has")
    trial.saw(f"{counted(len(compared), 'way')} to receive a patient, each told as the clinic has it")
    await _received_in_an_unknown_way(trial, ways)


def _received(rig: Rig, ways: Iterable[tuple[Medium, ...]]) -> None:
    """Give the ordinary types these ways to receive patients, one after the other."""
    for one, way in zip((one for one in rig.clinic.types if one.kind == "ordinary"), cycle(ways), strict=False):
        rig.clinic.put_type(replace(one, mediums=way))


async def _received_in_an_unknown_way(trial: Trial, ways: Collection[tuple[Medium, ...]]) -> None:
    """The same catalogue of a vendor that has other words for what is not in person."""
    elsewhere = [way for way in ways if "face_to_face" not in way]
    if not elsewhere or ("face_to_face",) not in ways:
        return
    words = await _words_gone(
        trial, lambda rig: _received(rig, [("face_to_face",)]), lambda rig: _received(rig, elsewhere)
    )
    if not words:
        trial.saw("no word in the answers tells that patients are not received in person")
        return
    rig = trial.rig(spoil=in_place_of(words))
    _received(rig, elsewhere)
    outcome = await trial.outcome(rig.session.catalogue())
    _still_read(trial, outcome, words)
    ordinary = {rig.wire_id(one.id) for one in rig.clinic.types if one.kind == "ordinary"}
    services = outcome.value.services if outcome.value else ()
    guessed = [one.id for one in services if one.id in ordinary and "in_person" in one.modes]
    trial.claim(not guessed, "guessed", got="in_person",
                expected=f"type {some(guessed, most=1)}: no mode, for {unknown_of(words)}")  # fmt: skip
    trial.saw("a word that nobody knows is not told as in person")


@BOOK.rule(
    12,
    "A practitioner is offered with the types that the clinic has in their timebook, and with no others",
    why="Whoever books a treatment that the practitioner does not give is sent home, or to somebody else.",
    check="catalogue: how the vendor tells which types belong to which timebook; a filter that was not sent tells all.",
    control="The catalogue is read in each world, and something can be booked in it.",
    source="the help article on rules: a type is offered in a timebook by its rule there",
    needs=NEEDS,
    evidence=("timebook",),
    causes={
        "without_rule": "A type is offered in a timebook where the clinic does not have it.",
        "lost": "A type that the clinic has in the timebook, and that insurance customers may book there, is not "
        "offered, for the reason that is named.",
    },
    look={"lost": "Which pairs an Offer is made for, and the field behind each reason that is named."},
)
async def _rules(trial: Trial) -> None:
    for world in WORLDS:
        rig = trial.rig(world)
        found = await _read(trial, rig)
        _untold(trial, rig, "rules", "which types a timebook offers")
        having = {_wire(rig, pair) for pair in _pairs(rig.clinic)}
        shown = {_wire(rig, pair) for pair in _pairs(rig.clinic) if rig.shown.offered(*pair)}
        offered = {pair for pair in found.offer_by_ids if found.bookable(*pair)}
        other, lost = sorted(offered - having), sorted(shown - offered)
        one = _named(other[0]) if other else ""
        trial.claim(not other, "without_rule", expected=f"not offered: {one}: not in that timebook",
                    got=f"offered ({counted(len(other), 'such pair')})")  # fmt: skip
        one, got = (_named(lost[0]), _why_not(found, lost[0])) if lost else ("", "")
        trial.claim(not lost, "lost", expected=f"offered: {one}",
                    got=f"{got} ({len(lost)} of {len(shown)} offers are missing)")  # fmt: skip
        trial.need(offered, "nothing can be booked at all, so that the absence proves nothing")
        trial.saw(
            f"{world} clinic: {len(offered)} offers, each of a type that it has in that timebook ({len(having)} such "
            f"pairs)"
        )
