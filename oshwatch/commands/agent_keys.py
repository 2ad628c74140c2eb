"""``oshwatch agent rotate-key``, and what to do with a key on the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def rotate_key(
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Settings (TOML).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where key and outbox of the gateway live.")] = None,
) -> None:
    """Give this gateway another key, introduced to the server by the present one.

    The agent may run: it says so within seconds, in a batch signed by the present key, and signs with the new
    one as soon as the server has acknowledged that batch. Run again before that, it changes nothing. A key
    that somebody else may have is not rotated but revoked: oshwatch admin gateway revoke.
    """
    from edge_agent.identity import KEY_FILE, IdentityError, load_or_create_key
    from edge_agent.key_rotation import NEXT_FILE
    from edge_agent.settings_file import load
    from osh_domain.signing import key_id

    settings = load(config, given={} if data_dir is None else {"data_dir": data_dir})
    folder = settings.data_dir
    if not (folder / KEY_FILE).exists():
        typer.echo(f"oshwatch agent: {folder / KEY_FILE}: no key yet. Make it: oshwatch agent key", err=True)
        raise typer.Exit(2)
    try:
        old = key_id(load_or_create_key(folder / KEY_FILE).public_key)
        new = key_id(load_or_create_key(folder / NEXT_FILE).public_key)
    except (IdentityError, OSError) as error:
        typer.echo(f"oshwatch agent: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"Key {new} will follow {old}: the agent signs with it once the server has acknowledged that.")


def registration_text(document: dict[str, Any]) -> str:
    """What to do on the server, ready to be copied."""
    places = dict.fromkeys(channel["sensor"] for channel in document["channels"])
    words = [
        "oshwatch admin gateway add",
        f"--site {document['site']} --id {document['gateway']}",
        f"--public-key {document['public_key']}",
        *(f"--place {sensor}=ZONE" for sensor in places),
        *(f"--expect {c['sensor']}/{c['quantity']}={c['period_s']:g}" for c in document["channels"]),
    ]
    return (
        f"Key id {document['kid']}. On the server, with the zone each sensor stands in:\n  "
        + " \\\n    ".join(words)
    )
