"""``oshwatch admin server-key``."""

import typer

from oshwatch.administration.shell import DataDir, fail, settings_at

app = typer.Typer(help="The key by which gateways know this server.", no_args_is_help=True)


@app.command()
def rotate(data_dir: DataDir = None) -> None:
    """Give the server another key, introduced to all gateways by the present one.

    Restart the service afterwards. Each gateway follows when it next connects, however long it was away, and
    obeys the new key alone once that has spoken. Keep server.key and server.key.statements together in the
    backup, and publish the new name: bundles and day roots from now on are signed with it. A key that
    somebody else may have cannot be mended so: whoever has it can introduce a key as well. Then every gateway
    needs the new key in its settings.
    """
    from ingest_service.auth.server_key import FILE_NAME, ServerKey, ServerKeyError
    from osh_domain.signing import key_id

    settings = settings_at(data_dir)
    path = settings.server_key_file or settings.data_dir / FILE_NAME
    if not path.exists():
        raise fail(f"there is no server key at {path}; `oshwatch admin init` makes the first one")
    try:
        old = ServerKey.load_or_create(path)
        new = ServerKey.replace(path)
    except (ServerKeyError, OSError) as error:
        raise fail(str(error)) from None
    typer.echo(f"The server key is {key_id(new.public_key)} now; before it was {key_id(old.public_key)}.")
    typer.echo("Restart the service. Gateways follow when they next connect.")
