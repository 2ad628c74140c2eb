"""The service's settings: one typed table, read from a TOML file and the environment.

The environment (``OSHWATCH_MQTT_HOST=...``) wins over the file. A secret may also stand in a file of its own,
named by ``OSHWATCH_KEY_FILE`` or ``key_file``. Every mistake is reported at once. The sample file and the
reference in the documents are made from this table by ``oshwatch settings``.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError

from ingest_service.secret_settings import SUFFIX, database_address, one_line, take_files
from osh_domain.scaled_time import ScaledTime
from osh_domain.settings_report import SettingsError, SettingsMistake, unknown_key

PREFIX = "OSHWATCH_"
# Read by the front door or by a library, not by this table.
OTHER_VARIABLES = frozenset({"OSHWATCH_CONFIG"})
FOREIGN_PREFIXES = ("OSHWATCH_AGENT_", "OSHWATCH_TEST_")


def _clock_text(text: str) -> str:
    ScaledTime.parse(text)
    return text


DatabaseAddress = Annotated[SecretStr, AfterValidator(database_address)]


class Settings(BaseModel):
    """Everything a server process can be told. Fields carry their own help."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_dir: Path = Field(description="Folder of the ledger, the series, the register and the server key.")
    mqtt_host: str = Field("127.0.0.1", description="Host of the MQTT broker.")
    mqtt_port: int = Field(1883, ge=1, le=65535, description="Port of the MQTT broker (8883 with TLS).")
    mqtt_username: str | None = Field(None, description="Name the service signs in with at the broker.")
    mqtt_password: SecretStr | None = Field(
        None, description="Its password; better through the environment than in the file."
    )
    mqtt_ca_file: Path | None = Field(
        None, description="Certificate authority of the broker (PEM). Set: TLS is used and checked."
    )
    mqtt_accounts_password: Annotated[SecretStr, AfterValidator(one_line)] | None = Field(
        None,
        description="Password of 'oshwatch-accounts', who makes accounts at a broker with dynamic security.",
    )
    intake_group: str | None = Field(
        None,
        pattern=r"^[a-z0-9-]{1,32}$",
        description="Group in which several intakes share what gateways send; needs database_url, and is "
        "'oshwatch' with it.",
    )
    database_url: DatabaseAddress | None = Field(
        None,
        description="postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE: ledger, register and cases are "
        "there. Empty: SQLite files in data_dir.",
    )
    database_owner_url: DatabaseAddress | None = Field(
        None,
        description="The same database with the role that owns it; read by 'oshwatch admin migrate' only.",
    )
    grafana_database_password: Annotated[SecretStr, AfterValidator(one_line)] | None = Field(
        None,
        description="Password of the role 'oshwatch_grafana', which reads the views; for 'admin migrate'.",
    )
    influx_url: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="Address of InfluxDB: the series are there. Empty: a SQLite file in data_dir.",
    )
    influx_org: str = Field("oshwatch", description="Organisation in InfluxDB.")
    influx_bucket: str = Field("oshwatch", description="Bucket of the series in InfluxDB.")
    influx_token: Annotated[SecretStr, AfterValidator(one_line)] | None = Field(
        None, description="Token that may read and write that bucket."
    )
    server_key_file: Path | None = Field(
        None, description="The server's Ed25519 key (PEM) when it is not in data_dir."
    )
    http_host: str = Field("127.0.0.1", description="Address the pages and the API listen on.")
    http_port: int = Field(
        8080, ge=0, le=65535, description="Port of the pages and the API; 0 takes a free one."
    )
    metrics_host: str = Field("127.0.0.1", description="Address of metrics_port.")
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port on which a runner that runs alone ('oshwatch run') shows its metrics; empty: none. "
        "'oshwatch serve' shows those of all at /metrics of the pages.",
    )
    public_url: str | None = Field(
        None, description="Address people reach the pages at; links in notices begin with it."
    )
    clock: Annotated[str, AfterValidator(_clock_text)] | None = Field(
        None, description="RATE@WALL=TIME: simulated time for demo and training. Leave it out in earnest."
    )
    commit_batches: int = Field(200, ge=1, le=2000, description="Most batches in one ledger commit.")
    max_payload: int = Field(1_048_576, ge=1024, le=16_777_216, description="Largest payload taken [bytes].")
    back_window: int = Field(
        16, ge=1, le=1024, description="Unacknowledged backlog batches a gateway may send."
    )
    back_rate: float = Field(5.0, gt=0, le=1000, description="Backlog batches a second a gateway may send.")
    live_age_s: float = Field(
        900.0,
        gt=0,
        description="Readings older than this [s] raise no live alarm, only a finding afterwards.",
    )
    packs_dir: Path | None = Field(
        None, description="Folder with rule packs of this installation, layered over those that come with it."
    )
    keep_readings_days: float | None = Field(
        None,
        gt=0,
        description="Days that single readings stay in the series; empty: for ever. The ledger keeps all.",
    )
    keep_minutes_days: float | None = Field(
        None, gt=0, description="Days that minute values of channels stay in the series; empty: for ever."
    )
    keep_exposures_days: float | None = Field(
        400.0,
        gt=0,
        description="Days that minute exposures and verdicts stay (36500: for ever); shifts and days always.",
    )
    mail_day_lines: bool = Field(
        True, description="Send the signed line of each day to both sides of every committee."
    )
    webhook_allow: tuple[str, ...] = Field(
        (), description="Hosts on private or loopback addresses that notices may be posted to."
    )
    mail_viewer_dir: Path | None = Field(
        None, description="Folder of caught mail (.eml) shown on a page; for demo and training."
    )
    demo_accounts: bool = Field(False, description="List the demo accounts on the sign-in page.")
    secure_cookies: bool = Field(
        False, description="Send session cookies over HTTPS only. Set it wherever HTTPS is in front."
    )

    _files: dict[str, Path] = PrivateAttr(default_factory=dict)
    _awaited: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def secret_files(self) -> dict[str, Path]:
        """Where the secrets that were read from files came from, by key."""
        return self._files

    @property
    def awaited(self) -> dict[str, Path]:
        """The files of secrets that are not there yet, by key; see `load`."""
        return self._awaited

    @property
    def group(self) -> str | None:
        """The group of intakes that this one belongs to; None where there is one intake only."""
        return None if self.database_url is None else self.intake_group or "oshwatch"

    @property
    def link_base(self) -> str:
        """What links in notices begin with, without a slash at the end."""
        return (self.public_url or f"http://{self.http_host}:{self.http_port}").rstrip("/")


