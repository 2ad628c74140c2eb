"""YAML for files that people write: no key twice, no merged keys, no depth that could end the process."""

from typing import Any, Final

import yaml

# libyaml reads ten times faster; where it is missing the same is read in Python.
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE: Final = "tag:yaml.org,2002:merge"
_MOST_NESTED: Final = 30
"""Deeper YAML makes libyaml leave the stack; our files need about six."""


class UniqueKeys(Loader):  # type: ignore[misc]
    """YAML keeps the last of two equal keys and says nothing; here that is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands here twice", key.start_mark
                )
            seen.add(key.value)
            if key.tag == _MERGE:  # merges of merges grow without end, and hide what stands twice
                raise yaml.constructor.ConstructorError(
                    None, None, "keys are not merged in by '<<': write them out", key.start_mark
                )
        made: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return made


def load(text: str, loader: type[UniqueKeys] = UniqueKeys) -> Any:
    """The content of a YAML text. Raises yaml.YAMLError or ValueError, with the place."""
    _check_depth(text)
    return yaml.load(text, loader)  # noqa: S506 - a SafeLoader


def _check_depth(text: str) -> None:
    """Refuse YAML nested too deeply to be composed; events are read one after the other."""
    depth = 0
    for event in yaml.parse(text, Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MOST_NESTED:
                raise yaml.YAMLError(f"it is nested more than {_MOST_NESTED} levels deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
