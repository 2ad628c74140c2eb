"""Reads and checks the agent's settings from a TOML file and the environment, and writes the sample file.

The environment (`OSHWATCH_AGENT_MQTT_HOST=...`) wins over the file. Every mistake is reported at once, those
in the options of a driver included. Only this module needs pydantic: `python -m edge_agent` has it run in
a process of its own (`edge_agent.settings_apart`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from edge_agent.drivers import UnknownDriver, driver_class
from edge_agent.settings import AgentSettings, Calibration, ChannelSettings, SensorSettings, Table
from osh_domain.settings_report import SettingsError, SettingsMistake, unknown_key

PREFIX = "OSHWATCH_AGENT_"
COMMAND_LINE = "command line"
NOT_IN_ENVIRONMENT = frozenset({"sensors"})
SECRETS = frozenset({"mqtt_password"})
SAMPLE_HEAD = f"""\
# OSHWatch agent settings. Each key at the top may also be given as {PREFIX}KEY in the environment.
"""
SAMPLE_SENSORS = """
# One block for each sensor. `oshwatch agent key` prints what the server needs to know of this gateway.
#
# [[sensors]]
# id = "globe"
# driver = "ds18b20"
# period_s = 60
# options = {address = "28-000005e2fdc3", quantity = "tg"}
#
# [[sensors.channels]]
# quantity = "tg"
# high = 85
# accuracy = "0.5 K"
# cal = {id = "C-17", date = 2026-03-01, due = 2027-03-01, by = "NIM", gain = 1.0, offset = -0.1}
"""


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    given: Mapping[str, object] | None = None,
) -> AgentSettings:
    """Read file, environment and what was `given` on the command line, the later winning.

    Raises SettingsError with every mistake.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = dict(_read_file(path)) if path is not None else {}
    origin = dict.fromkeys(values, str(path))
    for name, text in environ.items():
        key = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and key not in NOT_IN_ENVIRONMENT:
            values[key], origin[key] = text, "environment"
    for key, value in (given or {}).items():
        values[key], origin[key] = value, COMMAND_LINE
    default_where = str(path) if path is not None else "environment"
    mistakes = _driver_mistakes(values.get("sensors"), default_where)
    try:
        settings = checked(values)
    except ValidationError as error:
        raise SettingsError(
            [_mistake(detail, origin, default_where) for detail in error.errors()] + mistakes
        ) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def checked(values: Mapping[str, object] | AgentSettings) -> AgentSettings:
    """Settings of the right types within their limits, of values or of what was made in code.

    Raises pydantic's ValidationError with every mistake.
    """
    return _table().validate_python(values)


def sample() -> str:
    """A sample TOML file made from the table of settings."""
    lines = [SAMPLE_HEAD]
    for field in fields(AgentSettings):
        if field.name in NOT_IN_ENVIRONMENT:
            continue
        lines.append(f"# {field.metadata['description']}")
        if field.default is MISSING:
            lines.append(f'{field.name} = "kh-f0123{"-a" if field.name == "gateway" else ""}"\n')
        else:
            lines.append(f"# {field.name} = {_toml(field.default)}\n")
    return "\n".join(lines) + SAMPLE_SENSORS


@cache
def _table() -> TypeAdapter[AgentSettings]:
    return TypeAdapter(AgentSettings)


def _read_file(path: Path) -> dict[str, Any]:
    where = str(path)
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        mistake = SettingsMistake(
            where, "file", "there is no such file", f"Make one: oshwatch agent sample-config > {path}"
        )
    except UnicodeDecodeError:
        mistake = SettingsMistake(where, "file", "it is not UTF-8 text", "Save it as UTF-8.")
    except OSError as error:
        mistake = SettingsMistake(where, "file", f"it cannot be read ({error.strerror})", "Check its rights.")
    except tomllib.TOMLDecodeError as error:
        mistake = SettingsMistake(where, "file", f"it is not TOML: {error}", "Mend that line.")
    raise SettingsError([mistake])


def _driver_mistakes(sensors: object, where: str) -> list[SettingsMistake]:
    """What the drivers say of their options; what has no usable shape the table complains about."""
    mistakes = []
    for index, sensor in enumerate(sensors if isinstance(sensors, list) else []):
        if not isinstance(sensor, dict) or not isinstance(sensor.get("driver"), str):
            continue
        options = sensor.get("options", {})
        try:
            problems = driver_class(sensor["driver"]).check(options if isinstance(options, dict) else {})
        except UnknownDriver as error:
            way_out = "Take one of these kinds, or install the package that brings it."
            mistakes.append(SettingsMistake(where, f"sensors[{index}].driver", str(error), way_out))
            continue
        mistakes += [
            SettingsMistake(
                where, f"sensors[{index}].options", problem, "Correct the options of this sensor."
            )
            for problem in problems
        ]
    return mistakes


def _mistake(detail: ErrorDetails, origin: Mapping[str, str], default_where: str) -> SettingsMistake:
    path = detail["loc"]
    top = str(path[0]) if path else "settings"
    where = origin.get(top, default_where)
    shown = PREFIX + top.upper() if where == "environment" else _dotted(path) or top
    known, name = _table_of(path)
    if detail["type"] == "unexpected_keyword_argument":
        return unknown_key(where, name, known)._replace(key=shown)
    if detail["type"] == "missing":
        key = _dotted(path) or top
        hint = f"Set {key} in the file" + (f" or {PREFIX}{top.upper()}." if len(path) == 1 else ".")
        return SettingsMistake("settings" if len(path) == 1 else where, key, "it is missing", hint)
    problem = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "dataclass_type":
        problem = "it should be a table of keys and values"  # pydantic names a class
    if top not in SECRETS and isinstance(detail["input"], str | int | float | bool):
        problem += f" (got {detail['input']!r})"
    field = known.get(name)
    way_out = f"It means: {field.metadata['description']}." if field is not None else "Correct the file."
    return SettingsMistake(where, shown, problem, way_out)


def _dotted(path: Sequence[int | str]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _table_of(path: Sequence[int | str]) -> tuple[dict[str, Field[Any]], str]:
    """The fields of the table a path leads into, and the last name in it."""
    tables = {"sensors": SensorSettings, "channels": ChannelSettings, "cal": Calibration}
    names = [part for part in path if isinstance(part, str)]
    table: type[Table] = AgentSettings
    for name in names[:-1]:
        table = tables.get(name, table)
    return {field.name: field for field in fields(table)}, names[-1] if names else ""


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if isinstance(value, int | float) else f'"{value}"'
