"""``oshwatch admin import`` and ``export``: the register from and as a site description."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, who

if TYPE_CHECKING:
    from ingest_service.register.entries import Site
    from ingest_service.register.recorder import Recorded
    from ingest_service.register.store import Register

PUBLISHED_KEY = "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
"""Of the sample description and the test vector in docs/wire-protocol.md, where its private half stands."""


def import_file(
    file: Annotated[Path, typer.Argument(help="Site description (YAML or JSON).")],
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change; change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Take down what is left out, without asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the register to a site description. All mistakes are reported at once; then nothing changes.

    A sensor, channel, shift or exception of the calendar that the file leaves out is taken down: on a
    terminal that is asked first, elsewhere it takes --yes.
    """
    from ingest_service.register.description import import_description, plan_description
    from ingest_service.register.description_file import load_document
    from ingest_service.register.description_plan import takes_down
    from ingest_service.register.description_reading import DescriptionError

    with opened(data_dir) as (register, _):
        document = load_document(file)
        try:
            changes = plan_description(register, document)
            if dry_run:
                _show(changes, as_json)
                return
            ends = takes_down(changes)
            _agree(ends, yes=yes, may_ask=not as_json)
            done = import_description(register, document, who(), None if yes else ends)
        except DescriptionError as error:
            raise fail(f"{file}: {error}") from None
        line = (
            f"{done.sites} sites, {done.gateways} gateways, {done.people} people: "
            f"{done.changes or 'nothing'} changed."
        )
        answer(done._asdict(), as_json, [line])
    if PUBLISHED_KEY in repr(document):
        typer.echo(
            f"WARNING: a gateway has the key of the documents, {PUBLISHED_KEY}, whose private half everybody "
            "can read: anybody can sign as that gateway. Put in what `oshwatch agent key` prints.",
            err=True,
        )


def export(
    site: Annotated[list[str] | None, typer.Argument(help="Factories; none is all of them.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Print the register as a site description; importing it again changes nothing.

    People are not in it (ways to reach them may hold passwords), nor is what has ended.
    """
    import yaml

    from ingest_service.register.description_export import export_description

    with opened(data_dir) as (register, _):
        snapshot = register.snapshot()
        wanted = site or [entry.id for entry in snapshot.sites]
        found = [known_site(register, name) for name in wanted]
        document = export_description(snapshot, found, register.now())
        if as_json:
            answer(_plain(document), as_json=True, lines=[])
        else:
            dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # ten times faster where libyaml is
            text = yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=100)
            typer.echo(text, nl=False)


def known_site(register: "Register", name: str) -> "Site":
    """The site of that id, or the end of the command with the way out."""
    found = register.snapshot().site(name)
    if found is None:
        raise fail(f"there is no site {name}; see `oshwatch admin site list`")
    return found


def _show(changes: "list[Recorded]", as_json: bool) -> None:
    from ingest_service.register.description_plan import line_of, takes_down

    ends = takes_down(changes)
    marked = {id(entry) for entry in ends}
    rows = [
        {"action": entry.action, "object": entry.what, "site": entry.site, "ends": id(entry) in marked}
        | {"detail": _plain(entry.detail)}
        for entry in changes
    ]
    lines = [("- " if id(entry) in marked else "  ") + line_of(entry) for entry in changes]
    lines.append(
        f"{len(changes) or 'Nothing'} would change" + (f"; {len(ends)} taken down (-)." if ends else ".")
    )
    answer({"changes": rows}, as_json, lines)


def _agree(ends: "list[Recorded]", *, yes: bool, may_ask: bool) -> None:
    """Have what is taken down agreed to, or end the command."""
    from ingest_service.register.description_plan import line_of

    if yes or not ends:
        return
    told = "\n  ".join(["this takes down what the file leaves out:", *map(line_of, ends)])
    if not (may_ask and _at_terminal()):
        raise fail(f"{told}\nNothing changed. Put it back into the file, or say --yes.")
    typer.echo(told, err=True)
    if not typer.confirm("Go on?", err=True):
        raise fail("nothing changed")


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _plain(value: Any) -> Any:
    """With dates as text."""
    return json.loads(json.dumps(value, default=str))
