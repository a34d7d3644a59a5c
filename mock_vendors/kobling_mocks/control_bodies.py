"""What the control API takes and what it answers, as pydantic models: the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictStr,
    WithJsonSchema,
)

from .barriers import MAX_PARTIES
from .faults import FaultKind, When
from .journal import Effect

__all__ = [
    "ActivationBody",
    "BarrierBody",
    "BarrierRow",
    "BarriersAnswer",
    "ClockAnswer",
    "ClockBody",
    "ConnectionsAnswer",
    "DroppedAnswer",
    "FaultBody",
    "FaultRow",
    "FaultsAnswer",
    "JournalAnswer",
    "JournalQuery",
    "MadeAnswer",
    "NamespaceBody",
    "NamespacePath",
    "NamespacesAnswer",
    "Refused",
    "ResetBody",
    "SettingsAnswer",
    "StateAnswer",
    "SwitchesAnswer",
    "SwitchesBody",
    "WaitingAnswer",
]

_LONGEST_STEP = 366 * 24 * 60 * 60


def _text(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("give a text: ISO 8601 with an offset")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("give a number")
    return value


Number = BeforeValidator(_number)
"""45.0 is a whole number in JSON, "45" is none."""
Moment = Annotated[AwareDatetime, BeforeValidator(_text), WithJsonSchema({"type": "string", "format": "date-time"})]
Setting = StrictStr | StrictBool | Annotated[int, Number]


class _Ordered(BaseModel):
    model_config = ConfigDict(extra="forbid")


# ---- what is ordered


class ResetBody(_Ordered):
    """Begin again."""

    seed: Annotated[int, Number] | None = Field(
        None, description="A random clinic from this seed; null: as the world was at first"
    )


class ClockBody(_Ordered):
    """Set the clock, or move it forwards, or both in this order."""

    now: Moment | None = Field(None, description="ISO 8601 with an offset")
    advance_seconds: Annotated[float, Field(ge=0, le=_LONGEST_STEP, strict=True)] = 0.0


class FaultBody(_Ordered):
    """A fault as in `kobling_mocks.Fault`."""

    operation: StrictStr
    kind: FaultKind
    nth: Annotated[int, Field(ge=1), Number] = 1
    times: Annotated[int, Field(ge=0, description="0: for ever"), Number] = 1
    when: When = "before_commit"
    status: Annotated[int, Field(ge=200, le=599), Number] | None = None
    body: Any = None
    headers: dict[str, StrictStr] = Field(default_factory=dict)
    to: StrictStr | None = None
    seconds: Annotated[float, Field(ge=0, le=600, strict=True)] | None = None


class SwitchesBody(_Ordered):
    """The switches to change, by name; `{}` for none."""

    settings: dict[str, Setting]


class BarrierBody(_Ordered):
    """A barrier as in `world.barriers.add`."""

    operation: StrictStr
    parties: Annotated[int, Field(ge=2, le=MAX_PARTIES), Number]
    timeout: Annotated[float, Field(gt=0, le=120, strict=True)] = 20.0


class NamespaceBody(_Ordered):
    """A world to make."""

    name: StrictStr
    seed: Annotated[int, Number] | None = Field(
        None, description="A random clinic from this seed; null: the demo clinic"
    )


class NamespacePath(_Ordered):
    """The world to forget."""

    name: str


class JournalQuery(_Ordered):
    """Which calls to list."""

    operation: str | None = None
    since: int = Field(0, description="Only calls with a higher number")


class ActivationBody(_Ordered):
    """Whether the vendor has switched the integration on for a clinic."""

    external_id: StrictStr
    activated: StrictBool


# ---- what is answered


class Refused(BaseModel):
    """What was wrong about the order."""

    mock: Literal["refused"] = "refused"
    why: str


class ConnectionsAnswer(BaseModel):
    """The four fields to paste, for each clinic of the world."""

    connections: list[dict[str, str]]


class StateAnswer(ConnectionsAnswer):
    """A world: what it is, whether anything broke, and everything in its clinics."""

    namespace: str
    dialect: str
    now: AwareDatetime
    broken: list[str] = Field(description="Invariants of a clinic that were broken, and failures of the mock itself")
    clinics: list[dict[str, Any]]


class ClockAnswer(BaseModel):
    """The clock, in UTC."""

    now: AwareDatetime


class FaultRow(BaseModel):
    """A fault that can still strike."""

    operation: str
    kind: FaultKind
    nth: int
    times: int
    when: When


class WaitingAnswer(BaseModel):
    """The faults that can still strike, the earliest ordered one first."""

    waiting: list[FaultRow]


class FaultsAnswer(WaitingAnswer):
    """Those, and every kind there is with what it does."""

    kinds: dict[str, str]


class SwitchRow(BaseModel):
    """A switch and how it is set."""

    name: str
    setting: Setting
    default: Setting
    choices: list[Setting]
    what: str
    why: str
    known: Literal["documented", "inferred"]
    number: bool = Field(description="True where `choices` are the lowest and the highest number")


class SwitchesAnswer(BaseModel):
    """Every switch of the dialect."""

    switches: list[SwitchRow]


class SettingsAnswer(BaseModel):
    """How every switch is set now."""

    settings: dict[str, Setting]


class BarrierRow(BaseModel):
    """A barrier, and how many calls have come to it."""

    operation: str
    parties: int
    arrived: int
    passed: bool
    broken: bool


class BarriersAnswer(BaseModel):
    """The armed barriers."""

    barriers: list[BarrierRow]


class FindingRow(BaseModel):
    """One thing wrong about a call."""

    code: str
    where: str
    text: str


class CallRow(BaseModel):
    """One received call, as in `kobling_mocks.Call`."""

    number: int
    at: AwareDatetime
    operation: str | None
    clinic: str | None
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]
    body: Any
    status: int | None
    effect: Effect
    appointment: str | None
    fault: str | None
    fault_when: str | None
    held: bool
    findings: list[FindingRow]


class JournalAnswer(BaseModel):
    """The calls received, oldest first."""

    calls: list[CallRow]


class NamespacesAnswer(BaseModel):
    """The names of all worlds."""

    namespaces: list[str]


class MadeAnswer(BaseModel):
    """The new world: where it stands, and the connection of its clinic."""

    name: str
    path: str
    connection: dict[str, str]


class DroppedAnswer(BaseModel):
    """Whether there was such a world to forget."""

    dropped: bool
