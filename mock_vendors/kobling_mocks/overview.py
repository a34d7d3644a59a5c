"""One page over several mocks: their clinics, what to paste, the timebooks, and the faults that can be ordered.

with mock.serve() as server, serve_overview([(mock, server)]) as page:
    print(page.url)
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, Response, abort, render_template, request

from .faults import KINDS
from .loopback import is_loopback
from .mock import Mock
from .serve import Listening, Served, listen

__all__ = ["serve_overview"]

_FEW_THREADS = 4


def _overview_app(served: Sequence[tuple[Mock, Served]]) -> Flask:
    app = Flask(__name__, template_folder="templates", static_folder=None)

    @app.before_request
    def loopback_only() -> None:
        if not is_loopback(request.host):
            abort(421)

    @app.after_request
    def nothing_from_outside(response: Response) -> Response:
        response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.get("/")
    def overview() -> str:
        mocks = [
            {
                "world": mock.world,
                "url": server.url,
                "accounts": [(one, mock.dialect.connection(one)) for one in mock.world.accounts.values()],
            }
            for mock, server in served
        ]
        return render_template("overview.html", mocks=mocks, kinds=KINDS)

    return app


def serve_overview(served: Sequence[tuple[Mock, Served]], *, port: int = 0) -> Listening:
    """Serve the page on 127.0.0.1 at `port`, 0 for any free one. Raises `OSError` where the port is in use."""
    return listen(_overview_app(served), port=port, threads=_FEW_THREADS)
