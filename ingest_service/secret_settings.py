"""Settings that are secrets: read from files of their own, never shown in an error."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from osh_domain.settings_report import SettingsMistake

SUFFIX: Final = "_file"
MOST_BYTES: Final = 65_536
_DATABASE: Final = re.compile(r"postgresql\+psycopg://[^/\s]*/[^/?\s]+(\?\S*)?")


def database_address(secret: SecretStr) -> SecretStr:
    """Validator: an address of a PostgreSQL database. The error does not repeat it: it holds a password."""
    if not _DATABASE.fullmatch(secret.get_secret_value()):
        raise ValueError(
            "it is not an address of the form postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE "
            "(not shown here, since it may hold a password; special characters in the password are "
            "written as %XX)"
        )
    return secret


def one_line(secret: SecretStr) -> SecretStr:
    """Validator: a secret that is there, in one line."""
    text = secret.get_secret_value()
    if not text or any(ch.isspace() for ch in text):
        raise ValueError("it is empty or holds blanks or line breaks (not shown here)")
    return secret


def read_secret(key: str, path: Path, where: str) -> str | SettingsMistake:
    """What the file holds, without the line break at its end; or the one mistake that keeps it from use."""

    def mistake(problem: str, way_out: str) -> SettingsMistake:
        return SettingsMistake(where, key, f"{path} {problem}", way_out)

    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return mistake("is not there", "Make it (oshwatch admin init) or mend the path.")
    except OSError as error:
        return mistake(f"cannot be read ({error.strerror})", "Check its path and its rights.")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        return mistake("is not UTF-8 text", "Write it again; it holds the secret and nothing else.")
    if not text.strip():
        return mistake("is empty", "It may be half written: write it again, it holds the secret alone.")
    if "\n" in text or "\0" in text or len(content) > MOST_BYTES:
        return mistake("holds more than one line", "It holds the secret and nothing else.")
    return text


def take_files(
    values: Mapping[str, object],
    origin: Mapping[str, str],
    secrets: frozenset[str],
    awaited: dict[str, Path] | None = None,
) -> tuple[dict[str, str], dict[str, Path], list[SettingsMistake]]:
    """The secrets that are given as files (`KEY_file`): their values, their paths, and every mistake.

    `values` are all settings as given, `origin` where each was given. Given both ways in one place is a
    mistake; in two places the environment wins, as everywhere. A file that is not there is a mistake too,
    unless `awaited` is given: then it goes there.
    """
    found: dict[str, str] = {}
    paths: dict[str, Path] = {}
    mistakes: list[SettingsMistake] = []
    for key in sorted(secrets):
        name = key + SUFFIX
        if not values.get(name):
            continue
        where = origin[name]
        if values.get(key) and origin[key] == where:
            mistakes.append(SettingsMistake(where, key, f"{name} is given as well", "Keep one of the two."))
        elif not values.get(key) or where == "environment":
            path = Path(str(values[name]))
            if awaited is not None and not path.exists():
                awaited[key] = path
                continue
            read = read_secret(name, path, where)
            if isinstance(read, SettingsMistake):
                mistakes.append(read)
            else:
                found[key], paths[key] = read, path
    return found, paths, mistakes
