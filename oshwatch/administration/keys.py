"""``oshwatch admin gateway keys``, ``rotate-key``, ``revoke --key`` and ``confirm``."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from oshwatch.administration.shell import AsJson, DataDir, answer, fail, opened, settings_at, shown

if TYPE_CHECKING:
    from ingest_service.register.entries import GatewayKey
    from ingest_service.register.store import Register

GatewayId = Annotated[str, typer.Argument(help="Its id.")]
Password = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
]


def keys(gateway: GatewayId, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the keys of a gateway: from when until when, what introduced them, what they still vouch for."""
    with opened(data_dir) as (register, _):
        found = _keys(register, gateway)
        rows = [asdict(key) | {"public_key": key.public_key.hex()} for key in found]
        answer(rows, as_json, [_line(key) for key in found])


def rotate_key(
    gateway: GatewayId,
    data_dir: DataDir = None,
    within: Annotated[float, typer.Option(help="Wait so long for its answer [s].")] = 15.0,
) -> None:
    """Tell a gateway to change its key. The old one stays in force for a week beside the new one."""
    from ingest_service.auth.server_key import ServerKeyError
    from ingest_service.clock import clock_from
    from ingest_service.commanding import NoAnswerError, command
    from ingest_service.stores import open_server_key_of

    settings = settings_at(data_dir)
    with opened(data_dir) as (register, _):
        entry = register.snapshot().gateway(gateway)
        if entry is None:
            raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
        place = (entry.site, gateway)
    try:
        signer, now = open_server_key_of(settings), clock_from(settings).now()
        said = command(settings, signer, place, "rotate-key", {}, now=now, within_s=within)
    except (NoAnswerError, ServerKeyError, OSError) as error:
        raise fail(str(error)) from None
    if said.get("ok") is not True:
        raise fail(f"{gateway} refused: {said.get('error')}")
    typer.echo(
        f"{gateway} has made key {said.get('kid')} and signs with it once this server has its statement."
    )


def propose(register: "Register", gateway: str, kid: str, good: list[str], why: str, by: str) -> int:
    """Write down what one person proposes; answers the number that another one confirms."""
    from osh_domain.gateway_keys import read_good, write_good

    try:
        good_up_to = " ".join(write_good(read_good(good)))
    except ValueError as error:
        raise fail(f"--good-up-to {error}") from None
    entry = register.snapshot().gateway(gateway)
    if entry is None:
        raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
    person(register, by, entry.site)
    with register.change(by) as change:
        return change.propose_revocation(gateway, kid, good_up_to, why)


def confirm(
    number: Annotated[int, typer.Argument(help="The number of the proposal.")],
    by: Annotated[str, typer.Option(help="Sign-in name of the person who confirms it.")],
    data_dir: DataDir = None,
    password_stdin: Password = False,
) -> None:
    """Put the revocation of a key, which another person proposed, into force. Asks for the password.

    From then on batches signed with that key go to quarantine, but for those up to the last good one. What
    was accepted beyond that before is kept and graded indicative.
    """
    with opened(data_dir) as (register, _):
        authenticated(register, by, from_stdin=password_stdin)
        with register.change(by) as change:
            kid = change.confirm_revocation(number)
            key = register.snapshot(fresh=True).key(kid)
            entry = None if key is None else register.snapshot().gateway(key.gateway)
            if entry is not None:
                person(register, by, entry.site)
        typer.echo(f"Key {kid} of {entry.id if entry else '?'} is revoked.")


def person(register: "Register", login: str, site: str) -> None:
    """Refuse who may not revoke keys of that site."""
    from ingest_service.register.entries import Role
    from ingest_service.register.snapshot import covers

    snapshot = register.snapshot()
    found, place = snapshot.people_by_login.get(login), snapshot.site(site)
    if found is None or not found.active:
        raise fail(f"there is no active person {login}; see `oshwatch admin person list`")
    may = found.role in (Role.ENGINEER, Role.ADMINISTRATOR, Role.AUTHORITY)
    if not may or place is None or not covers(found.scope, place.scope):
        raise fail(
            f"{login} ({found.role}) may not revoke keys at {site}: an engineer, an administrator or the"
            " authority of that place may"
        )


def authenticated(register: "Register", login: str, *, from_stdin: bool) -> None:
    """Ask for the person's password; so two people are two people."""
    import sys

    from ingest_service.auth.passwords import Passwords

    secret = sys.stdin.readline().rstrip("\n") if from_stdin else typer.prompt("Password", hide_input=True)
    outcome = Passwords(register).sign_in(login, str(secret), "shell")
    if outcome.person is None:
        wait = f"; wait {outcome.wait_s:.0f} s" if outcome.wait_s else ""
        raise fail(f"that is not the password of {login}{wait}")


def _keys(register: "Register", gateway: str) -> "tuple[GatewayKey, ...]":
    snapshot = register.snapshot()
    if snapshot.gateway(gateway) is None:
        raise fail(f"there is no gateway {gateway}; see `oshwatch admin gateway list`")
    return tuple(sorted(snapshot.keys_of(gateway), key=lambda key: key.valid_from))


def _line(key: "GatewayKey") -> str:
    words = [key.kid, f"from {shown(key.valid_from) if key.valid_from else 'the beginning'}"]
    if key.replaces:
        words.append(f"introduced by {key.replaces} in {key.stated_in}")
    if key.valid_to is not None:
        words.append(f"replaced, in force until {shown(key.valid_to)}")
    if key.revoked_at is not None:
        words.append(f"REVOKED {shown(key.revoked_at)}")
    if key.good_up_to:
        words.append(f"afterwards good up to {key.good_up_to}")
    return ", ".join(words)
