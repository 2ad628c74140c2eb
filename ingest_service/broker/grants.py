"""Roles of the broker's dynamic security: what the service, a gateway and the keeper of accounts may do.

Every default is "no". A refused publish is acknowledged all the same and nothing arrives, so each line here
is tried end to end. A gateway's role names its own id; the site is left open, because a gateway that moves to
another site keeps its account, and the service checks topic against register anyway.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode
from typing import Any, Final

SERVICE: Final = "oshwatch-ingest"
KEEPER: Final = "oshwatch-accounts"
"""The account by which the service makes and takes away accounts of gateways."""
GROUP: Final = "oshwatch"
"""The name under which several intakes share one subscription."""

SEND, RECEIVE, SUBSCRIBE = "publishClientSend", "publishClientReceive", "subscribePattern"
# The broker's hash of a password. Ours are long and random, so the count of rounds does not matter much.
_ROUNDS: Final = 20_000

_FROM_GATEWAYS: Final = ("data/live", "data/back", "state", "birth", "time/req", "cmd/res")
_TO_GATEWAYS: Final = ("ack", "time/res", "cmd")


def gateway_role(gateway: str) -> dict[str, Any]:
    """The role of one gateway: its own topics only."""
    own = f"osh/v1/+/{gateway}"
    return _role(
        role_name(gateway),
        [(SEND, f"{own}/{topic}") for topic in _FROM_GATEWAYS]
        + [(what, f"{own}/{topic}") for topic in _TO_GATEWAYS for what in (RECEIVE, SUBSCRIBE)],
    )


def role_name(gateway: str) -> str:
    return f"gateway-{gateway}"


def service_role() -> dict[str, Any]:
    """What intake reads of all gateways, and what it tells them."""
    every = "osh/v1/+/+"
    heard = ("data/#", "state", "birth", "time/req", "cmd/res")
    return _role(
        "service",
        [(what, f"{every}/{topic}") for topic in heard for what in (RECEIVE, SUBSCRIBE)]
        # Several intakes share a subscription; the broker checks that filter as it is written.
        + [(SUBSCRIBE, f"$share/{GROUP}/{every}/{topic}") for topic in heard]
        + [(SEND, f"{every}/{topic}") for topic in _TO_GATEWAYS],
    )


def keeper_role() -> dict[str, Any]:
    """Accounts and nothing else: not one reading."""
    control = "$CONTROL/dynamic-security/v1"
    return _role("accounts", [(SEND, control), (RECEIVE, f"{control}/#"), (SUBSCRIBE, f"{control}/#")])


def first_document(passwords: dict[str, str]) -> dict[str, Any]:
    """The file a new broker begins with: service and keeper of accounts, by name their passwords.

    Only the broker writes it from then on.
    """
    roles = {SERVICE: service_role(), KEEPER: keeper_role()}
    return {
        "clients": [
            {"username": name, **_hashed(passwords[name]), "roles": [{"rolename": role["rolename"]}]}
            for name, role in roles.items()
        ],
        "roles": list(roles.values()),
        "defaultACLAccess": {SEND: False, RECEIVE: False, "subscribe": False, "unsubscribe": True},
    }


def _role(name: str, grants: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "rolename": name,
        "acls": [{"acltype": what, "topic": topic, "allow": True} for what, topic in grants],
    }


def _hashed(password: str) -> dict[str, Any]:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, 64)
    return {
        "password": b64encode(digest).decode(),
        "salt": b64encode(salt).decode(),
        "iterations": _ROUNDS,
    }
