"""``oshwatch admin gateway keys`` and ``rotate-key``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, settings_at, shown

if TYPE_CHECKING:
    from ingest_service.register.entries import GatewayKey
    from ingest_service.register.store import Register

GatewayId = Annotated[str, typer.Argument(help="Its id.")]


def keys(gateway: GatewayId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the keys of a gateway: from when until when, what introduced them, what they still vouch for."""
    with opened(data_dir) as (register, _):
        found = _keys(register, gateway)
        rows = [asdict(key) | {"public_key": key.public_key.hex()} for key in found]
        answer(rows, as_json, [_line(key) for key in found])


def rotate_key(
    gateway: GatewayId,
    data_dir: DataDir = None,
    within: Annotated[float, typer.Option(help="Wait so long for its answer [s].")] = 15.0,
) -> None:
    """Tell a gateway to change its key. The old one stays in force for a week beside the new one."""
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.clock import clock_from
    from ingest_service.commanding import NoAnswerError, command
    from ingest_service.stores import open_server_key_of

    settings = settings_at(data_dir)
    with opened(data_dir) as (register, _):
        entry = register.snapshot().gateway(gateway)
        if entry is None:
            raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
        place = (entry.site, gateway)
    try:
        signer, now = open_server_key_of(settings), clock_from(settings).now()
        said = command(settings, signer, place, "rotate-key", {}, now=now, within_s=within)
    except (NoAnswerError, ServerKeyError, OSError) as error:
        raise fail(str(error)) from None
    if said.get("ok") is not True:
        raise fail(f"{gateway} refused: {said.get('error')}")
    typer.echo(
        f"{gateway} has made key {said.get('kid')} and signs with it once this server has its statement."
    )


def _keys(register: "Register", gateway: str) -> "tuple[GatewayKey, ...]":
    snapshot = register.snapshot()
    if snapshot.gateway(gateway) is None:
        raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
    return tuple(sorted(snapshot.keys_of(gateway), key=lambda key: key.valid_from))


def _line(key: "GatewayKey") -> str:
    words = [key.kid, f"from {shown(key.valid_from) if key.valid_from else 'the beginning'}"]
    if key.replaces:
        words.append(f"introduced by {key.replaces} in {key.stated_in}")
    if key.valid_to is not None:
        words.append(f"replaced, in force until {shown(key.valid_to)}")
    if key.revoked_at is not None:
        words.append(f"REVOKED {shown(key.revoked_at)}")
    if key.good_up_to:
        words.append(f"afterwards good up to {key.good_up_to}")
    return ", ".join(words)
