"""``oshwatch admin broker``: accounts of gateways at a broker with dynamic security (the server shape)."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, settings_at, who

if TYPE_CHECKING:
    from ingest_service.broker.accounts import BrokerAccounts

app = typer.Typer(help="Accounts of gateways at the broker.", no_args_is_help=True)

GatewayId = Annotated[str, typer.Argument(help="Id of a registered gateway.")]


@app.command()
def account(
    gateway: GatewayId,
    data_dir: DataDir = None,
    password_file: Annotated[
        Path | None,
        typer.Option(help="Write the password here (a new file, for you alone) instead of printing it."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give a gateway an account at the broker, or a new password when it has one: then the old one ends.

    The password is made here and shown once; it belongs into the gateway's OSHWATCH_AGENT_MQTT_PASSWORD.
    """
    with opened(data_dir) as (register, _):
        entry = register.snapshot().gateway(gateway)
        if entry is None:
            raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
        word = secrets.token_urlsafe(24)
        if password_file is not None:
            _write(password_file, word)
        with _accounts(data_dir) as accounts:
            new = accounts.put(gateway, word)
        with register.change(who()) as change:
            action = "broker account made" if new else "broker password changed"
            change.record(action, gateway, entry.site)
        facts = {"gateway": gateway, "new": new, "password": None if password_file else word}
        told = (
            f"its password is in {password_file}" if password_file else f"password (shown this once): {word}"
        )
        answer(facts, as_json, [f"{gateway} {'has an account' if new else 'has a new password'}; {told}"])


@app.command()
def missing(
    file: Annotated[Path, typer.Argument(help="New file, for you alone: JSON, gateway id to password.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give every registered gateway that has no account one, and write all their passwords into a file."""
    with opened(data_dir) as (register, _), _accounts(data_dir) as accounts:
        held = set(accounts.gateways())
        made = {
            gateway.id: secrets.token_urlsafe(24)
            for gateway in register.snapshot().gateways
            if gateway.id not in held
        }
        _write(file, json.dumps(made, indent=1))
        for gateway, word in made.items():
            accounts.put(gateway, word)
            with register.change(who()) as change:
                entry = register.snapshot().gateway(gateway)
                change.record("broker account made", gateway, None if entry is None else entry.site)
        answer({"made": sorted(made)}, as_json, [f"{len(made)} accounts made; their passwords are in {file}"])


@app.command()
def stop(gateway: GatewayId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Take a gateway's account away and end its connection now. What it has not delivered stays on it."""
    with opened(data_dir) as (register, _):
        with _accounts(data_dir) as accounts:
            stopped = accounts.stop(gateway)
        if stopped:
            entry = register.snapshot().gateway(gateway)
            with register.change(who()) as change:
                change.record("broker account stopped", gateway, None if entry is None else entry.site)
        line = (
            f"{gateway} cannot sign in any more."
            if stopped
            else f"{gateway} has no account; nothing changed."
        )
        answer({"gateway": gateway, "stopped": stopped}, as_json, [line])


@app.command("list")
def list_accounts(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List gateways with an account, those registered without one, and accounts nobody is registered for."""
    with opened(data_dir) as (register, _), _accounts(data_dir) as accounts:
        known = {gateway.id for gateway in register.snapshot().gateways}
        held = set(accounts.gateways())
        facts = {
            "accounts": sorted(held & known),
            "without_account": sorted(known - held),
            "not_registered": sorted(held - known),
        }
        lines = [f"{gateway:<34} account" for gateway in facts["accounts"]]
        lines += [f"{gateway:<34} no account" for gateway in facts["without_account"]]
        lines += [f"{gateway:<34} account, but not registered" for gateway in facts["not_registered"]]
        answer(facts, as_json, lines or ["No gateway is registered and no account is there."])


@contextmanager
def _accounts(data_dir: Path | None) -> "Iterator[BrokerAccounts]":
    from ingest_service.broker.accounts import Address, BrokerError, broker_accounts

    settings = settings_at(data_dir)
    if settings.mqtt_accounts_password is None:
        raise fail(
            "mqtt_accounts_password is not set: accounts can be made here only at a broker with dynamic "
            "security (deploy/mosquitto/server.conf). With a password file, use mosquitto_passwd"
        )
    word = settings.mqtt_accounts_password.get_secret_value()
    address = Address(settings.mqtt_host, settings.mqtt_port, word, settings.mqtt_ca_file)
    try:
        with broker_accounts(address) as accounts:
            yield accounts
    except BrokerError as error:
        raise fail(str(error)) from None


def _write(path: Path, word: str) -> None:
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise fail(f"{path} is there already; name a new file") from None
    path.write_text(f"{word}\n", "utf-8")
