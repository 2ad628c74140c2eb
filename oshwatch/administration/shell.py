"""What the admin commands share: where the register is, who acts, how answers and mistakes are printed."""

import getpass
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ingest_service.register.store import Register
    from ingest_service.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="OSHWATCH_DATA_DIR",
        show_default=False,
        help="Folder of the register; else the one in the file that OSHWATCH_CONFIG names.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on standard output, for scripts.")]
Login = Annotated[str, typer.Argument(help="Sign-in name.")]


def fail(message: str) -> typer.Exit:
    typer.echo(f"oshwatch admin: {message}", err=True)
    return typer.Exit(1)


def who() -> str:
    """The name in the audit log for what is done at a shell."""
    try:
        return f"shell:{getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in a container
        return f"shell:{os.getuid()}"


def settings_at(data_dir: Path | None) -> "Settings":
    """The settings of environment and of the file that OSHWATCH_CONFIG names, with this data directory."""
    from ingest_service.settings import load

    config = os.environ.get("OSHWATCH_CONFIG")
    if data_dir is None and not config and not os.environ.get("OSHWATCH_DATA_DIR"):
        raise fail(
            "say where the register is: --data-dir FOLDER, or set OSHWATCH_DATA_DIR or OSHWATCH_CONFIG"
        )
    environ = dict(os.environ)
    if data_dir is not None:
        environ["OSHWATCH_DATA_DIR"] = str(data_dir)
    return load(Path(config) if config else None, environ)


@contextmanager
def opened(data_dir: Path | None, *, must_exist: bool = True) -> "Iterator[tuple[Register, Path]]":
    """The register that the settings name, and the data directory.

    What people can do wrong ends with a sentence, not a traceback.
    """
    from sqlalchemy.exc import DBAPIError

    from ingest_service.auth.passwords import PasswordRefused
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.database import DatabaseError, where
    from ingest_service.register.description_check import DescriptionError
    from ingest_service.register.recorder import ChangeRefused
    from ingest_service.register.store import Register
    from ingest_service.stores import open_database_of

    settings = settings_at(data_dir)
    folder = settings.data_dir
    place = str(folder)
    try:
        engine = open_database_of(settings, must_exist=must_exist)
        try:
            place = where(engine)
            yield Register(engine), folder
        finally:
            engine.dispose()
    except (DatabaseError, ServerKeyError, DescriptionError, ChangeRefused, PasswordRefused) as error:
        raise fail(str(error)) from None
    except DBAPIError as error:
        raise fail(
            f"the register in {place} cannot be read or written: {error.orig}. Nothing changed. Where it is "
            "locked, another command is writing: try again when that has ended"
        ) from None
    except OSError as error:
        raise fail(f"{error.filename or folder}: {error.strerror}") from None


def process_lives(pid: int) -> bool:
    """Whether a process of this id runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def answer(value: Any, as_json: bool, lines: list[str]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else "\n".join(lines))


def shown(t: float | None) -> str:
    return "-" if t is None else datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%d %H:%M")


def asked_password() -> str:
    """From the terminal, twice; or one line from standard input in a script."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")
