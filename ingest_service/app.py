"""The web process: pages, JSON interface, health and metrics."""

import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final

import structlog
import uvicorn
from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse, Response

from ingest_service import heartbeat, metrics
from ingest_service.api import errors
from ingest_service.api.routes import router as api_router
from ingest_service.auth.dependencies import csrf_protect
from ingest_service.context import Context, open_context
from ingest_service.fleet_metrics import FleetMetrics
from ingest_service.middleware import RequestMetrics, SecurityHeaders
from ingest_service.readiness import TROUBLE, Readiness, readiness
from ingest_service.settings import Settings
from ingest_service.waiting import QuietServer, serve_until_ready
from ingest_service.web.routes import STATIC
from ingest_service.web.routes import router as page_router
from ingest_service.web.static_files import CompressedStatic

log = structlog.get_logger()

OPENAPI_PATH: Final = "/api/v1/openapi.json"
_GRACE_S: Final = 3


def create_app(settings: Settings, stop: threading.Event | None = None) -> FastAPI:
    """The application with its stores open in `app.state.context`; they close when it shuts down.

    Event streams end when `stop` is set: a server waits for them before it ends.
    """
    context = open_context(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        context.close()

    app = FastAPI(
        title="OSHWatch",
        version=version("oshwatch"),
        description="Heat stress, air quality and noise in garment and footwear factories.",
        openapi_url=OPENAPI_PATH,
        docs_url=None,  # its pages load scripts from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = context
    app.state.stop = stop or threading.Event()
    app.add_middleware(SecurityHeaders, https=settings.secure_cookies)
    app.add_middleware(RequestMetrics)
    errors.install(app)
    _add_health(app, context)
    app.include_router(api_router, dependencies=[Depends(csrf_protect)])
    _add_pages(app)
    return app


def _add_pages(app: FastAPI) -> None:
    app.mount("/static", CompressedStatic(directory=STATIC), name="static")
    app.include_router(page_router, dependencies=[Depends(csrf_protect)], include_in_schema=False)


def _add_health(app: FastAPI, context: Context) -> None:
    fleet = FleetMetrics(context)

    @app.get("/healthz", tags=["operation"], summary="The process lives")
    async def healthz() -> dict[str, bool]:
        return {"alive": True}

    @app.get(
        "/readyz",
        tags=["operation"],
        summary="Stores can be read and runners live",
        responses={503: {"model": Readiness, "description": "Something is missing; `not_ready` names it."}},
    )
    def readyz() -> Readiness:
        found = readiness(context)
        status = 200 if found.ready else 503
        return JSONResponse(found.model_dump(), status)  # type: ignore[return-value]

    @app.get("/metrics", tags=["operation"], summary="Prometheus metrics", response_class=Response)
    def prometheus() -> Response:
        try:
            of_fleet = fleet.exposition()
        except TROUBLE as error:  # the runners' own figures say more now than no answer would
            of_fleet = f"# the stores cannot be read: {type(error).__name__}\n".encode()
        text = metrics.exposition() + of_fleet
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def run(settings: Settings, stop: threading.Event) -> None:
    """Serve until the event is set. A port that is taken ends the process with one sentence."""
    listener = _listen(settings)
    with listener:
        port = int(listener.getsockname()[1])
        whole = serve_until_ready(settings, listener, stop)
        if whole is None:
            return
        app = create_app(whole, stop)
        server = QuietServer(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
                server_header=False,
            )
        )
        watcher = threading.Thread(target=_watch, args=(app, stop, server, port), name="heartbeat")
        watcher.start()
        log.info("serving", url=f"http://{settings.http_host}:{port}")
        try:
            server.run(sockets=[listener])
        finally:
            stop.set()
            watcher.join()


def _watch(app: FastAPI, stop: threading.Event, server: uvicorn.Server, port: int) -> None:
    """Give signs of life, and pass the wish to stop on to the server."""
    context: Context = app.state.context
    beats = heartbeat.beats_of(context.engine, context.data_dir)
    while not stop.is_set():
        try:
            beats.beat("web", port=port)
        except OSError as error:
            log.warning("the sign of life cannot be written", error=str(error))
        stop.wait(1.0)
    server.should_exit = True


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.http_host, settings.http_port))
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        raise SystemExit(
            f"oshwatch: {settings.http_host}:{settings.http_port} cannot be served ({error.strerror}). "
            "Stop what uses the port, or set OSHWATCH_HTTP_PORT to another one."
        ) from None
    return listener
