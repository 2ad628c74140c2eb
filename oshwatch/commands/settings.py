"""``oshwatch settings``: what can be set, and whether what is set can be used."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Print a sample settings file, or check one.")


@app.command()
def sample() -> None:
    """Print a sample settings file for the service, with every key, its default and its meaning."""
    from ingest_service.settings import sample as sample_text

    typer.echo(sample_text(), nl=False)


@app.command()
def check(config: Annotated[Path, typer.Argument(help="The settings file (TOML) to check.")]) -> None:
    """Check a settings file together with the environment; exit code 2 and every mistake if it has any."""
    from ingest_service.settings import load

    load(config)
    typer.echo(f"{config}: good")
