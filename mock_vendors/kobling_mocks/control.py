"""The control API under `/__mock__/`: the same for every dialect, for tests and tools outside this process.

It is the Python API of a world over HTTP: reset, clock, faults, switches, barriers, journal, state, namespaces. A world
other than the default one is reached under its prefix, `/ns/NAME/__mock__/…`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag

from .barriers import Barrier
from .control_bodies import (
    ActivationBody,
    BarrierBody,
    BarrierRow,
    BarriersAnswer,
    ClockAnswer,
    ClockBody,
    ConnectionsAnswer,
    DroppedAnswer,
    FaultBody,
    FaultRow,
    FaultsAnswer,
    JournalAnswer,
    JournalQuery,
    MadeAnswer,
    NamespaceBody,
    NamespacePath,
    NamespacesAnswer,
    Refused,
    ResetBody,
    SettingsAnswer,
    StateAnswer,
    SwitchesAnswer,
    SwitchesBody,
    WaitingAnswer,
)
from .faults import KINDS, Fault

if TYPE_CHECKING:
    from .world import World, Worlds

__all__ = ["blueprint"]


def blueprint() -> APIBlueprint:
    """The control API as a blueprint for a dialect's application."""
    tag = Tag(name="Control", description="Not the vendor's: what a test orders from the mock.")
    api = APIBlueprint("control", __name__, url_prefix="/__mock__", abp_tags=[tag], abp_responses={409: Refused})

    @api.get(
        "/state",
        summary="The clinics, their connections and everything in their timebooks",
        responses={200: StateAnswer},
    )
    def state() -> Response:
        world = _world()
        return _json(
            {
                "namespace": world.name,
                "dialect": world.dialect.key,
                "now": world.clock.now(),
                "broken": world.broken,
                "connections": [world.dialect.connection(account) for account in world.accounts.values()],
                "clinics": [clinic.dump() for clinic in world.clinics],
            }
        )

    @api.post("/reset", summary="Begin again", responses={200: ConnectionsAnswer})
    def reset(body: ResetBody) -> Response:
        _world().reset(body.seed)
        return _json({"connections": [_world().dialect.connection(a) for a in _world().accounts.values()]})

    @api.get("/clock", summary="The clock", responses={200: ClockAnswer})
    def read_clock() -> Response:
        return _json({"now": _world().clock.now()})

    @api.put("/clock", summary="Set the clock", responses={200: ClockAnswer})
    def set_clock(body: ClockBody) -> Response:
        world = _world()
        try:
            if body.now is not None:
                world.clock.set(body.now)
            world.clock.advance(timedelta(seconds=body.advance_seconds))
        except ValueError as error:
            return _refused(error)
        world.run_due()
        return _json({"now": world.clock.now()})

    @api.get(
        "/faults", summary="The faults that can still strike, and every kind there is", responses={200: FaultsAnswer}
    )
    def list_faults() -> Response:
        kinds = {name: kind.what for name, kind in KINDS.items()}
        return _json({"waiting": [_plain_fault(fault) for fault in _world().faults.waiting], "kinds": kinds})

    @api.post("/faults", summary="Order a fault", responses={201: FaultRow})
    def add_fault(body: FaultBody) -> Response:
        try:
            fault = _world().faults.add(Fault(**body.model_dump()))
        except ValueError as error:
            return _refused(error)
        return _json(_plain_fault(fault), 201)

    @api.delete("/faults", summary="Forget every ordered fault", responses={200: WaitingAnswer})
    def clear_faults() -> Response:
        _world().faults.clear()
        return _json({"waiting": []})

    @api.get(
        "/switches",
        summary="Every switch: setting, default, choices, what it does and why",
        responses={200: SwitchesAnswer},
    )
    def list_switches() -> Response:
        switches = _world().switches
        rows = [{**asdict(switch), "setting": switches[name]} for name, switch in switches.known.items()]
        return _json({"switches": rows})

    @api.patch("/switches", summary="Change switches, all or none", responses={200: SettingsAnswer})
    def set_switches(body: SwitchesBody) -> Response:
        try:
            _world().switches.set(**body.settings)
        except ValueError as error:
            return _refused(error)
        return _json({"settings": dict(_world().switches)})

    @api.get("/barriers", summary="The armed barriers and how many calls have come", responses={200: BarriersAnswer})
    def list_barriers() -> Response:
        return _json({"barriers": [_plain_barrier(barrier) for barrier in _world().barriers.armed]})

    @api.post("/barriers", summary="Hold calls of an operation until all have arrived", responses={201: BarrierRow})
    def add_barrier(body: BarrierBody) -> Response:
        try:
            barrier = _world().barriers.add(body.operation, body.parties, body.timeout)
        except ValueError as error:
            return _refused(error)
        return _json(_plain_barrier(barrier), 201)

    @api.delete("/barriers", summary="Disarm all barriers and release what waits", responses={200: BarriersAnswer})
    def clear_barriers() -> Response:
        _world().barriers.clear()
        return _json({"barriers": []})

    @api.get(
        "/journal",
        summary="The calls received, without keys and patients, with findings",
        responses={200: JournalAnswer},
    )
    def read_journal(query: JournalQuery) -> Response:
        calls = [
            {**asdict(call), "findings": [{**asdict(finding), "text": finding.text} for finding in call.findings]}
            for call in _world().journal.calls
            if call.number > query.since and query.operation in (None, call.operation)
        ]
        return _json({"calls": calls})

    @api.delete("/journal", summary="Forget the calls received so far", responses={200: JournalAnswer})
    def clear_journal() -> Response:
        _world().journal.clear()
        return _json({"calls": []})

    @api.put(
        "/activation",
        summary="Switch the integration on or off for a clinic, as the vendor does",
        responses={200: ActivationBody},
    )
    def set_activation(body: ActivationBody) -> Response:
        account = _world().accounts.get(body.external_id)
        if account is None:
            return _refused(ValueError("no clinic has that external id here"))
        account.activated = body.activated
        return _json({"external_id": account.external_id, "activated": account.activated})

    @api.get("/namespaces", summary="The names of all worlds", responses={200: NamespacesAnswer})
    def list_namespaces() -> Response:
        return _json({"namespaces": _worlds().names})

    @api.post("/namespaces", summary="Make a world of its own under /ns/NAME", responses={201: MadeAnswer})
    def make_namespace(body: NamespaceBody) -> Response:
        try:
            world = _worlds().create(body.name, seed=body.seed)
        except ValueError as error:
            return _refused(error)
        connection = world.dialect.connection(world.account)
        return _json({"name": world.name, "path": f"/ns/{world.name}", "connection": connection}, 201)

    @api.delete("/namespaces/<name>", summary="Forget a world; the default one stays", responses={200: DroppedAnswer})
    def drop_namespace(path: NamespacePath) -> Response:
        return _json({"dropped": _worlds().drop(path.name)})

    return api


def _world() -> World:
    world: World = request.environ["kobling_mocks.world"]
    return world


def _worlds() -> Worlds:
    worlds: Worlds = request.environ["kobling_mocks.worlds"]
    return worlds


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return Response(text, status=status, content_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _refused(error: ValueError) -> Response:
    return _json(Refused(why=str(error)).model_dump(), 409)


def _plain_fault(fault: Fault) -> dict[str, Any]:
    return {
        "operation": fault.operation,
        "kind": fault.kind,
        "nth": fault.nth,
        "times": fault.times,
        "when": fault.when,
    }


def _plain_barrier(barrier: Barrier) -> dict[str, Any]:
    return {
        "operation": barrier.operation,
        "parties": barrier.parties,
        "arrived": barrier.arrived,
        "passed": barrier.passed,
        "broken": barrier.broken,
    }
