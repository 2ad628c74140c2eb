"""TLS to the broker on a machine whose clock may be wrong.

Chain and name of the broker's certificate are checked always, against the deployment's own CA. Its dates need
a clock: while nobody knows what time it is (`clk` none) they are not checked; once the server has told the
time they are, by that time and not by the machine's clock, which may still stand in 1970; and where the
kernel's clock was set, OpenSSL checks all dates itself besides.
"""

from __future__ import annotations

import datetime as dt
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME, which Python's ssl does not name
KERNEL_SET = frozenset({"ntp", "rtc", "hold"})
NO_CLOCK = "none"
NOT_YET, EXPIRED = 9, 10  # X509_V_ERR_...
OTHER_NAMES = frozenset({62, 64})  # of a host, of an address
NOT_OURS = frozenset({2, 18, 19, 20, 21})
TCP_PATIENCE_MS = 20_000  # sent, and not even the other machine's network answers


class Moment(NamedTuple):
    """What time it is taken to be: `clk` as in the header of a batch, wall time in s."""

    clk: str
    wall: float


class TlsError(Exception):
    """Certificates of our own cannot be used; the sentence says which file."""


class TlsFiles(Protocol):
    """PEM files: the CA (None: no TLS), and a client certificate with its key where the broker asks."""

    @property
    def ca_file(self) -> str | None: ...

    @property
    def certificate_file(self) -> str | None: ...

    @property
    def key_file(self) -> str | None: ...


class WatchedContext(ssl.SSLContext):
    """A client's context that judges dates by `clock` and tells `refused` why it does not connect."""

    clock: Callable[[], Moment]
    refused: Callable[[str], None]

    def prepare(self) -> bool:
        """Before each connection; answers whether it will be made without a look at dates."""
        clk = self.clock().clk
        if clk in KERNEL_SET:
            self.verify_flags &= ~NO_CHECK_TIME
        else:
            self.verify_flags |= NO_CHECK_TIME
        return clk == NO_CLOCK


class WatchedSocket(ssl.SSLSocket):
    """A connection under a `WatchedContext`."""

    def do_handshake(self, block: bool = False) -> None:
        context = self.context
        try:
            super().do_handshake(block)
            if isinstance(context, WatchedContext):
                _judge_dates(cast("dict[str, Any]", self.getpeercert() or {}), context)
        except ssl.SSLCertVerificationError as error:
            if isinstance(context, WatchedContext):
                context.refused(_sentence(error, self.server_hostname))
            self.close()  # paho does not
            raise


class DatesError(ssl.SSLCertVerificationError):
    """The certificate is not valid at the time that the gateway takes it to be."""


def context_of(
    files: TlsFiles, clock: Callable[[], Moment], refused: Callable[[str], None]
) -> WatchedContext | None:
    """A context for one broker, None for one without TLS. Raises TlsError when a file cannot be used."""
    name = files.ca_file
    if name is None:
        return None
    context = WatchedContext(ssl.PROTOCOL_TLS_CLIENT)  # checks chain and name
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = WatchedSocket
    try:
        context.load_verify_locations(name)
        if files.certificate_file is not None:
            name = files.certificate_file
            context.load_cert_chain(name, files.key_file)
    except (OSError, ssl.SSLError) as error:
        raise TlsError(
            f"{name}: cannot be used for TLS ({error.strerror or error}). Is it a PEM file that this user may"
            " read, and is mqtt_key_file the key of mqtt_certificate_file?"
        ) from error
    context.clock, context.refused = clock, refused
    return context


def prepare_socket(_client: object, _userdata: object, connection: object) -> None:
    """paho leaves Nagle's algorithm on: with a peer that acknowledges late QoS 1 slows down tenfold."""
    if isinstance(connection, socket.socket):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TCP_PATIENCE_MS)


def _judge_dates(certificate: dict[str, Any], context: WatchedContext) -> None:
    now = context.clock()
    if now.clk == NO_CLOCK:
        return
    known = cast("list[dict[str, Any]]", context.get_ca_certs())
    issuers = [_dated(one, now.wall) for one in known if one.get("subject") == certificate.get("issuer")]
    wrong = _dated(certificate, now.wall)
    if wrong is None and issuers and all(issuers):  # an authority that was renewed may stand there twice
        wrong = issuers[0]
    if wrong is not None:
        raise wrong


def _dated(certificate: dict[str, Any], now: float) -> DatesError | None:
    """What is wrong with the dates of a certificate at that time."""
    begins, ends = (ssl.cert_time_to_seconds(certificate[key]) for key in ("notBefore", "notAfter"))
    if now < begins:
        return DatesError(NOT_YET, f"valid only from {_day(begins)}; here it is {_day(now)}")
    if now > ends:
        return DatesError(EXPIRED, f"valid only until {_day(ends)}; here it is {_day(now)}")
    return None


def _sentence(error: ssl.SSLCertVerificationError, host: str | None) -> str:
    """What is the matter with the broker's certificate, and the way out."""
    code = error.args[0] if isinstance(error, DatesError) else error.verify_code
    why = str(error.args[1]) if isinstance(error, DatesError) else error.verify_message
    if code == NOT_YET:
        return f"the broker's certificate is not valid yet ({why}): look at both clocks"
    if code == EXPIRED:
        return f"the broker's certificate has expired ({why}): renew it, or look at this clock"
    if code in OTHER_NAMES:
        return f"the broker's certificate is not for {host} ({why}): use the name in it as mqtt_host"
    if code in NOT_OURS:
        return f"the broker's certificate is not of our CA ({why}): is mqtt_ca_file the right one?"
    return f"the broker's certificate is not good ({why})"


def _day(t: float) -> str:
    return dt.datetime.fromtimestamp(t, dt.UTC).isoformat(timespec="minutes").replace("+00:00", "Z")
