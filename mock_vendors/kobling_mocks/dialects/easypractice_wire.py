"""The bodies of EasyPractice's public API, as pydantic models.

Sources, read 2026-11-22: the vendor's API reference (names of calls, parameters and scopes), recorded answers in public
clients (a client record, paging, headers), and the code of a public client (opening times, pauses). What stands on none
of them is marked "inferred".
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

__all__ = [
    "Booking",
    "BookingAnswer",
    "BookingChange",
    "BookingPath",
    "BookingsAnswer",
    "BookingsQuery",
    "CalendarPath",
    "CalendarsAnswer",
    "ClientAnswer",
    "ClientsAnswer",
    "ClientsQuery",
    "ErrorAnswer",
    "MessageAnswer",
    "NewBooking",
    "NewClient",
    "NoPath",
    "OpeningTimesAnswer",
    "PausesAnswer",
    "ServicesAnswer",
    "ServicesQuery",
    "PageQuery",
]


Moment = Annotated[str, Field(description="With an offset", json_schema_extra={"format": "date-time"})]


_EMPTY, _DAY = {"type": "string", "maxLength": 0}, {"type": "string", "format": "date", "description": "YYYY-MM-DD"}
MaybeNumber = Annotated[int | None, WithJsonSchema({"anyOf": [{"type": "integer"}, _EMPTY]})]
MaybeDay = Annotated[str | None, WithJsonSchema({"anyOf": [_DAY, _EMPTY, {"type": "null"}]})]
MaybeOrder = Annotated[Literal["asc", "desc"] | None, WithJsonSchema({"enum": ["asc", "desc", ""]})]
"""A value that is empty counts as absent, in a query and as a day (inferred: what Laravel does by default)."""


class Body(BaseModel):
    """What the vendor does not know in a body it ignores, as most systems do (inferred)."""

    model_config = ConfigDict(strict=True, extra="ignore", hide_input_in_errors=True)


class NoPath(BaseModel):
    """No parameter in the path."""


class CalendarPath(BaseModel):
    """A calendar in the path."""

    calendarId: str = Field(description="The calendar's id, an integer")


class BookingPath(BaseModel):
    """A booking in the path."""

    bookingId: str = Field(description="The booking's id, an integer")


class PageQuery(BaseModel):
    """Which page of a list."""

    page_size: MaybeNumber = Field(None, description="10 if absent")
    page: MaybeNumber = Field(None, description="From 1")


class ServicesQuery(PageQuery):
    """`GET /services`"""

    order_by_name: MaybeOrder = None


class BookingsQuery(PageQuery):
    """`GET /bookings`: documented names. The days are local dates, both included (inferred)."""

    start: MaybeDay = None
    end: MaybeDay = None
    client_id: MaybeNumber = None
    calendar_id: MaybeNumber = None
    product_id: MaybeNumber = None
    employee_id: MaybeNumber = None
    status: str | None = None
    order_by_date: MaybeOrder = None


class ClientsQuery(PageQuery):
    """`GET /clients`: there is no filter by name or phone number."""

    active: MaybeNumber = None
    inactive: MaybeNumber = None
    has_email: MaybeNumber = None
    has_phone: MaybeNumber = None
    cpr: str | None = None
    order_by_name: MaybeOrder = None
    order_by_date: MaybeOrder = None
    order_by_email: MaybeOrder = None
    order_by_created: MaybeOrder = None


class NewClient(Body):
    """`POST /clients`"""

    name: str = Field(min_length=1)
    email: str | None = None
    phone: str | None = None
    notes: str | None = None
    date_of_birth: MaybeDay = None


class NewBooking(Body):
    """`POST /bookings`. That a service may be named is inferred from the list's filter by product."""

    type: Literal["client_booking"]
    calendar_id: int
    client_id: int
    start: Moment
    end: Moment
    product_id: int | None = Field(None, description="Inferred")


class BookingChange(Body):
    """`PATCH /bookings/{id}`. That a status may be set is inferred."""

    client_id: int | None = None
    start: Moment | None = None
    end: Moment | None = None
    status: str | None = Field(None, description="Inferred")


class Booking(BaseModel):
    """A booking: nine fields. There is no note, and no service."""

    id: int
    calendar_id: int
    client_id: int
    client_name: str
    start: str
    end: str
    status: str = Field(description="`absent` is documented, the others are inferred")
    created_at: str
    updated_at: str


class Client(BaseModel):
    """A client, as it was recorded."""

    id: int
    name: str
    email: str
    phone: str
    address: str | None
    address_line_2: str | None
    zip: str | None
    city: str | None
    zone: str | None
    country: str | None
    alpha2: str | None
    cpr: str
    date_of_birth: str | None
    notes: str
    profile_image_url: str | None
    status: Literal["active", "inactive"]
    created_at: str
    updated_at: str
    tags: list[str]


class Calendar(BaseModel):
    """A calendar. Its fields are inferred."""

    id: int
    name: str
    employee_id: int | None = Field(description="Inferred: the employee whose own calendar it is")


class Service(BaseModel):
    """A service, which the reference calls a product. Its fields are inferred."""

    id: int
    name: str
    duration: int = Field(description="Inferred: minutes")
    price: str | None
    online_booking: bool | None = Field(None, description="Inferred: whether clients can book it online")


class OpeningTimes(BaseModel):
    """Opening times: `{monday..sunday}_{start,end,closed}`, local times `HH:MM`."""

    show_in_calendar: bool
    times: dict[str, str | bool]


class PageLink(BaseModel):
    """One of the links below a list."""

    url: str | None
    label: str
    active: bool


class Links(BaseModel):
    """Relative, without a slash before them."""

    first: str
    last: str
    prev: str | None
    next: str | None


class Meta(BaseModel):
    """Where the page stands. `path` holds the query too."""

    current_page: int
    from_: int | None = Field(alias="from")
    last_page: int
    links: list[PageLink]
    path: str
    per_page: int
    to: int | None
    total: int


class Page(BaseModel):
    """What every list has beside its items."""

    links: Links
    meta: Meta


class BookingsAnswer(Page):
    """A page of bookings."""

    data: list[Booking]


class ClientsAnswer(Page):
    """A page of clients."""

    data: list[Client]


class CalendarsAnswer(Page):
    """A page of calendars."""

    data: list[Calendar]


class ServicesAnswer(Page):
    """A page of services."""

    data: list[Service]


class PausesAnswer(Page):
    """A page of pauses. How their fields are spelled is not certain; the switch `pause_fields` changes it."""

    data: list[dict[str, str | int]]


class OpeningTimesAnswer(BaseModel):
    """The envelope of opening times."""

    data: OpeningTimes


class BookingAnswer(BaseModel):
    """The envelope of one booking."""

    message: str | None = None
    data: Booking


class ClientAnswer(BaseModel):
    """The envelope of a new client."""

    message: str
    data: Client


class MessageAnswer(BaseModel):
    """A sentence."""

    message: str


class ErrorAnswer(BaseModel):
    """An error (inferred: what Laravel and Passport answer by default)."""

    message: str
    errors: dict[str, list[str]] | None = None