SECRETS = frozenset(
    key for key, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)


def load(
    path: Path | None = None, environ: Mapping[str, str] | None = None, *, awaiting: bool = False
) -> Settings:
    """Read file and environment; raises SettingsError with every mistake.

    `awaiting`: the file of a secret that is not there is no mistake, because another part of the installation
    is still to make it; `awaited` of the settings names it.
    """
    values, origin = _given(path, os.environ if environ is None else environ)
    awaited: dict[str, Path] = {}
    files, paths, mistakes = take_files(values, origin, SECRETS, awaited if awaiting else None)
    for key in SECRETS:
        values.pop(key + SUFFIX, None)
    values |= files
    origin |= {key: str(file) for key, file in paths.items()}
    for key in [key for key, value in values.items() if value == "" and _may_be_empty(key)]:
        del values[key]
    for key in sorted(set(values) - set(Settings.model_fields)):
        mistakes.append(unknown_key(origin[key], _shown(key, origin[key]), Settings.model_fields))
        del values[key]
    try:
        settings = Settings(**values)
        settings.secret_files.update(paths)
        settings.awaited.update(awaited)
    except ValidationError as error:
        mistakes += [_mistake(detail, origin) for detail in error.errors()]
        raise SettingsError(mistakes) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _given(path: Path | None, environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Every key with its value, and where it came from."""
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    if path is not None:
        for key, value in _read_file(path).items():
            values[key], origin[key] = value, str(path)
    for name, text in environ.items():
        if not name.startswith(PREFIX) or name in OTHER_VARIABLES or name.startswith(FOREIGN_PREFIXES):
            continue
        key = name.removeprefix(PREFIX).lower()
        if key == "webhook_allow":
            values[key] = [host.strip() for host in text.split(",") if host.strip()]
        else:
            values[key] = text
        origin[key] = "environment"
    return values, origin


def environment_of(settings: Settings) -> dict[str, str]:
    """The settings as environment variables, to start a child process with the same ones.

    A secret that was read from a file is named by its file.
    """
    out: dict[str, str] = {}
    for key in Settings.model_fields:
        value = getattr(settings, key)
        if key in settings.secret_files:
            out[PREFIX + (key + SUFFIX).upper()] = str(settings.secret_files[key])
            continue
        if value is None:
            continue
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if isinstance(value, tuple):
            value = ",".join(value)
        out[PREFIX + key.upper()] = str(value)
    return out


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of these settings: what a child with other settings inherits."""
    return {
        name: text
        for name, text in environ.items()
        if not name.startswith(PREFIX) or name.startswith(FOREIGN_PREFIXES)
    }


def sample() -> str:
    """A sample TOML file made from the table above."""
    lines = [
        "# OSHWatch service settings. Every key may also be given as " + PREFIX + "KEY in the environment.",
        "# A secret (" + ", ".join(sorted(SECRETS)) + ")",
        '# is better kept in a file of its own: KEY_file = "/path", or ' + PREFIX + "KEY_FILE.",
    ]
    for key, field in Settings.model_fields.items():
        lines += ["", f"# {field.description}"]
        if field.is_required():
            lines.append(f'{key} = "/var/lib/oshwatch"')
        else:
            lines.append(f"# {key} = {_toml(field.default)}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if value is None:
        return '""'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return repr(value) if isinstance(value, (int, float)) else f'"{value}"'


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        mistake = SettingsMistake(
            str(path), "file", "there is no such file", "Make one: oshwatch settings sample"
        )
    except UnicodeDecodeError:
        mistake = SettingsMistake(str(path), "file", "it is not UTF-8 text", "Save it as UTF-8.")
    except OSError as error:
        mistake = SettingsMistake(
            str(path), "file", f"it cannot be read ({error.strerror})", "Check its rights."
        )
    except tomllib.TOMLDecodeError as error:
        mistake = SettingsMistake(str(path), "file", f"it is not TOML: {error}", "Mend that line.")
    raise SettingsError([mistake])


def _may_be_empty(key: str) -> bool:
    return key in Settings.model_fields and Settings.model_fields[key].default is None


def _shown(key: str, where: str) -> str:
    return PREFIX + key.upper() if where == "environment" else key


def _mistake(detail: Any, origin: Mapping[str, str]) -> SettingsMistake:
    key = str(detail["loc"][0]) if detail["loc"] else "settings"
    where = origin.get(key, "settings")
    if detail["type"] == "missing":
        return SettingsMistake(
            where, key, "it is missing", f"Set {PREFIX}{key.upper()} or {key} in the file."
        )
    problem = detail["msg"].removeprefix("Value error, ")
    if key not in SECRETS:
        problem = f"{problem} (got {detail.get('input')!r})"
    return SettingsMistake(where, _shown(key, where), problem, str(Settings.model_fields[key].description))
