"""A process's one object: `Kobling` for sync callers, `AsyncKobling` for asyncio (one per event loop).

It owns what a thousand sessions share: installed adapters, transports, one SSL context, rate budgets, tokens, the
caller's contact, the URL policy, and addresses of mocks and sandboxes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from .adapter import Adapter, ContractError, check_adapter
from .addresses import Checked, UrlPolicy, check_url
from .catalogue import RateCode
from .clock import Clock, SystemClock
from .connection import FIELDS, Connection, PublicConnection
from .engine import Line, line_address
from .errors import KoblingError, UrlNotAllowed
from .exchange import Exchange
from .flows.diagnosis import refused_address, refused_form
from .flows.state import State
from .model import VendorId
from .plugins import Installed, load
from .report import ConnectionReport
from .session import AsyncSession, Session
from .shared import Shared

if TYPE_CHECKING:
    from .drivers.aio import AsyncDriver
    from .drivers.sync import SyncDriver


def sdk_version() -> str:
    """The installed version of Kobling."""
    try:
        return version("kobling")
    except PackageNotFoundError:
        return "0+source"


class _Office:
    """What both objects hold, apart from their driver."""

    def __init__(
        self,
        *,
        adapters: Installed | None,
        origins: Mapping[str, str] | None,
        policy: UrlPolicy | None,
        contact: str,
        clock: Clock | None,
        operation_seconds: float,
    ) -> None:
        self.installed = adapters if adapters is not None else load()
        self.policy = policy if policy is not None else UrlPolicy()
        self._origins = {vendor: _checked_origin(vendor, origin) for vendor, origin in (origins or {}).items()}
        if not (contact.isascii() and contact.isprintable()):
            raise ValueError("contact must be printable ASCII: it goes into the User-Agent")
        self._user_agent = f"kobling/{sdk_version()}" + (f" ({contact})" if contact else "")
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._shared = Shared()
        self._salt = secrets.token_bytes(16)
        self._seconds = operation_seconds

    def _open(
        self,
        connection: Connection,
        options: BaseModel | Mapping[str, Any] | None,
        rates: Mapping[str, Sequence[str]] | None,
    ) -> tuple[State | KoblingError, Callable[[], ConnectionReport] | None, str | None]:
        adapter = self.installed[connection.vendor]
        origin = self._origins.get(connection.vendor)
        table = _rate_table(rates)
        problem: KoblingError | None = None
        refused: Callable[[], ConnectionReport] | None = None
        try:
            accepted = adapter.form.accept(connection)
            typed = typed_host(adapter)
            public = _with_checked_url(accepted.public, adapter, self.policy) if typed else accepted.public
            base = line_address(adapter.base_url, public, origin)
            auth_base = line_address(adapter.auth_url, public, origin) if adapter.auth_url else None
        except KoblingError as error:
            problem = error
        if problem is not None:
            problem.vendor, problem.vendor_name = adapter.key, adapter.name
            if adapter.form.problems(connection):
                refused = partial(refused_form, adapter, connection, self._clock, origin)
            else:
                refused = partial(refused_address, adapter, problem, self._clock, origin)
            return problem, refused, origin
        settings = _options(adapter, options)
        suited = adapter.suited(settings)
        if suited is not adapter:
            if not issubclass(suited, adapter):
                raise ContractError(
                    f"{adapter.__qualname__}.suited returns {suited.__qualname__}, which is not made from it: return "
                    "`cls` or a subclass of it"
                )
            check_adapter(suited)
        line = Line(
            adapter=suited,
            connection=accepted,
            options=settings,
            shared=self._shared,
            clock=self._clock,
            user_agent=self._user_agent,
            channel=self._channel(accepted),
            base=base,
            auth_base=auth_base,
            typed_host=typed and origin is None,
            typed_url=public.booking_url if typed else "",
            operation_seconds=self._seconds,
        )
        return State(line, rates=table), None, origin

    def _channel(self, connection: Connection) -> str:
        """A name for these exact details, the key among them, that tells nothing about them."""
        digest = hashlib.blake2b(key=self._salt, digest_size=16)
        for part in (connection.vendor, *(connection.value(name) for name in FIELDS), connection.secret.reveal()):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\x1f")
        return digest.hexdigest()


class Kobling(_Office):
    """The sync object; safe to share between threads. Close it, or use it as a context manager.

    adapters: those installed, unless given. origins: other addresses for a vendor, as
    `{"eg-pasientsky": "http://127.0.0.1:8901"}`; the only override there is, shown by a test of a connection.
    policy: where booking URLs may point. contact: whom a vendor may ask about this traffic, in the User-Agent.
    exchange: answers every request in this process instead of the network (mocks and tests). operation_seconds: the
    budget of one operation.

    >>> with Kobling(contact="drift@register.example") as kobling:
    ...     session = kobling.session(Connection("eg-pasientsky", external_id="…", api_key="…"))
    """

    def __init__(
        self,
        *,
        adapters: Installed | None = None,
        origins: Mapping[str, str] | None = None,
        policy: UrlPolicy | None = None,
        contact: str = "",
        exchange: Exchange | None = None,
        clock: Clock | None = None,
        operation_seconds: float = 60.0,
        driver: SyncDriver | None = None,
    ) -> None:
        super().__init__(
            adapters=adapters,
            origins=origins,
            policy=policy,
            contact=contact,
            clock=clock,
            operation_seconds=operation_seconds,
        )
        if driver is None:
            from .drivers.sync import SyncDriver

            driver = SyncDriver(policy=self.policy, exchange=exchange, now=self._clock.now)
        self._driver = driver

    def session(
        self,
        connection: Connection,
        *,
        options: BaseModel | Mapping[str, Any] | None = None,
        rates: Mapping[str, Sequence[str]] | None = None,
    ) -> Session:
        """A session for one connection; sends nothing. options: the adapter's `Options`. rates: the registry's own rate
        codes by service id, used where the vendor has none. A `LookupError` when no adapter of that name is installed,
        a `ValueError` for rates or options that are none. What was typed wrongly is told by the session's methods.
        """
        if not isinstance(connection, Connection):
            del connection
            raise TypeError("a session is for a Connection")
        session = Session(connection.public, *self._open(connection, options, rates))
        session._driver = self._driver
        return session

    def close(self) -> None:
        """Close every connection. Sessions of this object can't be used afterwards."""
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncKobling(_Office):
    """The same for asyncio. It belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        adapters: Installed | None = None,
        origins: Mapping[str, str] | None = None,
        policy: UrlPolicy | None = None,
        contact: str = "",
        exchange: Exchange | None = None,
        clock: Clock | None = None,
        operation_seconds: float = 60.0,
        driver: AsyncDriver | None = None,
    ) -> None:
        super().__init__(
            adapters=adapters,
            origins=origins,
            policy=policy,
            contact=contact,
            clock=clock,
            operation_seconds=operation_seconds,
        )
        if driver is None:
            from .drivers.aio import AsyncDriver

            driver = AsyncDriver(policy=self.policy, exchange=exchange, now=self._clock.now)
        self._driver = driver

    def session(
        self,
        connection: Connection,
        *,
        options: BaseModel | Mapping[str, Any] | None = None,
        rates: Mapping[str, Sequence[str]] | None = None,
    ) -> AsyncSession:
        """See `Kobling.session`."""
        if not isinstance(connection, Connection):
            del connection
            raise TypeError("a session is for a Connection")
        session = AsyncSession(connection.public, *self._open(connection, options, rates))
        session._driver = self._driver
        return session

    async def aclose(self) -> None:
        """Close every connection."""
        await self._driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _checked_origin(vendor: str, origin: str) -> str:
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(
            f"the origin of {vendor} must be http(s)://host[:port][/path], without user, query or fragment"
        )
    return origin.rstrip("/")


def typed_host(adapter: type[Adapter]) -> bool:
    """True when a person's typing decides a host that is called, be it for the sign-in only."""
    return any(
        template.startswith("{booking_url}") or "{" in template.partition("://")[2].partition("/")[0]
        for template in (adapter.base_url, adapter.auth_url or "")
    )


