"""The data sources, as Grafana's API takes them and as provisioning files for a server that reads files.

In the files stand no secrets: Grafana reads each from a file of its own, addresses from its environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dashboards.plan import Plan
from dashboards.sources import CASES_UID, SERIES_UID

DATABASE: Final = "oshwatch"
ROLE: Final = "oshwatch_grafana"
"""The role that may read the views and nothing else."""
BUCKET: Final = "oshwatch"
FOLDER_OF_FILES: Final = "/var/lib/oshwatch/dashboards"
_HEADER: Final = "# Made by 'oshwatch dashboards build'. Edit dashboards/provisioning.py, not this file.\n"


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the two stores are, as Grafana reaches them, and how it proves who it is.

    `cases_host` is host:port; `sslmode` is libpq's. Without a token the series are asked for without one.
    """

    series_url: str
    cases_host: str
    cases_password: str | None = field(default=None, repr=False)
    series_token: str | None = field(default=None, repr=False)
    bucket: str = BUCKET
    database: str = DATABASE
    role: str = ROLE
    sslmode: str = "disable"


IN_COMPOSE: Final = Stores(
    series_url="$INFLUX_URL",
    cases_host="$GRAFANA_DATABASE_HOST",
    cases_password="$__file{/run/secrets/grafana_database_password}",  # noqa: S106 - names a file
    series_token="$__file{/run/oshwatch/tokens/influx_grafana_token}",  # noqa: S106 - names a file
)


def data_sources(stores: Stores) -> list[dict[str, Any]]:
    """Both data sources; what is secret stands under `secureJsonData` only."""
    return [_series(stores), _cases(stores)]


def _series(stores: Stores) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": "OSHWatch series",
        "uid": SERIES_UID,
        "type": "influxdb",
        "access": "proxy",
        "url": stores.series_url,
        "database": stores.bucket,
        "jsonData": {"version": "InfluxQL", "dbName": stores.bucket, "httpMode": "GET", "timeInterval": "1m"},
    }
    if stores.series_token is not None:
        found["jsonData"]["httpHeaderName1"] = "Authorization"
        found["secureJsonData"] = {"httpHeaderValue1": f"Token {stores.series_token}"}
    return found


def _cases(stores: Stores) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": "OSHWatch cases",
        "uid": CASES_UID,
        "type": "postgres",
        "access": "proxy",
        "url": stores.cases_host,
        "user": stores.role,
        "database": stores.database,
        "jsonData": {
            "database": stores.database,
            "sslmode": stores.sslmode,
            "postgresVersion": 1500,
            "maxOpenConns": 10,
            "maxIdleConns": 2,
            "connMaxLifetime": 3600,
        },
    }
    if stores.cases_password is not None:
        found["secureJsonData"] = {"password": stores.cases_password}
    return found


def source_file(stores: Stores = IN_COMPOSE) -> str:
    """`datasources/oshwatch.yaml`."""
    entries = [{**one, "orgId": 1, "editable": False} for one in data_sources(stores)]
    return _HEADER + "\n".join(_yaml({"apiVersion": 1, "prune": False, "datasources": entries})) + "\n"


def provider_file(plans: Iterable[Plan]) -> str:
    """`dashboards/oshwatch.yaml`: a folder for each language."""
    providers = [
        {
            "name": plan.folder[0],
            "orgId": 1,
            "type": "file",
            "folder": plan.folder[1],
            "folderUid": plan.folder[0],
            "disableDeletion": True,
            "allowUiUpdates": False,
            "updateIntervalSeconds": 60,
            "options": {"path": f"{FOLDER_OF_FILES}/{plan.language}"},
        }
        for plan in plans
    ]
    return _HEADER + "\n".join(_yaml({"apiVersion": 1, "providers": providers})) + "\n"


def _yaml(value: Mapping[str, Any], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, one in value.items():
        if isinstance(one, Mapping):
            lines += [f"{indent}{key}:", *_yaml(one, indent + "  ")]
        elif isinstance(one, list):
            lines.append(f"{indent}{key}:")
            for entry in one:
                first, *rest = _yaml(entry, indent + "    ")
                lines += [f"{indent}  - {first.strip()}", *rest]
        else:
            lines.append(f"{indent}{key}: {_scalar(one)}")
    return lines


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
