"""Files made from code, and whether they are fresh: ``python -m tests.generated [--check]``."""

import sys
from collections.abc import Callable
from pathlib import Path

from ingest_service.settings import sample as service_settings

ROOT = Path(__file__).parent.parent

# path -> maker of its whole content
GENERATED: dict[str, Callable[[], str]] = {
    "deploy/oshwatch.toml.sample": service_settings,
}


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
