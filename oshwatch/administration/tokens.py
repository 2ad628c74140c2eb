"""``oshwatch admin token``."""

import time
from typing import Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, Login, answer, fail, opened, shown, who

app = typer.Typer(help="API tokens.", no_args_is_help=True)


@app.command()
def add(
    login: Login,
    label: Annotated[str, typer.Option(help="What it is for.")],
    action: Annotated[list[str], typer.Option(help="An action it may do, like upload; may be repeated.")],
    data_dir: DataDir = None,
    scope: Annotated[str | None, typer.Option(help="A node in the person's scope.")] = None,
    days: Annotated[float | None, typer.Option(help="Ends after so many days; else never.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token that acts for a person; its secret is printed this once."""
    from ingest_service.auth.access import RIGHTS, Action
    from ingest_service.auth.tokens import Tokens
    from ingest_service.register.description import known_scopes
    from ingest_service.register.snapshot import covers

    with opened(data_dir) as (register, _):
        snapshot = register.snapshot()
        person = snapshot.people_by_login.get(login)
        if person is None or not person.active:
            raise fail(f"there is no active person {login}; see `oshwatch admin person list`")
        possible = sorted(RIGHTS[person.role])
        if unknown := [name for name in action if name not in possible]:
            raise fail(
                f"{login} ({person.role}) may not {', '.join(unknown)}; possible: {', '.join(possible)}"
            )
        node = person.scope if scope is None else scope
        if not covers(person.scope, node) or (node and node not in known_scopes(snapshot)):
            raise fail(f"{node!r} is no place within {login}'s scope {person.scope!r}")
        expires_at = None if days is None else time.time() + days * 86_400
        made = Tokens(register).create(
            label, person.id, [Action(name) for name in action], node, who(), expires_at
        )
        answer(
            {"id": made.id, "secret": made.secret},
            as_json,
            [f"token {made.id} (shown this once): {made.secret}"],
        )


@app.command("list")
def list_tokens(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every token, without secrets."""
    from ingest_service.auth.tokens import Tokens

    with opened(data_dir) as (register, _):
        snapshot = register.snapshot()
        rows = []
        lines = []
        for token in Tokens(register).all():
            person = snapshot.person(token.person)
            login = person.login if person is not None else "-"
            facts = {"id": token.id, "label": token.label, "login": login, "scope": token.grant.scope}
            rows.append(
                facts
                | {"actions": sorted(token.grant.actions), "created_at": token.created_at}
                | {"expires_at": token.expires_at, "revoked_at": token.revoked_at, "used_at": token.used_at}
            )
            lines.append(
                f"{token.id:>4} {token.label:<24} {login:<16} used {shown(token.used_at)}  "
                f"ends {shown(token.expires_at)}  {'revoked' if token.revoked_at else ''}"
            )
        answer(rows, as_json, lines)


@app.command()
def revoke(token: Annotated[int, typer.Argument(help="Its number.")], data_dir: DataDir = None) -> None:
    """End a token now."""
    from ingest_service.auth.tokens import Tokens

    with opened(data_dir) as (register, _):
        if not Tokens(register).revoke(token, who()):
            raise fail(f"there is no token {token}; see `oshwatch admin token list`")
        typer.echo(f"token {token} is revoked.")
