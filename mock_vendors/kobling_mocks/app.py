"""The Flask application of a dialect: the vendor's calls, the control API, the pages and the OpenAPI document.

One application per dialect is built once in a process and serves every world: the world of a call travels in the WSGI
environ, put there by `MockApp` from the path (`/ns/NAME/…`) or by the in-process exchange.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, request
from flask_openapi.models.info import Info
from flask_openapi.models.tag import Tag
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.http import http_date

from kobling.exchange import WireReply

from . import control, pages
from .dialect import Dialect, Operation
from .document import DescribedApp, security_schemes
from .endpoints import endpoints
from .loopback import is_loopback
from .service import Arrival, answer_call, enter_unknown_call, meant
from .wire import FAULT
from .world import DEFAULT, World, Worlds

__all__ = ["PATIENCE", "WORLD", "WORLDS", "MockApp", "vendor_app"]

WORLD = "kobling_mocks.world"
WORLDS = "kobling_mocks.worlds"
PATIENCE = "kobling_mocks.patience"
"""Environ keys: the world of the call, all worlds of the mock, and how long an in-process caller would wait."""

BANNER = (
    "**This is a mock.** Clinics and patients are invented, no vendor is contacted, and what is marked *inferred* is a "
    "guess at the vendor's behaviour that a switch can change."
)


@lru_cache(maxsize=32)
def vendor_app(dialect: Dialect) -> Flask:
    """The application of a dialect. Raises `ValueError` where two of its operations cannot be told apart."""
    keys = security_schemes(dialect)
    app = DescribedApp(
        __name__,
        info=Info(title=f"{dialect.name} (mock)", version="1", description=f"{BANNER}\n\n{dialect.about}"),
        security_schemes=keys,
        validation_error_status=422,
        template_folder="templates",
        static_folder=None,
    )
    app.dialect = dialect
    app.openapi_version = "3.1.0"
    app.url_map.merge_slashes = False
    tag = Tag(name=dialect.name, description="The vendor's calls, as far as they are known.")
    for (method, rule), calls in endpoints(dialect.operations).items():
        for operation in calls:
            getattr(app, method.lower())(
                rule,
                tags=[tag],
                summary=operation.summary,
                description=operation.description,
                operation_id=operation.name,
                responses=dict(operation.answers),
                security=None if operation.signs_in else [{name: []} for name in keys] or None,
                provide_automatic_options=False,
            )(_view(operation, calls))
            app.note_sharing(operation, calls)
    app.register_api(control.blueprint())
    app.register_blueprint(pages.blueprint())
    app.register_error_handler(NotFound, _no_such_route)
    app.register_error_handler(MethodNotAllowed, _no_such_route)
    return app


def _view(operation: Operation, calls: tuple[Operation, ...]) -> Callable[..., Response]:
    """Answers an endpoint's calls; the framework describes it as one of them."""

    def view(**path: str) -> Response:
        world: World = request.environ[WORLD]
        arrival = _arrival(request)
        asked = meant(calls, arrival)
        if asked is None:
            return _unknown(arrival, 404, "the body asks for none of this endpoint's calls")
        outgoing, fault = answer_call(world, asked, arrival, path)
        if fault is not None:
            request.environ[FAULT] = fault
        return _response(outgoing, world)

    view.__name__ = operation.name
    view.__doc__ = operation.description or operation.summary
    models = {"path": operation.path, "query": operation.query, "body": operation.body}
    view.__annotations__ = {name: model for name, model in models.items() if model is not None}
    view.__delay_validate_request__ = True  # type: ignore[attr-defined]  # flask-openapi documents, the dialect checks
    return view


def _arrival(incoming: Request) -> Arrival:
    return Arrival(
        method=incoming.method,
        path=incoming.path,
        query=tuple(incoming.args.items(multi=True)),
        headers=tuple(incoming.headers.items()),
        body=incoming.get_data(cache=False),
        patience=incoming.environ.get(PATIENCE),
        address=incoming.base_url,
    )


def _response(outgoing: WireReply, world: World) -> Response:
    """The reply, dated by the vendor's own clock: what it says of the time must agree with what it keeps."""
    response = Response(outgoing.body, status=outgoing.status)
    del response.headers["Content-Type"]
    response.headers["Date"] = http_date(world.clock.now())
    for name, value in outgoing.headers:
        response.headers.add(name, value)
    return response


def _no_such_route(error: Any) -> Response:
    told = {"Allow": ", ".join(error.valid_methods or ())} if isinstance(error, MethodNotAllowed) else {}
    arrival = (
        None if request.path.startswith(("/__mock__", "/openapi", "/timebok", "/favicon.ico")) else _arrival(request)
    )
    return _unknown(arrival, error.code, "there is nothing at this path", told)


def _unknown(arrival: Arrival | None, status: int, what: str, headers: Mapping[str, str] | None = None) -> Response:
    """The mock's own answer to a call that is none of the vendor's; `arrival` goes into the journal."""
    if arrival is not None:
        enter_unknown_call(request.environ[WORLD], arrival)
    body = {"mock": f"{what}; the calls of this mock are listed under /openapi"}
    return Response(json.dumps(body), status=status, headers=dict(headers or {}), content_type="application/json")


class MockApp:
    """The WSGI application of one mock: finds the world of a call, then lets the dialect's application answer.

    Calls over a socket must name a loopback host, because a page in a browser can reach loopback under any name.
    """

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self._app = vendor_app(worlds.dialect)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one WSGI call."""
        world: World | None = environ.get(WORLD)
        if world is None and not is_loopback(environ.get("HTTP_HOST", "")):
            return _plain(start_response, "421 Misdirected Request", "This mock answers to loopback host names only.")
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("/ns/"):
            name, slash, rest = path[4:].partition("/")
            world = self.worlds.get(name)
            if world is None:
                return _plain(
                    start_response, "404 Not Found", f"There is no namespace of that name. {_HOW_TO_MAKE_ONE}"
                )
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/ns/" + name
            environ["PATH_INFO"] = slash + rest or "/"
        environ[WORLD] = world if world is not None else self.worlds.get(DEFAULT)
        environ[WORLDS] = self.worlds
        return self._app.wsgi_app(environ, start_response)


_HOW_TO_MAKE_ONE = "Make one with POST /__mock__/namespaces or mock.namespace(name)."


def _plain(start_response: Callable[..., Any], status: str, text: str) -> Iterable[bytes]:
    body = text.encode()
    start_response(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]
