"""``oshwatch dashboards``: Grafana as code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from dashboards.plan import Plan
    from dashboards.provisioning import Stores
    from dashboards.pushing import Step

ROOT: Final = Path(__file__).parents[2]
CATALOGUES: Final = ROOT / "dashboards" / "locale"

app = typer.Typer(help="Grafana: make the dashboards, bring them into a Grafana.", no_args_is_help=True)

Language = Annotated[str, typer.Option(help="en, or a language with a catalogue in dashboards/locale.")]
Timezone = Annotated[
    str, typer.Option(help="Of the time axes: browser, utc, or a name like Asia/Phnom_Penh.")
]


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Only say which files are not as the code.")] = False,
    language: Annotated[str | None, typer.Option(help="Only this language, into --out.")] = None,
    timezone: Timezone = "browser",
    out: Annotated[
        Path | None, typer.Option(help="Folder for the dashboards; without it the project's own files.")
    ] = None,
) -> None:
    """Write dashboards and provisioning files; with --check exit 1 when any is not what the code makes."""
    from dashboards.building import dashboard_files, project_files

    if out is None and (language is not None or timezone != "browser"):
        raise _fail("with --language or --timezone say where to: --out FOLDER")
    if out is None:
        root, wanted = ROOT, project_files(plans())
    else:
        root, wanted = out, {}
        for plan in [_plan(language, timezone)] if language else plans(timezone):
            wanted |= dashboard_files(plan)
    stale = [name for name, text in wanted.items() if _read(root / name) != text]
    stray = [name for name in _dashboards_in(root, wanted) if name not in wanted]
    if check:
        for name in stale:
            sys.stderr.write(f"{root / name} is stale: run 'oshwatch dashboards build'\n")
        for name in stray:
            sys.stderr.write(f"{root / name} is no dashboard of ours: delete it\n")
        if stale or stray:
            raise typer.Exit(1)
        typer.echo(f"{len(wanted)} files, all as the code makes them.")
        return
    for name in stale:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(wanted[name], "utf-8")
        typer.echo(f"wrote {root / name}")
    typer.echo(f"{len(wanted)} files, {len(stale)} written.")


@app.command()
def push(
    url: Annotated[str, typer.Option(envvar="GRAFANA_URL", help="Grafana's address.")],
    token_file: Annotated[
        Path | None,
        typer.Option(envvar="GRAFANA_TOKEN_FILE", help="File with the token; else GRAFANA_TOKEN is read."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what differs.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also replace dashboards that were edited in Grafana.")
    ] = False,
    language: Language = "en",
    timezone: Timezone = "browser",
    series_url: Annotated[
        str | None, typer.Option(envvar="INFLUX_URL", help="InfluxDB as Grafana reaches it.")
    ] = None,
    series_bucket: Annotated[str, typer.Option(help="Its bucket or database.")] = "oshwatch",
    series_token_file: Annotated[Path | None, typer.Option(help="File with a read-only token.")] = None,
    cases_host: Annotated[
        str | None,
        typer.Option(envvar="GRAFANA_DATABASE_HOST", help="PostgreSQL as Grafana reaches it, host:port."),
    ] = None,
    cases_database: Annotated[str, typer.Option(help="Its database.")] = "oshwatch",
    cases_role: Annotated[
        str, typer.Option(help="The role that may only read the views.")
    ] = "oshwatch_grafana",
    cases_password_file: Annotated[Path | None, typer.Option(help="File with that role's password.")] = None,
    cases_sslmode: Annotated[
        str, typer.Option(help="disable, require, verify-ca or verify-full.")
    ] = "disable",
    renew_secrets: Annotated[
        bool, typer.Option("--renew-secrets", help="Send token and password again; Grafana cannot show them.")
    ] = False,
) -> None:
    """Bring data sources, folder and dashboards into a Grafana.

    Run again it changes nothing. Data sources are left alone unless both addresses are given. Exit code 1
    when something edited by hand, or read by Grafana from a file, was left as it is.
    """
    from dashboards.building import dashboards
    from dashboards.provisioning import Stores, data_sources
    from dashboards.pushing import Wish, plan_steps
    from dashboards.remote import Remote, RemoteError

    plan = _plan(language, timezone)
    stores: Stores | None = None
    if series_url and cases_host:
        stores = Stores(
            series_url,
            cases_host,
            _secret(cases_password_file),
            _secret(series_token_file),
            series_bucket,
            cases_database,
            cases_role,
            cases_sslmode,
        )
    elif series_url or cases_host:
        raise _fail("give both --series-url and --cases-host, or neither")
    wish = Wish(
        plan.folder, dashboards(plan), data_sources(stores) if stores else (), overwrite, renew_secrets
    )
    left = 0
    try:
        for step in plan_steps(Remote(url, _token(token_file)), wish):
            left += _do(step, dry_run=dry_run)
    except RemoteError as error:
        raise _fail(str(error)) from None
    raise typer.Exit(1 if left else 0)


def plans(timezone: str = "browser") -> list[Plan]:
    """English, and every language that has a catalogue."""
    found = sorted(path.parent.name for path in CATALOGUES.glob("*/dashboards.po"))
    return [_plan(language, timezone) for language in ("en", *found)]


def _plan(language: str, timezone: str) -> Plan:
    from dashboards.plan import Plan, PlanError
    from dashboards.words import ENGLISH, saying
    from ingest_service.language import CatalogueError, read_catalogue

    texts: dict[str, str] = {}
    path = CATALOGUES / language / "dashboards.po"
    try:
        if language != ENGLISH:
            if not path.is_file():
                raise _fail(f"there is no catalogue {path}; copy {CATALOGUES / 'dashboards.pot'} there")
            texts, _ = read_catalogue(path)
        return Plan.checked(language, saying(texts), timezone)
    except (CatalogueError, PlanError) as error:
        raise _fail(str(error)) from None


def _do(step: Step, *, dry_run: bool) -> int:
    """Say one step and carry it out; 1 when something was left as somebody else made it."""
    if step.carry_out is None:
        left = step.state in {"edited", "from a file"} and bool(step.differences)
        done = "left as it is" if left else ""
    elif dry_run:
        left, done = False, "would be written"
    else:
        step.carry_out()
        left, done = False, "written"
    what = {"edited": "was edited in Grafana", "from a file": "is read by Grafana from a file"}
    typer.echo(f"{step.kind} {step.name}: {what.get(step.state, step.state)}{', ' + done if done else ''}")
    for line in step.differences:
        typer.echo(f"    {line}")
    return int(left)


def _token(path: Path | None) -> str:
    token = _secret(path) if path is not None else os.environ.get("GRAFANA_TOKEN", "").strip()
    if not token:
        raise _fail("no token: give --token-file FILE, or set GRAFANA_TOKEN_FILE or GRAFANA_TOKEN")
    return token


def _secret(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise _fail(f"{path} cannot be read ({type(error).__name__})") from None
    if not text or len(text.splitlines()) != 1:
        raise _fail(f"{path} should hold one line, the secret alone")
    return text


def _read(path: Path) -> str | None:
    return path.read_text("utf-8") if path.is_file() else None


def _dashboards_in(root: Path, wanted: dict[str, str]) -> list[str]:
    """Files beside the dashboards, by the names that these have."""
    folders = {Path(name).parent for name in wanted if name.endswith(".json")}
    return sorted(str(path.relative_to(root)) for one in folders for path in (root / one).glob("*.json"))


def _fail(message: str) -> typer.Exit:
    typer.echo(f"oshwatch dashboards: {message}", err=True)
    return typer.Exit(2)
