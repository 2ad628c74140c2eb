"""``oshwatch admin gateway revoke`` and ``confirm``: two people, each with a password."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import DataDir, fail, opened

if TYPE_CHECKING:
    from ingest_service.register.entries import Person
    from ingest_service.register.snapshot import RegisterSnapshot
    from ingest_service.register.store import Register

Password = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
]


def revoke(
    gateway: Annotated[str, typer.Argument(help="Its id.")],
    why: Annotated[str, typer.Option("--why", "--reason", help="Why; kept in the audit log.")],
    by: Annotated[str, typer.Option(help="Sign-in name of the person who asks for it.")],
    key: Annotated[str | None, typer.Option(help="Only this key; else the device with all its keys.")] = None,
    good_up_to: Annotated[
        list[str] | None,
        typer.Option(
            help="EPOCH:SEQ, or EPOCH for all that came of it: what the key still vouches for. Repeatable."
        ),
    ] = None,
    data_dir: DataDir = None,
    password_stdin: Password = False,
) -> None:
    """Propose to end a device with all its keys, or one of its keys. Asks for your password.

    Nothing ends yet: another person puts it into force with `oshwatch admin gateway confirm`. Epochs and
    numbers that have come: oshwatch admin gateway list --json, or the fleet page.
    """
    if good_up_to and key is None:
        raise fail("--good-up-to is for one key: add --key KID")
    with opened(data_dir) as (register, _):
        login = authenticated(register, by, from_stdin=password_stdin).login
        number = _propose(register, gateway, key, good_up_to or [], why, login)
        typer.echo(f"Proposed as number {number}. Nothing ended yet: another person confirms it with")
        typer.echo(f"  oshwatch admin gateway confirm {number} --by LOGIN")
        heirs = [one.kid for one in register.snapshot().keys_of(gateway) if key and one.replaces == key]
        if heirs and good_up_to:
            typer.echo(
                f"Keys that it introduced beyond the last good batch end with it; it introduced {heirs}."
            )
        elif heirs:
            typer.echo(f"No last good batch is named, so the keys that it introduced stay in force: {heirs}.")


def confirm(
    number: Annotated[int, typer.Argument(help="The number of the proposal.")],
    by: Annotated[str, typer.Option(help="Sign-in name of the person who confirms it.")],
    data_dir: DataDir = None,
    password_stdin: Password = False,
) -> None:
    """Put a revocation, which another person proposed, into force. Asks for your password.

    From then on batches of that device, or signed with that key, go to quarantine, but for those up to the
    last good one. What was accepted beyond that before is kept and graded indicative.
    """
    with opened(data_dir) as (register, _):
        login = authenticated(register, by, from_stdin=password_stdin).login
        snapshot = register.snapshot(fresh=True)
        with register.change(login) as change:
            proposal = change.proposal(number)
            gateway = str(proposal["gateway"])
            _entitled(snapshot, login, gateway)
            _entitled(snapshot, str(proposal["proposed_by"]), gateway, "Propose it anew. ")
            ended = change.confirm_revocation(number)
        for one in ended:
            typer.echo(f"{one} is revoked." if one == gateway else f"Key {one} of {gateway} is revoked.")


def authenticated(register: "Register", login: str, *, from_stdin: bool) -> "Person":
    """Ask for the person's password; so two people are two people."""
    import sys

    from ingest_service.auth.passwords import Passwords

    secret = sys.stdin.readline().rstrip("\n") if from_stdin else typer.prompt("Password", hide_input=True)
    outcome = Passwords(register).sign_in(login, str(secret), "shell")
    found = register.snapshot().people_by_login.get(login.strip().lower())
    if found is None or found.id != outcome.person:
        wait = f"; wait {outcome.wait_s:.0f} s" if outcome.wait_s else ""
        raise fail(f"that is not the password of {login}{wait}")
    return found


def _propose(
    register: "Register", gateway: str, kid: str | None, good: list[str], why: str, login: str
) -> int:
    from osh_domain.gateway_keys import read_good, write_good

    try:
        good_up_to = " ".join(write_good(read_good(good)))
    except ValueError as error:
        raise fail(f"--good-up-to {error}") from None
    _entitled(register.snapshot(), login, gateway)
    with register.change(login) as change:
        return change.propose_revocation(gateway, kid, good_up_to, why)


def _entitled(snapshot: "RegisterSnapshot", login: str, gateway: str, way_out: str = "") -> None:
    """Refuse who may not revoke anything at the site of that gateway."""
    from ingest_service.register.entries import Role
    from ingest_service.register.snapshot import covers

    entry = snapshot.gateway(gateway)
    if entry is None:
        raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
    found, place = snapshot.people_by_login.get(login), snapshot.site(entry.site)
    over = found is not None and found.valid_until is not None and found.valid_until <= time.time()
    if found is None or not found.active or over:
        raise fail(f"{way_out}There is no active person {login}; see `oshwatch admin person list`")
    may = found.role in (Role.ENGINEER, Role.ADMINISTRATOR, Role.AUTHORITY)
    if not may or place is None or not covers(found.scope, place.scope):
        raise fail(
            f"{way_out}{login} ({found.role}) may not revoke gateways or keys at {entry.site}: an engineer,"
            " an administrator or the authority of that place may"
        )
