"""``oshwatch admin secrets``: what the server shape needs before its first start."""

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from oshwatch.administration.shell import AsJson, answer, fail


def make(
    folder: Annotated[Path, typer.Argument(help="Folder for the secrets; not one inside a repository.")],
    host: Annotated[
        list[str], typer.Option(help="Name or address by which gateways reach the broker. Repeatable.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make the secrets of the server shape: passwords, the server's key, an authority and a certificate.

    Each is a file of its own that docker-compose.yml names. What is there is kept, so running it again only
    adds what is missing. Keep a copy of the folder offline, and ca.key nowhere else: without server.key no
    gateway trusts the server, and without ca.key the broker's certificate cannot be renewed.
    """
    from oshwatch.administration.server_secrets import SecretsError, make_secrets

    try:
        made = make_secrets(folder, host, dt.datetime.now(dt.UTC))
    except SecretsError as error:
        raise fail(str(error)) from None
    lines = [f"{folder / name}" for name in made] or ["Everything was there; nothing changed."]
    answer({"folder": str(folder), "made": made}, as_json, lines)
