"""Sends notices through apprise: e-mail (`mailto`, `mailtos`) and webhooks (`json`, `jsons`).

A contact's URL may hold a password or a token. It appears in no log, no error and no receipt: apprise's own
log lines are caught here, and whatever of them is kept has every secret of the URL blanked out.
"""

import ipaddress
import logging
import re
import socket
import threading
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from alert_rules.ports import NotifyError

KINDS: Final = {"mailto": "e-mail", "mailtos": "e-mail", "json": "webhook", "jsons": "webhook"}
"""Schemes of contact URLs that are sent, and what they are called on the screen."""

_TELLING: Final = (
    "Socket Exception:",
    "Failed to send",
    "A Connection error",
    "Connection error",
    "Sending email",
)
_HTTP_ERROR: Final = re.compile(r"error=(\d{3})")
_SMTP_ERROR: Final = re.compile(r"\((\d{3}), b?['\"]")
_TRY_AGAIN_HTTP: Final = frozenset({408, 409, 423, 425, 429})
_NO_SUCH_MAILBOX: Final = frozenset({550, 551, 553})
_LONGEST_DETAIL: Final = 400


class AppriseNotifier:
    """The notifier of the service. `webhook_allow`: hosts (or host:port) that webhooks may reach although
    their addresses are not public; anything else that is not public is refused."""

    def __init__(self, webhook_allow: Collection[str] = ()) -> None:
        self._allow = frozenset(host.lower() for host in webhook_allow)
        self._log = _caught()

    def send(self, url: str, subject: str, body: str) -> str:
        """Send and return the receipt. Raises NotifyError; neither holds a secret."""
        kind = kind_of(url)
        if not kind:
            raise NotifyError(
                "this kind of contact is not sent; use mailto://, mailtos://, json:// or jsons://",
                permanent=True,
            )
        service = _service(url)
        if kind == "webhook":
            self._guard(service)
            service.redirects = False  # a redirect could lead where the guard did not look
        apprise = _apprise()
        with self._log.listen() as lines:
            try:
                sent = service.notify(
                    body=body,
                    title=subject,
                    notify_type=apprise.NotifyType.WARNING,
                    body_format=apprise.NotifyFormat.TEXT,
                )
            except Exception as error:  # noqa: BLE001 - not ours; one notice must not stop the others
                raise NotifyError(f"sending failed: {type(error).__name__}") from None
        host = str(getattr(service, "smtp_host", None) or service.host)
        if sent:
            return f"accepted by {host}"
        raise _error(lines, url, host)

    def _guard(self, service: Any) -> None:
        """Refuse webhooks into private networks, so that a contact cannot be used to reach inside."""
        host = str(service.host).lower().strip("[]")
        port = service.port or (443 if service.secure else 80)
        if host in self._allow or f"{host}:{port}" in self._allow:
            return
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NotifyError(f"the address of {host} cannot be found ({error})") from None
        for *_, address in found:
            if not _public(str(address[0])):
                raise NotifyError(
                    f"{host} is not a public address; to allow it, add it to the setting webhook_allow",
                    permanent=True,
                )


def kind_of(url: str) -> str:
    """`e-mail`, `webhook`, or an empty text for a contact that cannot be sent to."""
    return KINDS.get(url.partition("://")[0].lower(), "")


def secrets_of(url: str) -> tuple[str, ...]:
    """Everything in a contact's URL that must never be shown, longest first."""
    parts = urlsplit(url)
    found = {parts.password or "", parts.netloc.rpartition("@")[0]}
    if KINDS.get(parts.scheme.lower()) == "webhook":
        found |= {parts.username or "", parts.path.strip("/"), *parts.path.split("/")}
        found |= {value for _, value in parse_qsl(parts.query, keep_blank_values=True)}
    else:
        found |= {value for key, value in parse_qsl(parts.query) if "pass" in key.lower() or key == "key"}
    every = found | {unquote(one) for one in found}
    return tuple(sorted((one for one in every if len(one) > 1), key=len, reverse=True))


def without_secrets(text: str, url: str) -> str:
    """The text with every secret of the URL blanked out, in one line of bounded length."""
    for secret in secrets_of(url):
        text = text.replace(secret, "***")
    return " ".join(text.split())[:_LONGEST_DETAIL]


def _public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


@cache
def _apprise() -> Any:
    """Apprise with its plug-ins loaded; opened late because that takes half a second and some memory."""
    with warnings.catch_warnings():
        # It looks for modules that newer Pythons have dropped.
        warnings.simplefilter("ignore", DeprecationWarning)
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    return apprise


def _service(url: str) -> Any:
    service = _apprise().Apprise.instantiate(url, suppress_exceptions=True)
    if service is None:
        raise NotifyError("the contact's address cannot be read; write it anew", permanent=True)
    return service


def _error(lines: list[str], url: str, host: str) -> NotifyError:
    told = "; ".join(dict.fromkeys(lines))
    http, smtp = _HTTP_ERROR.search(told), _SMTP_ERROR.search(told)
    permanent = False
    if http:
        status = int(http[1])
        permanent = 300 <= status < 500 and status not in _TRY_AGAIN_HTTP
    elif smtp:
        permanent = int(smtp[1]) in _NO_SUCH_MAILBOX
    detail = without_secrets(told, url) or f"{host} did not take it"
    return NotifyError(detail, permanent=permanent)


@cache
def _caught() -> "_Caught":
    return _Caught()


class _Caught(logging.Filter):
    """Keeps apprise's log lines from every handler; hands the telling ones to the thread that is sending."""

    def __init__(self) -> None:
        super().__init__()
        self._here = threading.local()
        logger = logging.getLogger("apprise")
        logger.setLevel(logging.DEBUG)
        logger.addFilter(self)
        # Its debug lines hold the path of the request, which in a webhook is a token.
        logging.getLogger("urllib3").setLevel(logging.INFO)

    @contextmanager
    def listen(self) -> Iterator[list[str]]:
        """The telling lines of this thread while it sends."""
        lines: list[str] = []
        self._here.lines = lines
        try:
            yield lines
        finally:
            self._here.lines = None

    def filter(self, record: logging.LogRecord) -> bool:
        lines: list[str] | None = getattr(self._here, "lines", None)
        text = record.getMessage()
        if lines is not None and text.startswith(_TELLING):
            lines.append(text.strip())
        return False
