"""``oshwatch rules check`` and ``oshwatch rules test``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from oshwatch.commands.rules.shell import Files, Json, PacksDir, dicts, files_of, laid_out, refuse

if TYPE_CHECKING:
    from alert_rules.pack_mistakes import Mistake
    from alert_rules.pack_model import Pack
    from alert_rules.pack_tester import Result


def check(files: Files = None, packs_dir: PacksDir = None, json_output: Json = False) -> None:
    """Read rule packs and report every mistake at once (exit code 1)."""
    from alert_rules.pack_format import PackError, load_packs

    paths = _some(files, packs_dir)
    mistakes: list[Mistake] = []
    packs: tuple[Pack, ...] = ()
    try:
        packs = load_packs(paths) if files else load_packs(packs_dir=packs_dir)
    except PackError as error:
        mistakes += error.mistakes
    if json_output:
        document = {"files": [str(path) for path in paths], "mistakes": dicts(mistakes)}
        typer.echo(json.dumps(document, indent=2))
    elif mistakes:
        typer.echo("\n".join(laid_out(str(one), hang=4) for one in mistakes))
    else:
        rules = sum(len(pack.rules) for pack in packs)
        typer.echo(f"{len(packs)} packs, {rules} rules: no mistakes.")
    raise typer.Exit(1 if mistakes else 0)


def play_tests(files: Files = None, packs_dir: PacksDir = None, json_output: Json = False) -> None:
    """Play the tests of rule packs: series in, cases out (exit code 1 when one fails)."""
    from alert_rules.pack_format import PackError, read_pack
    from alert_rules.pack_tester import check_pack

    results: list[Result] = []
    mistakes: list[Mistake] = []
    for path in _some(files, packs_dir):
        pack, found = read_pack(path)
        mistakes += found
        if pack is not None and not found:
            try:
                played, lacking = check_pack(path, pack)
            except PackError as error:  # of the shipped packs that judge beside it
                mistakes += [one for one in error.mistakes if one not in mistakes]
                continue
            results += played
            mistakes += lacking
    failed = [one for one in results if not one.passed]
    if json_output:
        document = {"tests": [one._asdict() for one in results], "mistakes": dicts(mistakes)}
        typer.echo(json.dumps(document, indent=2))
    else:
        typer.echo("\n".join(_lines(results, mistakes)))
    raise typer.Exit(1 if failed or mistakes else 0)


def _some(files: list[Path] | None, packs_dir: Path | None) -> list[Path]:
    """The files asked for; nothing to check is a mistake, not a success."""
    if packs_dir is not None and not files and not packs_dir.is_dir():
        raise refuse(f"{packs_dir} is no folder; name the folder of your packs with --packs-dir.")
    paths = files_of(files, packs_dir)
    if not paths:
        raise refuse("there is no rule pack (NAME.yaml) in what you named; name files or their folder.")
    return paths


def _lines(results: "list[Result]", mistakes: "list[Mistake]") -> list[str]:
    lines: list[str] = []
    for one in results:
        if not one.passed:
            lines += [
                laid_out(f"FAILED {one.file}: {one.name}", hang=4),
                laid_out("expected: " + ("; ".join(one.expected) or "nothing"), 2, 10),
                laid_out("happened: " + ("; ".join(one.happened) or "nothing"), 2, 10),
            ]
    lines += [laid_out(str(mistake), hang=4) for mistake in mistakes]
    passed = sum(one.passed for one in results)
    return [*lines, f"{passed} of {len(results)} tests passed, {len(mistakes)} mistakes."]
