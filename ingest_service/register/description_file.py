"""Reads the file of a site description, YAML or JSON."""

import json
from pathlib import Path
from typing import Any

import yaml

from alert_rules import strict_yaml
from ingest_service.register.description_reading import DescriptionError, Mistake


def load_document(path: Path) -> Any:
    """The content of a YAML or JSON file. Raises `DescriptionError`."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DescriptionError([Mistake(str(path), f"cannot be read: {reason}", "Check the path.")]) from None
    try:
        if path.suffix == ".json":
            return json.loads(text, object_pairs_hook=_unique)
        return strict_yaml.load(text)
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise DescriptionError(
            [Mistake(str(path), f"is not YAML or JSON: {' '.join(str(error).split())}", "Mend that line.")]
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found