def _with_checked_url(public: PublicConnection, adapter: type[Adapter], policy: UrlPolicy) -> PublicConnection:
    """The details with the booking URL in its one spelling. Raises `UrlNotAllowed`."""
    if not public.booking_url:
        return public
    checked = check_url(public.booking_url, policy)
    if isinstance(checked, Checked):
        return public.model_copy(update={"booking_url": checked.url})
    raise UrlNotAllowed("private_address" if checked == "private_address" else f"url_{checked}", vendor=adapter.key)


_RATES: TypeAdapter[dict[str, tuple[str, ...]]] = TypeAdapter(
    dict[VendorId, tuple[RateCode, ...]], config=ConfigDict(coerce_numbers_to_str=True)
)


def _rate_table(rates: Mapping[str, Sequence[str]] | None) -> dict[str, tuple[str, ...]] | None:
    """The registry's rates, checked where they come in: later they would break a reading of the catalogue."""
    if rates is None:
        return None
    try:
        return _RATES.validate_python(rates)
    except ValidationError:
        pass
    raise ValueError("rates are codes by service id, as {'1': ('B1010',)}")


def _options(adapter: type[Adapter], given: BaseModel | Mapping[str, Any] | None) -> BaseModel:
    if given is None:
        return adapter.Options()
    if isinstance(given, adapter.Options):
        return given
    return adapter.Options.model_validate(given)
