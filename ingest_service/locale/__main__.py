"""Collect every text of pages and notices into `oshwatch.pot`; with `--check`, say whether it is fresh."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from jinja2 import Environment
from jinja2.ext import extract_from_ast

from alert_rules.pack_format import load_packs, shipped
from osh_domain.limits import LIMIT_NAMES, METABOLIC_CLASSES, limit
from osh_domain.quantities import QUANTITIES

ROOT: Final = Path(__file__).parent.parent
POT: Final = Path(__file__).parent / "oshwatch.pot"

HEADER: Final = (
    'msgid ""\nmsgstr ""\n"Project-Id-Version: oshwatch\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
)

Text = tuple[str, ...]


def collect() -> str:
    """The template of all catalogues: each text once, with the files it stands in."""
    found: dict[Text, list[str]] = {}
    folders = (ROOT / "web", ROOT.parent / "alert_rules")
    files = sorted(path for folder in folders for path in folder.rglob("*"))
    said = [(str(path.relative_to(ROOT.parent)), text) for path in files for text in _of_file(path)]
    for place, text in (*said, *_of_tables()):
        places = found.setdefault(text, [])
        if place not in places:
            places.append(place)
    return HEADER + "".join(_entry(text, places) for text, places in sorted(found.items()))


def _of_file(path: Path) -> Iterator[Text]:
    if path.suffix == ".html":
        yield from _of_template(path)
    elif path.suffix == ".py":
        yield from _of_module(path)


def _of_tables() -> Iterator[tuple[str, Text]]:
    """Names that are data, with where they stand: of limits, of rules, of quantities."""
    for name in LIMIT_NAMES:
        for row in METABOLIC_CLASSES:
            for acclimatised in (True, False):
                found = limit(name, metabolic_class=row.number, acclimatised=acclimatised)
                yield "osh_domain/limits.py", (found.label,)
    for path in shipped():
        for pack in load_packs([path]):
            for rule in pack.rules:
                yield str(path.relative_to(ROOT.parent)), (rule.title,)
    for quantity in QUANTITIES.values():
        yield "osh_domain/quantities.py", (quantity.title,)


def _of_template(path: Path) -> Iterator[Text]:
    tree = Environment(autoescape=True, extensions=["jinja2.ext.do"]).parse(path.read_text("utf-8"))
    for _line, _function, message in extract_from_ast(tree, ("_", "ngettext"), babel_style=False):
        parts = (message,) if isinstance(message, str) else (message or ())
        yield tuple(part for part in parts if part)


def _of_module(path: Path) -> Iterator[Text]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        wanted = {"_": 1, "N_": 1, "say": 1, "count": 2}.get(name, 0)
        parts = [arg.value for arg in node.args[:wanted] if isinstance(arg, ast.Constant)]
        if wanted and len(parts) == wanted and all(isinstance(part, str) for part in parts):
            yield tuple(str(part) for part in parts)


def _entry(text: Text, places: list[str]) -> str:
    lines = [f"#: {' '.join(places)}", f"msgid {_quoted(text[0])}"]
    if len(text) > 1:
        lines += [f"msgid_plural {_quoted(text[1])}", 'msgstr[0] ""', 'msgstr[1] ""']
    else:
        lines.append('msgstr ""')
    return "\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def main(arguments: list[str]) -> int:
    """Write the template, or with `--check` answer 1 when it is stale."""
    text = collect()
    if "--check" in arguments:
        if POT.is_file() and POT.read_text("utf-8") == text:
            return 0
        sys.stderr.write(f"{POT} is stale: run `python -m ingest_service.locale`\n")
        return 1
    POT.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
