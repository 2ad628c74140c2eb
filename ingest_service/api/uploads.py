"""Batches over HTTP: a second road when MQTT is blocked, and the road for foreign clients."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from ingest_service.acknowledger import Acknowledger
from ingest_service.api.errors import ApiError, ErrorAnswer
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, require
from ingest_service.checking import CONTENT_TYPES, Arrival, check
from ingest_service.ledger.port import Accepted, Outcome, Rejected
from ingest_service.queries.view import NotHere
from osh_domain.batch import first_byte_kind, open_frame
from osh_domain.wire_error import WireError

router = APIRouter(prefix="/api/v1", tags=["uploads"])

ACK_TYPE: Final = "application/x-osh-ack"
_EXACT: Final = frozenset(CONTENT_TYPES.values())
_TYPES: Final = _EXACT | {"application/json", "application/octet-stream"}
_SIGNED_ACK: Final = {"content": {ACK_TYPE: {"schema": {"type": "string"}}}, "description": "See below."}
_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in sorted(_TYPES)},
    }
}


class Receipt(BaseModel):
    """What became of a bare SenML pack: `new` or `duplicate`, its row in the ledger, how many readings.

    `remarks` names what was in it that a person should see, like a name nobody registered.
    """

    model_config = ConfigDict(frozen=True)

    verdict: str
    gateway: str
    site: str
    ledger_row: int | None
    payload_hash: str
    readings: int
    remarks: list[str]


@router.post(
    "/uploads",
    summary="Hand in a sealed frame, or a bare SenML pack of a registered foreign device",
    openapi_extra=_BODY,
    responses={
        200: _SIGNED_ACK | {"model": Receipt},
        409: {"model": ErrorAnswer, "description": "Other content is in the ledger under this number; kept."},
        413: {"model": ErrorAnswer, "description": "The body is too large; nothing was kept."},
        415: {"model": ErrorAnswer, "description": "The content type is none of ours."},
    },
)
async def upload(
    request: Request,
    caller: Annotated[Caller, Depends(require(Action.UPLOAD))],
    gateway: Annotated[str | None, Query(max_length=32, description="The device, for a bare pack.")] = None,
) -> Response:
    """A sealed frame (plain or zlib) is answered with the gateway's signed acknowledgement, two lines as over
    MQTT, also when it was refused: the refusal is in `rej`. A bare pack (`?gateway=`) is answered with a
    receipt. What fails a check is kept in quarantine, and the error says why."""
    content_type = _content_type(request)
    payload = await _body(request, caller.context.settings.max_payload)
    return await run_in_threadpool(_take, caller, payload, content_type, gateway)


def _content_type(request: Request) -> str | None:
    kind = request.headers.get("content-type", "application/octet-stream").partition(";")[0].strip().lower()
    encoding = request.headers.get("content-encoding", "identity")
    if kind not in _TYPES or encoding != "identity":
        raise ApiError(
            415,
            "media_type",
            f"{kind} ({encoding}) is not taken here.",
            way_out=f"Use {', '.join(sorted(_TYPES))}.",
        )
    return kind if kind in _EXACT else None


async def _body(request: Request, most: int) -> bytes:
    too_large = ApiError(413, "too_large", f"At most {most} bytes are taken at once.")
    if int(request.headers.get("content-length", "0")) > most:
        raise too_large
    parts = bytearray()
    async for part in request.stream():
        parts += part
        if len(parts) > most:
            raise too_large
    if not parts:
        raise ApiError(422, "invalid", "The body is empty.", where="body")
    return bytes(parts)


def _take(caller: Caller, payload: bytes, content_type: str | None, gateway: str | None) -> Response:
    context = caller.context
    sealed = _is_frame(payload)
    _check_scope(caller, _named_gateway(payload) if sealed else gateway, sealed=sealed)
    now = context.clock.now()
    arrival = Arrival(
        payload, now, source="http", gateway=None if sealed else gateway, content_type=content_type
    )
    (outcome,) = context.intake.take([arrival], now)
    if outcome.verdict == "refused":
        raise ApiError(
            503, "store", outcome.detail or "Nothing could be kept.", headers={"Retry-After": "60"}
        )
    if sealed and outcome.site:
        return _acknowledgement(caller, outcome, now)
    if outcome.verdict in {"new", "duplicate"}:
        return _receipt(outcome, check(arrival, context.register.snapshot(), now))
    raise _rejection(outcome)


def _is_frame(payload: bytes) -> bool:
    try:
        return first_byte_kind(payload) == "frame"
    except WireError:
        return False


def _named_gateway(payload: bytes) -> str | None:
    """Who the frame says it is from; None for a torn one."""
    try:
        return open_frame(payload).header.gw
    except WireError:
        return None


def _check_scope(caller: Caller, gateway: str | None, *, sealed: bool) -> None:
    """Refuse a device outside the caller's scope as if it did not exist.

    A frame that names no device we know goes on: it is kept in quarantine, so that nothing is lost.
    """
    if gateway is None:
        if not sealed:
            message = "A bare pack does not say which device sent it."
            way_out = "Name the registered foreign device: ?gateway=ID."
            raise ApiError(422, "invalid", message, where="query.gateway", way_out=way_out)
        return
    device = caller.context.register.snapshot().gateway(gateway)
    if device is not None:
        caller.must(Action.UPLOAD, device.site)
    elif not sealed:
        raise NotHere(gateway)


def _acknowledgement(caller: Caller, outcome: Outcome, now: float) -> Response:
    context = caller.context
    acknowledger = Acknowledger(
        context.ledger,
        context.server_key,
        window=context.settings.back_window,
        rate=context.settings.back_rate,
    )
    acknowledger.note([outcome])
    return Response(acknowledger.statement(outcome.gateway, outcome.epoch, now), media_type=ACK_TYPE)


def _receipt(outcome: Outcome, read: Accepted | Rejected) -> Response:
    readings, remarks = (read.readings, read.remarks) if isinstance(read, Accepted) else (0, ())
    receipt = Receipt(
        verdict=outcome.verdict,
        gateway=outcome.gateway,
        site=outcome.site,
        ledger_row=outcome.row,
        payload_hash=outcome.payload_hash,
        readings=readings,
        remarks=[f"{remark.code}: {remark.detail}" for remark in remarks],
    )
    return JSONResponse(receipt.model_dump(), 200)


def _rejection(outcome: Outcome) -> ApiError:
    kept = f"It is kept as number {outcome.quarantine_id} in quarantine and can be replayed after a fix."
    status = 409 if outcome.verdict == "conflict" else 422
    return ApiError(status, f"wire.{outcome.code}", outcome.detail or "", where="body", way_out=kept)
