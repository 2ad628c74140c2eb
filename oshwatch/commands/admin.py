"""``oshwatch admin``: prepare the data directory; sites, people, tokens and gateways from a shell."""

import base64
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration import (
    backup,
    broker,
    calendar,
    descriptions,
    gateways,
    influx,
    migrating,
    moving,
    people,
    quarantine,
    resending,
    server_key,
    server_shape,
    tokens,
)
from oshwatch.administration.shell import (
    AsJson,
    DataDir,
    answer,
    fail,
    opened,
    process_lives,
    settings_at,
    who,
)

if TYPE_CHECKING:
    from sqlalchemy import Engine

app = typer.Typer(
    help="Prepare the data directory; factories, calendars, people, tokens, gateways.", no_args_is_help=True
)
site_app = typer.Typer(help="Factories.", no_args_is_help=True)
app.add_typer(people.app, name="person")
app.add_typer(tokens.app, name="token")
app.add_typer(gateways.app, name="gateway")
app.add_typer(server_key.app, name="server-key")
app.add_typer(site_app, name="site")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(broker.app, name="broker")
app.command("secrets")(server_shape.make)
app.command("influx-setup")(influx.setup)
app.command("import")(descriptions.import_file)
app.command("export")(descriptions.export)
app.command("calendar")(calendar.calendar)
app.command("day-off")(calendar.day_off)
app.command("overtime")(calendar.overtime)
app.command("resend")(resending.resend)
app.command("migrate")(migrating.migrate)
app.command("move")(moving.move)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)


@app.command()
def init(
    data_dir: DataDir = None,
    login: Annotated[str, typer.Option(help="Sign-in name of the first administrator.")] = "admin",
    ask_password: people.AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Make the data directory, its databases, the server key and the first administrator.

    Run again it changes nothing that is there. A password it makes is printed this once.
    """
    from ingest_service.register.entries import Role
    from ingest_service.stores import open_ledger_of, open_series_of, open_server_key_of
    from osh_domain.signing import key_id

    settings = settings_at(data_dir)
    with opened(data_dir, must_exist=False) as (register, folder):
        open_ledger_of(settings).close()
        open_series_of(settings).close()
        key = open_server_key_of(settings, create=True)
        has_one = any(person.role is Role.ADMINISTRATOR for person in register.snapshot().people)
        secret = None
        if not has_one:
            with register.change(who()) as change:
                change.put_person(login, "Administrator", Role.ADMINISTRATOR, "", active=True)
            secret = people.set_password(register, login, ask=ask_password)
        public = base64.urlsafe_b64encode(key.public_key).decode().rstrip("=")
        facts = {
            "data_dir": str(folder),
            "server_key": public,
            "server_key_id": key_id(key.public_key),
            "administrator": None if has_one else login,
            "password": secret,
        }
        lines = [f"{folder} is ready.", f"Server public key, for gateways: {public}"]
        if has_one:
            lines.append("There already is an administrator; nothing changed.")
        elif secret is None:
            lines.append(f"First administrator: {login}, with the password you gave.")
        else:
            lines.append(f"First administrator: {login}   password (shown this once): {secret}")
        answer(facts, as_json, lines)


@app.command()
def rebuild(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Empty the series, so that the projector makes them again from the ledger. Stop the service first.

    The way to bring readings in that a mended register now has a place for. Numbers that were right stay
    the same; corrected exposures raise no live alarm.
    """
    from ingest_service.projector import rebuild as empty_series
    from ingest_service.series.port import SeriesError

    with opened(data_dir) as (register, folder):
        running = _running_projectors(register.engine, folder)
        if running:
            told = ", ".join(running)
            raise fail(f"the projector still runs ({told}); stop every projector, then try again")
        try:
            empty_series(settings_at(data_dir))
        except SeriesError as error:
            raise fail(str(error)) from None
        line = "The series are empty; start the service, and the projector makes them again."
        answer({"data_dir": str(folder), "emptied": True}, as_json, [line])


def _running_projectors(engine: "Engine", folder: Path) -> list[str]:
    """The projectors that live; with a database on a server also those on other machines."""
    from ingest_service import heartbeat

    try:
        signs = heartbeat.signs_of_life(engine, folder)
    except OSError as error:
        raise fail(str(error)) from None
    mine = [one for one in signs if one.runner == "projector"]
    if engine.dialect.name == "sqlite":
        return [f"process {one.pid}" for one in mine if process_lives(one.pid)]
    return [one.instance for one in mine if one.fresh(time.time())]


@site_app.command("list")
def list_sites(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List factories with their zones and gateways."""
    with opened(data_dir) as (register, _):
        snapshot = register.snapshot()
        rows = []
        lines = []
        for site in snapshot.sites:
            zones = [zone.id for zone in snapshot.zones_of(site.id)]
            devices = [gateway.id for gateway in snapshot.gateways_of(site.id)]
            facts = {"id": site.id, "name": site.name, "scope": site.scope, "timezone": site.timezone}
            rows.append(facts | {"zones": zones, "gateways": devices})
            counts = f"{len(zones)} zones, {len(devices)} gateways"
            lines.append(f"{site.id:<20} {site.scope:<36} {counts:<24} {site.name}")
        answer(rows, as_json, lines or ["No site yet; import one with `oshwatch admin import FILE`."])
