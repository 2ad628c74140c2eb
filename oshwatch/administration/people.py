"""``oshwatch admin person``."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, Login, answer, asked_password, fail, opened, who

if TYPE_CHECKING:
    from ingest_service.register.store import Register

app = typer.Typer(help="People who may sign in or are told.", no_args_is_help=True)

AskPassword = Annotated[bool, typer.Option("--ask-password", help="Ask for the password, do not make one.")]


def set_password(register: "Register", login: str, *, ask: bool) -> str | None:
    """Give the person a password and end their sessions; returns the password if it was made here."""
    from ingest_service.auth.passwords import Passwords, generated_password
    from ingest_service.auth.sessions import Sessions

    person = register.snapshot().people_by_login.get(login)
    if person is None:
        raise fail(f"there is no person {login}; see `oshwatch admin person list`")
    secret = asked_password() if ask else generated_password()
    Passwords(register).set(person.id, secret, who())
    Sessions(register.engine).end_all(person.id)
    return None if ask else secret


@app.command()
def add(
    login: Login,
    name: Annotated[str, typer.Option(help="Full name.")],
    role: Annotated[str, typer.Option(help="Like authority or committee-worker.")],
    scope: Annotated[str, typer.Option(help='Node like kh/phnom-penh/kh-f0123; "" is everything.')],
    data_dir: DataDir = None,
    language: str = "en",
    valid_until: Annotated[datetime | None, typer.Option(help="Last day, UTC.", formats=["%Y-%m-%d"])] = None,
    email: Annotated[str | None, typer.Option(help="Where notices go: mailto://...")] = None,
    ask_password: AskPassword = False,
    as_json: AsJson = False,
) -> None:
    """Add a person; a password is made and printed once unless you ask for it to be asked."""
    from ingest_service.register.description import import_description
    from ingest_service.register.description_check import DescriptionError

    entry = {"login": login, "name": name, "role": role, "scope": scope, "language": language}
    if valid_until is not None:
        entry["valid_until"] = valid_until.date().isoformat()
    with opened(data_dir) as (register, _):
        if login in register.snapshot().people_by_login:
            raise fail(f"there already is a person {login}; `oshwatch admin import` changes people")
        contacts = [] if email is None else [{"kind": "email", "url": email}]
        try:
            import_description(register, {"people": [entry | {"contacts": contacts}]}, who())
        except DescriptionError as error:
            raise fail("; ".join(str(mistake) for mistake in error.mistakes)) from None
        secret = set_password(register, login, ask=ask_password)
        shown = "" if secret is None else f"   password (shown this once): {secret}"
        answer(
            {"login": login, "password": secret}, as_json, [f"{login} is {role} of {scope or 'all'}.{shown}"]
        )


@app.command("list")
def list_people(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List everybody, also who was deactivated."""
    with opened(data_dir) as (register, _):
        people = register.snapshot().people
        lines = [
            f"{person.login:<20} {person.role:<22} {person.scope or '(everything)':<36} "
            f"{'' if person.active else 'deactivated  '}{person.name}"
            for person in people
        ]
        answer([asdict(person) for person in people], as_json, lines)


@app.command()
def deactivate(login: Login, data_dir: DataDir = None) -> None:
    """End an account: no more sign-in, no more notices. What the person did is kept."""
    from ingest_service.auth.sessions import Sessions

    with opened(data_dir) as (register, _):
        with register.change(who()) as change:
            change.deactivate(login)
        Sessions(register.engine).end_all(register.snapshot().people_by_login[login].id)
        typer.echo(f"{login} is deactivated.")


@app.command()
def password(
    login: Login, data_dir: DataDir = None, ask_password: AskPassword = False, as_json: AsJson = False
) -> None:
    """Give a person a new password; their sessions end."""
    with opened(data_dir) as (register, _):
        secret = set_password(register, login, ask=ask_password)
        line = (
            f"{login} has a new password."
            if secret is None
            else f"{login}   password (shown this once): {secret}"
        )
        answer({"login": login, "password": secret}, as_json, [line])
