"""What the commands about rules share: their options, how text is laid out, how they refuse."""

import textwrap
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

if TYPE_CHECKING:
    from alert_rules.pack_mistakes import Mistake
    from alert_rules.pack_model import Pack

WIDTH: Final = 80
REFUSED: Final = 2
"""Exit code for what was asked in a way that cannot be answered; 1 means that what was checked is wrong."""

Json = Annotated[bool, typer.Option("--json", help="One JSON document instead of text.")]
PacksDir = Annotated[
    Path | None,
    typer.Option(
        "--packs-dir",
        envvar="OSHWATCH_PACKS_DIR",
        show_default=False,
        help="Folder with the rule packs of this installation.",
    ),
]
Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[FILES]",
        help="Rule packs, or folders of them; those that come with it if none are named.",
    ),
]


def refuse(message: str) -> typer.Exit:
    """Say what is wrong and how to get on; raise what this returns."""
    typer.echo(f"oshwatch rules: {message}", err=True)
    return typer.Exit(REFUSED)


def laid_out(text: str, indent: int = 0, hang: int = 0) -> str:
    """A paragraph within 80 columns, its further lines `hang` columns deeper."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hang),
        break_long_words=False,
        break_on_hyphens=False,
    )


def clock(t: float, timezone: str) -> str:
    """An instant in the wall time of a place."""
    return f"{datetime.fromtimestamp(t, ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


def files_of(given: list[Path] | None, packs_dir: Path | None) -> list[Path]:
    """The packs that were asked for, in the order they were named; folders stand for the packs in them."""
    from alert_rules.pack_format import packs_in, shipped

    named = given if given else [*shipped(), *([packs_dir] if packs_dir is not None else [])]
    found: list[Path] = []
    for path in named:
        found += packs_in(path) if path.is_dir() else [path]
    return found


def in_force(packs_dir: Path | None) -> "tuple[Pack, ...]":
    """The packs that the alert runner judges with; every mistake in them is said at once."""
    from alert_rules.pack_format import PackError, load_packs

    try:
        return load_packs(packs_dir=packs_dir)
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def dicts(mistakes: "list[Mistake]") -> list[dict[str, str]]:
    return [one._asdict() for one in mistakes]
