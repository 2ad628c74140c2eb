"""Files made from code, and whether they are fresh: ``python -m tests.generated [--check]``."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, fields
from functools import partial
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from dashboards.building import project_files
from edge_agent import settings as agent
from edge_agent import settings_file as agent_file
from ingest_service import settings as service
from oshwatch.commands.dashboards import plans

ROOT = Path(__file__).parent.parent


def settings_reference() -> str:
    """docs/settings.md: every setting of both processes, from the tables the processes read."""
    return "\n".join(
        [
            "# Settings",
            "",
            "Made by `make generate` from `ingest_service/settings.py` and `edge_agent/settings.py`.",
            "A key stands in a TOML file or, in capitals behind the prefix, in the environment, which wins.",
            "All mistakes are reported at once, each with key and way out; an unknown key is a mistake.",
            "",
            f"## The service (`{service.PREFIX}...`)",
            "",
            *_table(service.Settings),
            "",
            f"## The agent on a gateway (`{agent.PREFIX}...`)",
            "",
            *_agent_table(agent.AgentSettings),
            "",
            "### Each entry of `sensors`",
            "",
            *_agent_table(agent.SensorSettings),
            "",
            "### Each entry of `channels` of a sensor",
            "",
            *_agent_table(agent.ChannelSettings),
            "",
            "### `cal` of a channel",
            "",
            *_agent_table(agent.Calibration),
            "",
        ]
    )


def _table(model: type[BaseModel]) -> Iterator[str]:
    return _rows((key, _default(field), field.description) for key, field in model.model_fields.items())


def _agent_table(table: type[agent.Table]) -> Iterator[str]:
    return _rows((one.name, _agent_default(one), one.metadata["description"]) for one in fields(table))


def _rows(of: Iterable[tuple[str, str, str | None]]) -> Iterator[str]:
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for key, default, meaning in of:
        yield f"| `{key}` | {default} | {meaning} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "must be set"
    return _shown(field.get_default(call_default_factory=True, validated_data={}))


def _agent_default(field: Field[object]) -> str:
    if field.default_factory is not MISSING:
        return _shown(field.default_factory())
    return "must be set" if field.default is MISSING else _shown(field.default)


def _shown(value: object) -> str:
    if value is None or value in ((), {}):
        return "none"
    return f"`{value}`" if not isinstance(value, bool) else f"`{str(value).lower()}`"


# path -> maker of its whole content
GENERATED: dict[str, Callable[[], str]] = {
    "deploy/oshwatch.toml.sample": service.sample,
    "deploy/oshwatch-agent.toml.sample": agent_file.sample,
    "docs/settings.md": settings_reference,
}


def _dashboards() -> dict[str, Callable[[], str]]:
    """Dashboards, their provisioning, the template of their catalogues: made once, handed out a file each."""
    return {name: partial(str, text) for name, text in project_files(plans()).items()}


GENERATED |= _dashboards()


def stale() -> list[str]:
    """The generated files whose content is not what the code makes today."""
    return [
        name
        for name, make in GENERATED.items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8") != make()
    ]


def main(arguments: list[str]) -> int:
    """Write what is stale, or with --check only name it."""
    names = stale()
    if "--check" in arguments:
        for name in names:
            sys.stderr.write(f"{name} is stale: run 'make generate'\n")
        return 1 if names else 0
    for name in names:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(GENERATED[name](), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
