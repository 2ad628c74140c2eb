"""Makes the files: dashboards in a folder for each language, the provisioning beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.plan import Plan
from dashboards.provisioning import provider_file, source_file
from dashboards.sheets import air, alerts, factory, fleet, national, noise, zone
from dashboards.words import Recorder, template

SHEETS: Final[tuple[ModuleType, ...]] = (national, factory, zone, noise, air, fleet, alerts)
GENERATED: Final = "dashboards/generated"
PROVISIONING: Final = "dashboards/provisioning"
TEMPLATE: Final = "dashboards/locale/dashboards.pot"


def dashboards(plan: Plan) -> dict[str, dict[str, Any]]:
    """Every dashboard by its name, as Grafana takes it."""
    return {sheet.NAME: _plain(sheet.build(plan).build()) for sheet in SHEETS}


def text_of(dashboard: dict[str, Any]) -> str:
    """A dashboard as a file: stable, one key a line, so that a change shows as a change."""
    return json.dumps(dashboard, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def dashboard_files(plan: Plan) -> dict[str, str]:
    """The content of each dashboard's file by its path from the folder of all languages."""
    return {f"{plan.language}/{name}.json": text_of(one) for name, one in dashboards(plan).items()}


def project_files(plans: Sequence[Plan]) -> dict[str, str]:
    """Everything that is kept made in the project, by its path."""
    found = {f"{GENERATED}/{name}": text for plan in plans for name, text in dashboard_files(plan).items()}
    found[f"{PROVISIONING}/datasources/oshwatch.yaml"] = source_file()
    found[f"{PROVISIONING}/dashboards/oshwatch.yaml"] = provider_file(plans)
    found[TEMPLATE] = catalogue_template()
    return found


def catalogue_template() -> str:
    """The template of the catalogues: every text that any dashboard says."""
    recorder = Recorder()
    dashboards(Plan(say=recorder))
    return template(recorder)


def _plain(made: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    for number, panel in enumerate(found["panels"], start=1):
        panel["id"] = number
    return found
