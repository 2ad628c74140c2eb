# ruff: noqa: ARG002 - fakes take what their ports give
"""Delivery to a real mail server and a real webhook, and the secrets that must never show."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import pytest
from aiosmtpd.smtp import SMTP

from alert_rules.delivery import GIVE_UP_AFTER_S, PAUSES_S, Delivery, pause_after
from alert_rules.notifier import KINDS, AppriseNotifier, kind_of, secrets_of, without_secrets
from alert_rules.ports import NotifyError, Waiting

SECRET = "tops3cret-Token"


class Mailbox:
    """A mail server that keeps what it takes; `answer` other than 250 refuses."""

    def __init__(self) -> None:
        self.answer = "250 taken"
        self.mails: list[Any] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if self.answer.startswith("250"):
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer

    def __enter__(self) -> Self:
        async def serve() -> asyncio.Server:
            return await self._loop.create_server(lambda: SMTP(self, loop=self._loop), "127.0.0.1", 0)

        self._server = self._loop.run_until_complete(serve())
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(asyncio.sleep(0.05))
        self._loop.close()


class Hook:
    """A web server that keeps what is posted; `status` is what it answers."""

    def __init__(self) -> None:
        self.status, self.posts, self.headers = 200, [], []  # type: ignore[var-annotated]
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((self.path, json.loads(body)))
                self.send_response(hook.status)
                if 300 <= hook.status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as mailbox:
        yield mailbox


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    yield hook
    hook.close()


def mail_url(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=oshwatch@example.org&to=dara@example.org"


def test_a_mail_arrives_with_its_words_and_the_receipt_says_who_took_it(mailbox: Mailbox) -> None:
    receipt = AppriseNotifier().send(
        mail_url(mailbox.port), "Too hot: Sewing line 3", "Since 10:40.\n28 °C & <b>"
    )
    assert receipt == "accepted by 127.0.0.1"
    (mail,) = mailbox.mails
    assert mail["Subject"] == "Too hot: Sewing line 3"
    assert "28 °C & <b>" in mail.get_content()


def test_a_refusing_mail_server_is_told_with_its_own_words_and_may_be_tried_again(mailbox: Mailbox) -> None:
    mailbox.answer = "451 come back later"
    with pytest.raises(NotifyError, match="come back later") as caught:
        AppriseNotifier().send(mail_url(mailbox.port), "s", "b")
    assert not caught.value.permanent


def test_a_mailbox_that_does_not_exist_is_not_tried_again(mailbox: Mailbox) -> None:
    mailbox.answer = "550 no such mailbox"
    with pytest.raises(NotifyError, match="no such mailbox") as caught:
        AppriseNotifier().send(mail_url(mailbox.port), "s", "b")
    assert caught.value.permanent


def test_an_absent_mail_server_may_be_tried_again() -> None:
    with pytest.raises(NotifyError) as caught:
        AppriseNotifier().send("mailto://127.0.0.1:9?from=a@example.org&to=b@example.org", "s", "b")
    assert not caught.value.permanent


def test_what_breaks_while_sending_is_a_failed_try_and_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise ValueError("s3cret")

    monkeypatch.setattr("apprise.plugins.email.NotifyEmail.notify", broken)
    with pytest.raises(NotifyError, match="ValueError") as failed:
        AppriseNotifier().send(mail_url(25), "subject", "body")
    assert not failed.value.permanent
    assert "s3cret" not in str(failed.value)


def test_a_webhook_takes_the_words(hook: Hook) -> None:
    notifier = AppriseNotifier(["127.0.0.1"])
    notifier.send(f"json://127.0.0.1:{hook.port}/path", "Too hot", "body")
    ((path, post),) = hook.posts
    assert (path, post["title"], post["message"]) == ("/path", "Too hot", "body")


@pytest.mark.parametrize(("status", "permanent"), [(500, False), (429, False), (404, True), (302, True)])
def test_what_a_webhook_answers_decides_whether_to_try_again(
    hook: Hook, status: int, permanent: bool
) -> None:
    hook.status = status
    with pytest.raises(NotifyError, match=str(status)) as caught:
        AppriseNotifier([f"127.0.0.1:{hook.port}"]).send(f"json://127.0.0.1:{hook.port}/", "s", "b")
    assert caught.value.permanent is permanent
    assert len(hook.posts) == 1  # a redirect is not followed


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]", "0.0.0.1", "192.168.1.1"]
)
def test_webhooks_do_not_reach_inside_the_network_unless_allowed(host: str) -> None:
    with pytest.raises(NotifyError, match="webhook_allow") as caught:
        AppriseNotifier().send(f"json://{host}:8080/x", "s", "b")
    assert caught.value.permanent


def test_other_kinds_of_contact_are_refused() -> None:
    assert kind_of("file:///etc/passwd") == ""
    with pytest.raises(NotifyError, match="this kind of contact is not sent"):
        AppriseNotifier().send("dbus://", "s", "b")
    with pytest.raises(NotifyError, match="cannot be read"):
        AppriseNotifier().send("mailto://", "s", "b")


URLS = {
    "mailto": "mailto://user:{s}@127.0.0.1:9?from=a@example.org&to=b@example.org",
    "mailtos": "mailtos://user:{s}@127.0.0.1:9?from=a@example.org&to=b@example.org",
    "json": "json://user:{s}@127.0.0.1:9/{s}/hook?+Authorization=Bearer-{s}&key={s}",
    "jsons": "jsons://127.0.0.1:9/{s}?-token={s}",
}


@pytest.mark.parametrize("scheme", sorted(KINDS))
def test_no_secret_shows_in_an_error_or_a_log(scheme: str, caplog: pytest.LogCaptureFixture) -> None:
    url = URLS[scheme].format(s=SECRET)
    with caplog.at_level(logging.DEBUG), pytest.raises(NotifyError) as caught:
        AppriseNotifier(["127.0.0.1"]).send(url, "s", "b")
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value)
    assert SECRET not in caplog.text
    assert any(SECRET in one for one in secrets_of(url))
    assert SECRET not in without_secrets(f"cannot reach {url} with {SECRET}", url)


class FakeOutbox:
    """Keeps notices in memory and what was called, in order."""

    def __init__(self, url: str | None) -> None:
        self.url, self.calls, self.tries, self.due_at = url, [], 0, 0.0  # type: ignore[var-annotated]
        self.state = "waiting"

    def due(self, now: float, limit: int) -> list[Waiting]:
        if self.state != "waiting" or self.due_at > now or not limit:
            return []
        return [Waiting(1, self.url, "s", "b", self.tries, 0.0)]

    def begin(self, notice: int, now: float) -> int:
        self.tries += 1
        self.calls.append(("sending", now))
        return notice

    def delivered(self, attempt: int, now: float, detail: str) -> None:
        self.state = "sent"
        self.calls.append(("delivered", detail))

    def failed(self, attempt: int, now: float, detail: str, *, again_at: float | None, second: bool) -> None:
        self.calls.append(("failed", detail))
        self.second = second
        if again_at is None:
            self.state = "given_up"
        else:
            self.due_at = again_at

    def interrupted(self, now: float) -> int:
        return 0


class Stubborn:
    """Fails so many times, then takes it."""

    def __init__(self, failures: float, *, permanent: bool = False) -> None:
        self.failures, self.permanent = failures, permanent

    def send(self, url: str, subject: str, body: str) -> str:
        if self.failures > 0:
            self.failures -= 1
            raise NotifyError("not now", permanent=self.permanent)
        return "taken"


def play(outbox: FakeOutbox, notifier: Stubborn, hours: float) -> None:
    t = [0.0]
    delivery = Delivery(outbox, notifier, lambda: t[0])
    while t[0] <= hours * 3600.0 and outbox.state == "waiting":
        delivery.pass_once()
        t[0] += 10.0


def test_a_server_that_refuses_for_six_hours_gets_it_once_afterwards() -> None:
    outbox = FakeOutbox("mailto://x")
    play(outbox, Stubborn(failures=12), hours=10)
    assert outbox.state == "sent"
    assert [kind for kind, _ in outbox.calls].count("delivered") == 1
    assert outbox.calls[-2][1] > 6 * 3600.0  # the last try


def test_pauses_grow_and_it_is_given_up_after_two_days_not_before() -> None:
    assert [pause_after(n) for n in range(1, 9)] == list(PAUSES_S)
    assert pause_after(100) == PAUSES_S[-1]
    outbox = FakeOutbox("mailto://x")
    play(outbox, Stubborn(failures=1e9), hours=60)
    assert outbox.state == "given_up"
    last_try = [now for kind, now in outbox.calls if kind == "sending"][-1]
    assert GIVE_UP_AFTER_S - 3700.0 < last_try <= GIVE_UP_AFTER_S


def test_the_attempt_is_written_down_before_it_is_made() -> None:
    outbox = FakeOutbox("mailto://x")

    class Looking:
        def send(self, url: str, subject: str, body: str) -> str:
            assert outbox.calls == [("sending", 5.0)]
            return "taken"

    Delivery(outbox, Looking(), lambda: 5.0).pass_once()
    assert outbox.state == "sent"


def test_without_a_contact_it_is_given_up_and_said_so() -> None:
    outbox = FakeOutbox(None)
    play(outbox, Stubborn(0), hours=1)
    assert outbox.state == "given_up"
    assert outbox.calls[-1] == ("failed", "no way to reach this person is registered")


def test_a_permanent_error_goes_to_the_second_channel_at_once() -> None:
    outbox = FakeOutbox("mailto://x")
    play(outbox, Stubborn(1, permanent=True), hours=1)
    assert (outbox.state, outbox.second) == ("given_up", True)
