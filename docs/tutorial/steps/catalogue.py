from typing import Annotated, Final

from pydantic import Field

from kobling import ByNumber, Lists, Offer, Practitioner, Rate, Service, ServiceKind

# [rows]
Minutes = Annotated[int, Field(ge=5, le=480)]  # as the API description says
KINDS: Final[dict[str, ServiceKind]] = {"single": "ordinary", "group": "group", "internal": "hidden"}


class CalendarRow(WireModel):
    """A calendar and who it belongs to."""

    id: str
    title: str
    personal: bool
    online: bool


class TypeCalendarRow(WireModel):
    """A calendar in which a visit type is offered."""

    id: str
    rates: tuple[str, ...]
    for_everyone: bool


class VisitTypeRow(WireModel):
    """A kind of appointment."""

    id: str
    title: str
    minutes: Minutes
    kind: str
    online: bool
    calendars: tuple[TypeCalendarRow, ...]


# [class]
class Fjellvik(Adapter):
    # [lists]
    # How every list of Fjellvik comes.
    lists = Lists(items="/rows", next=ByNumber(param="page", first=1, last="/pages"))

    # [facts]
    # What is known of how Fjellvik lists, searches and books.
    limits = Limits(
        slots=SlotLimits(days=14),
        catalogue=CatalogueFacts(names_clinic=True, rates="offers"),
    )

    # [methods]
    async def catalogue(self, http: Http) -> Catalogue:
        """Everything that the API shows: who can be booked, what for, and who offers what."""
        calendars = await http.pages("calendars", of=CalendarRow)
        types = await http.pages("visit-types", of=VisitTypeRow)
        return Catalogue(
            practitioners=tuple(
                Practitioner(
                    id=row.id,
                    name=row.title,
                    owner_kind="person" if row.personal else "unknown",
                    online=row.online,
                )
                for row in calendars
            ),
            services=tuple(
                Service(
                    id=row.id,
                    name=row.title,
                    minutes=row.minutes,
                    kind=KINDS.get(row.kind, "unknown"),
                    online=row.online,
                )
                for row in types
            ),
            offers=tuple(
                Offer(
                    practitioner_id=place.id,
                    service_id=row.id,
                    rates=tuple(Rate(code=code) for code in place.rates),
                    patients="all" if place.for_everyone else "restricted",
                )
                for row in types
                for place in row.calendars
            ),
        )

    # [end]
