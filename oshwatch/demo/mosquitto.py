"""Our Mosquitto configuration as text; `deploy/mosquitto/` holds the same for a server."""

import hashlib
import secrets
from base64 import b64encode
from collections.abc import Mapping

INGEST_USER = "oshwatch-ingest"
_ROUNDS = 101  # what mosquitto_passwd of 2.0 writes; the passwords here are long and random

# Each line has its reason; `deploy/mosquitto/oshwatch.conf` repeats them and a test compares the two.
RULES = {
    "allow_anonymous": "false",
    "persistence": "false",
    "set_tcp_nodelay": "true",
    "max_queued_messages": "20000",
    "max_inflight_messages": "256",
    "max_packet_size": "1048576",
}

# Patterns are filled with the user name. A denied publish is acknowledged all the same and nothing arrives,
# so these lines are tested end to end.
ACL = f"""\
user {INGEST_USER}
topic read osh/v1/+/+/data/#
topic read osh/v1/+/+/state
topic read osh/v1/+/+/birth
topic read osh/v1/+/+/time/req
topic read osh/v1/+/+/cmd/res
topic write osh/v1/+/+/ack
topic write osh/v1/+/+/time/res
topic write osh/v1/+/+/cmd

pattern write osh/v1/+/%u/data/#
pattern write osh/v1/+/%u/state
pattern write osh/v1/+/%u/birth
pattern write osh/v1/+/%u/time/req
pattern write osh/v1/+/%u/cmd/res
pattern read osh/v1/+/%u/ack
pattern read osh/v1/+/%u/time/res
pattern read osh/v1/+/%u/cmd
"""


def configuration(listener: str, password_file: str, acl_file: str, *, user: str | None = None) -> str:
    """A configuration file; `user` keeps a Mosquitto that root started from changing to its own."""
    lines = [f"listener {listener}", f"password_file {password_file}", f"acl_file {acl_file}"]
    lines += [f"{key} {value}" for key, value in RULES.items()]
    if user is not None:
        lines.append(f"user {user}")
    return "\n".join([*lines, "log_dest stderr", "log_type error", "log_type warning", ""])


def password_lines(passwords: Mapping[str, str]) -> str:
    """The password file: PBKDF2-HMAC-SHA512 as `mosquitto_passwd` writes it, never the password itself."""
    return "".join(f"{name}:{_hashed(password)}\n" for name, password in passwords.items())


def _hashed(password: str) -> str:
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS, 64)
    return f"$7${_ROUNDS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
