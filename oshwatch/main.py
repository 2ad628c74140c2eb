"""``oshwatch``: the front door. Each command lives in its own file under ``commands``."""

import os
import sys
from importlib import import_module

import typer

from osh_domain.settings_report import SettingsError

# name -> module; the module holds either `app` (a group of commands) or `command` (one command).
COMMANDS = {
    "demo": "oshwatch.commands.demo",
    "serve": "oshwatch.commands.serve",
    "ingest": "oshwatch.commands.ingest",
    "alerts": "oshwatch.commands.alerts",
    "run": "oshwatch.commands.run",
    "agent": "oshwatch.commands.agent",
    "sim": "oshwatch.commands.sim",
    "admin": "oshwatch.commands.admin",
    "rules": "oshwatch.commands.rules",
    "science": "oshwatch.commands.science",
    "senml": "oshwatch.commands.senml",
    "evidence": "oshwatch.commands.evidence",
    "dashboards": "oshwatch.commands.dashboards",
    "verify": "oshwatch.commands.verify",
    "settings": "oshwatch.commands.settings",
    "bench": "oshwatch.commands.bench",
    "health": "oshwatch.commands.health",
}


def build(asked: str | None = None) -> typer.Typer:
    """The command line; with the name of a command only that one, so that no other is imported for it."""
    app = typer.Typer(
        help="OSHWatch: heat stress, air quality and noise in garment and footwear factories.\n\n"
        "Start with 'oshwatch demo' and open the address it prints.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_front_door)
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module = import_module(COMMANDS[name])
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            hidden = getattr(module, "HIDDEN", False)
            app.command(name=name, help=module.command.__doc__, hidden=hidden)(module.command)
    return app


def _front_door() -> None:
    """Keeps the names of commands even when there is only one."""


def main() -> None:
    """Run the command line; settings that cannot be used end with exit code 2 and no traceback."""
    # What is written here (keys, password hashes, contacts) is for this user's eyes.
    os.umask(0o077)
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except SettingsError as error:
        sys.stderr.write(f"oshwatch: {error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
