"""``oshwatch admin gateway``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration import keys, revoking
from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, shown, who

if TYPE_CHECKING:
    from ingest_service.register.description_format import GatewayItem
    from ingest_service.register.entries import ForeignName

app = typer.Typer(help="Devices that deliver.", no_args_is_help=True)
app.command("keys")(keys.keys)
app.command("rotate-key")(keys.rotate_key)
app.command("revoke")(revoking.revoke)
app.command("confirm")(revoking.confirm)

Texts = list[str] | None


@app.command()
def add(
    site: Annotated[str, typer.Option(help="The factory it stands in.")],
    gateway: Annotated[str, typer.Option("--id", help="Its id, for ever: 3 to 32 of a-z, 0-9 and '-'.")],
    data_dir: DataDir = None,
    public_key: Annotated[str | None, typer.Option(help="Its Ed25519 public key, base64url.")] = None,
    foreign: Annotated[bool, typer.Option("--foreign", help="It sends bare SenML, unsigned.")] = False,
    name: Annotated[
        Texts, typer.Option("--map", help="name=sensor/quantity: what a name in its packs means. Repeatable.")
    ] = None,
    place: Annotated[Texts, typer.Option(help="sensor=zone: where a sensor stands. Repeatable.")] = None,
    expect: Annotated[
        Texts, typer.Option(help="sensor/quantity=seconds: a channel whose silence is judged. Repeatable.")
    ] = None,
) -> None:
    """Register a device, or add to a registered one: a key, names, places, expected channels."""
    if foreign == (public_key is not None):
        raise fail("give either --public-key (it signs its batches) or --foreign (it does not)")
    item = _item(gateway, "foreign" if foreign else "signed", public_key)
    names = [_name(gateway, text) for text in name or []]
    places = [_pair(text, "--place", "sensor=zone") for text in place or []]
    channels = [_expected(text) for text in expect or []]
    with opened(data_dir) as (register, _):
        if register.snapshot().site(site) is None:
            raise fail(f"there is no site {site}; see `oshwatch admin site list`")
        zones = sorted(zone.word for zone in register.snapshot().zones_of(site))
        if unknown := [zone for _, zone in places if zone not in zones]:
            raise fail(f"site {site} has no zone {', '.join(unknown)}; it has {', '.join(zones)}")
        with register.change(who()) as change:
            change.put_gateway(gateway, site, item.kind)
            if item.key is not None:
                change.put_key(gateway, item.key)
            for entry in names:
                change.put_foreign_name(entry)
            for sensor, zone in places:
                stands = register.snapshot().zone_at(gateway, sensor, change.at)
                if stands != f"{site}/{zone}":  # else it keeps what is known of it there
                    change.place(gateway, sensor, f"{site}/{zone}")
            for sensor, quantity, period_s in channels:
                change.expect(gateway, sensor, quantity, period_s)
        typer.echo(f"{gateway} is registered at {site} ({change.made or 'nothing'} changed).")


@app.command("list")
def list_gateways(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every device with its keys."""
    with opened(data_dir) as (register, _):
        snapshot = register.snapshot()
        rows = [
            asdict(gateway) | {"keys": [key.kid for key in snapshot.keys_of(gateway.id)]}
            for gateway in snapshot.gateways
        ]
        lines = [
            f"{row['id']:<24} {row['site']:<20} {row['kind']:<8} {','.join(row['keys']) or '-':<18} "
            f"{'revoked ' + shown(row['revoked_at']) if row['revoked_at'] else ''}"
            for row in rows
        ]
        answer(rows, as_json, lines)


def _item(gateway: str, kind: str, public_key: str | None) -> "GatewayItem":
    from pydantic import ValidationError

    from ingest_service.register.description_format import GatewayItem

    try:
        return GatewayItem.model_validate({"id": gateway, "kind": kind, "key": public_key})
    except ValidationError as error:
        raise fail("; ".join(f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors())) from None


def _name(gateway: str, text: str) -> "ForeignName":
    from pydantic import ValidationError

    from ingest_service.register.description_format import NameItem
    from ingest_service.register.entries import ForeignName

    name, channel = _pair(text, "--map", "name=sensor/quantity")
    sensor, _, quantity = channel.partition("/")
    try:
        item = NameItem.model_validate({"sensor": sensor, "quantity": quantity})
    except ValidationError as error:
        raise fail(f"--map {text!r}: {error.errors()[0]['msg']}") from None
    return ForeignName(gateway, name, item.sensor, item.quantity)


def _expected(text: str) -> tuple[str, str, float]:
    from osh_domain.quantities import UnknownQuantity, quantity

    channel, seconds = _pair(text, "--expect", "sensor/quantity=seconds")
    sensor, _, name = channel.partition("/")
    try:
        quantity(name)
        period_s = float(seconds)
    except UnknownQuantity as error:
        raise fail(f"--expect {text!r}: {error}") from None
    except ValueError:
        raise fail(f"--expect {text!r}: {seconds!r} is no number of seconds") from None
    if not 0 < period_s <= 86_400:
        raise fail(f"--expect {text!r}: a period is between 0 and 86400 s")
    return sensor, name, period_s


def _pair(text: str, option: str, form: str) -> tuple[str, str]:
    left, found, right = text.rpartition("=")
    if not found or not left or not right:
        raise fail(f"{option} {text!r} is not {form}")
    return left, right
