"""``oshwatch admin influx-setup``: the bucket of the series and the tokens that may touch it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, settings_at

if TYPE_CHECKING:
    from ingest_service.series.influx.setup import Wanted

SERVICE_FILE = "influx_service_token"
GRAFANA_FILE = "influx_grafana_token"


def setup(
    operator_token_file: Annotated[
        Path | None, typer.Option(help="File with a token that may make buckets and tokens (2.x).")
    ] = None,
    tokens_dir: Annotated[
        Path | None, typer.Option(help="Folder for the two tokens; else the data directory.")
    ] = None,
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    clear: Annotated[
        bool, typer.Option("--clear", help="Empty the bucket: its content is made again from the ledger.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before emptying it.")] = False,
    show_tokens: Annotated[bool, typer.Option("--show-tokens", help="Print the tokens too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the bucket, let InfluxQL find it, make a token for the service and a read-only one for Grafana.

    What is there is kept, so it may be run again at any time. The tokens are written to files and not shown.
    """
    from ingest_service.series.influx.setup import Setup, Wanted
    from ingest_service.series.port import SeriesError
    from ingest_service.stores import influx_of

    settings = settings_at(data_dir)
    if settings.influx_url is None:
        raise fail("set influx_url (OSHWATCH_INFLUX_URL) to the address of InfluxDB first")
    where = influx_of(settings)._replace(token=_operator(operator_token_file))
    folder = tokens_dir or settings.data_dir
    try:
        # Grafana is another user of the same group; the service's token is the service's alone.
        wanted = [
            _wanted(Wanted, "service", ("read", "write"), folder / SERVICE_FILE, 0o600),
            _wanted(Wanted, "Grafana", ("read",), folder / GRAFANA_FILE, 0o640),
        ]
        if clear and not dry_run and not yes:
            typer.confirm(f"Delete everything in bucket {where.bucket} at {where.url}?", abort=True, err=True)
        steps = []
        if clear:
            clearing = Setup(where, dry=dry_run)
            clearing.clear()
            steps += clearing.steps
        work = Setup(where, dry=dry_run)
        version = work.run(wanted)
        steps += work.steps
    except SeriesError as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise fail(f"{error.filename or folder}: {error.strerror}") from None
    facts = {
        "url": where.url,
        "version": version,
        "org": where.org,
        "bucket": where.bucket,
        "dry_run": dry_run,
    }
    files = {
        one.name: str(folder / name) for one, name in zip(wanted, (SERVICE_FILE, GRAFANA_FILE), strict=True)
    }
    lines = [f"InfluxDB {version} at {where.url}, organisation {where.org}"]
    lines += [f"{one.what}: {one.state}{f' ({one.detail})' if one.detail else ''}" for one in steps]
    there = {name: path for name, path in files.items() if Path(path).is_file()}
    lines += [f"token {name} is in {path}" for name, path in there.items()]
    shown = {name: Path(path).read_text().strip() for name, path in there.items()} if show_tokens else {}
    lines += [f"token {name}: {token}" for name, token in shown.items()]
    done = [one._asdict() for one in steps]
    answer({**facts, "steps": done, "files": there, **({"tokens": shown} if shown else {})}, as_json, lines)


def _operator(file: Path | None) -> str:
    if file is None:
        return ""
    try:
        token = file.read_text().strip()
    except OSError as error:
        raise fail(f"the operator's token cannot be read from {file}: {error.strerror}") from None
    if not token or "\n" in token:
        raise fail(
            f"{file} must hold the operator's token and nothing else; it has {len(token.splitlines())} lines"
        )
    return token


def _wanted(make: "type[Wanted]", name: str, actions: tuple[str, ...], file: Path, mode: int) -> "Wanted":
    known = file.read_text().strip() if file.is_file() else None

    def keep(token: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(token + "\n")
            out.flush()
            os.fsync(out.fileno())
        fresh.chmod(mode)
        fresh.replace(file)

    return make(name, actions, known, keep)
