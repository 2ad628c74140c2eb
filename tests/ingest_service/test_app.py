import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from ingest_service import app, heartbeat, metrics
from ingest_service.auth.access import Action
from ingest_service.auth.tokens import Tokens
from ingest_service.register.store import Register
from ingest_service.settings import Settings
from tests.ingest_service.serving import Serving, serving
from tests.servers import free_port, wait_for

SCOPE = "kh/phnom-penh/kh-f0123"
JSON, PLAIN = {"content-type": "application/json"}, {"content-type": "text/plain"}


@pytest.fixture
def server(register: Register, tmp_path: Path) -> Iterator[Serving]:  # noqa: ARG001 - it makes the data
    with serving(tmp_path / "data") as running:
        yield running


def error_of(answer: httpx.Response) -> dict[str, str | None]:
    """The facts of an error answer, whose shape is checked on the way."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "where", "way_out"]
    assert body["error"]["code"]
    assert body["error"]["message"]
    assert body["error"]["way_out"]
    facts: dict[str, str | None] = body["error"]
    return facts


def test_it_says_that_the_process_lives(server: Serving) -> None:
    answer = server.client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"alive": True})


def test_it_names_what_is_not_ready(server: Serving) -> None:
    client = server.client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["not_ready"] == ["intake", "projector", "alerts"]
    for runner in ("intake", "projector", "alerts"):
        heartbeat.beat(server.data_dir, runner)
    assert client.get("/readyz").status_code == 200
    old = {"at": time.time() - 60, "pid": 1, "facts": {}}
    (server.data_dir / "run" / "intake.json").write_text(json.dumps(old))
    (server.data_dir / "run" / "alerts.json").write_text("torn {")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["not_ready"]) == (503, ["intake", "alerts"])
    assert "60 s ago" in answer.text


def test_it_names_the_store_that_cannot_be_read(server: Serving) -> None:
    with sa.create_engine(f"sqlite:///{server.data_dir / 'register.sqlite'}").begin() as connection:
        connection.execute(sa.text("ALTER TABLE register_version RENAME TO gone"))
    assert "register" in server.client().get("/readyz").json()["not_ready"]


def test_it_counts_its_answers_by_route_and_not_by_address(server: Serving) -> None:
    client = server.client("dara")
    client.get("/api/v1/sites/kh-f0123")
    client.get("/api/v1/sites/no-such-site")
    client.get("/no/such/page")
    text = client.get("/metrics").text
    assert 'route="/api/v1/sites/{site}",status="200"' in text
    assert 'route="/api/v1/sites/{site}",status="404"' in text
    assert "no-such-site" not in text
    assert "no/such" not in text


def test_it_adds_up_the_metrics_of_all_runners(tmp_path: Path) -> None:
    program = "from ingest_service import metrics; metrics.READINGS.inc(3); metrics.CASES_OPEN.set(2)"
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
    show = "from ingest_service import metrics; print(metrics.exposition().decode())"
    command = [sys.executable, "-c", show]
    shown = subprocess.run(command, env=environment, check=True, timeout=60, capture_output=True, text=True)
    assert "oshwatch_readings_total 6.0" in shown.stdout
    assert b"oshwatch_readings_total" in metrics.exposition()


def test_every_answer_carries_the_security_headers(server: Serving) -> None:
    client = server.client("dara")
    for path in ("/healthz", "/api/v1/me", "/no/such/page", "/metrics"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "script-src 'self';" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers
        assert "strict-transport-security" not in headers


def test_every_way_to_fail_has_one_shape(
    server: Serving, register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    dara, admin = server.client("dara"), _administrator(server, register)
    nobody = server.client()
    made = {"label": "x", "login": "dara", "actions": ["read_site"], "scope": SCOPE}
    cases = [
        (401, "not_signed_in", nobody.get("/api/v1/me")),
        (401, "not_signed_in", nobody.get("/api/v1/sites/kh-f0123")),
        (403, "not_allowed", dara.get("/api/v1/tokens")),
        (404, "not_found", dara.get("/api/v1/sites/kh-f0007")),
        (404, "not_found", dara.get("/api/v1/cases/1")),
        (404, "not_found", dara.get("/api/v1/no/such/thing")),
        (405, "method_not_allowed", dara.put("/api/v1/me")),
        (422, "invalid", dara.get("/api/v1/cases/x")),
        (422, "invalid", admin.post("/api/v1/tokens", json=made | {"extra": 1})),
        (422, "invalid", admin.post("/api/v1/tokens", json=made | {"actions": ["fly"]})),
        (
            422,
            "invalid",
            admin.post("/api/v1/tokens", content="{", headers={"content-type": "application/json"}),
        ),
        (
            415,
            "media_type",
            admin.post("/api/v1/uploads", content=b"x", headers={"content-type": "text/plain"}),
        ),
        (413, "too_large", admin.post("/api/v1/uploads", content=b"x" * 1_048_577)),
    ]
    for status, code, answer in cases:
        assert (answer.status_code, error_of(answer)["code"]) == (status, code)
    dara.headers.pop("x-csrf-token")
    answer = dara.post("/api/v1/cases/1/acknowledge")
    assert (answer.status_code, error_of(answer)["code"]) == (403, "csrf")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("ingest_service.queries.fleet.fleet", broken)
    answer = admin.get("/api/v1/fleet")
    assert (answer.status_code, error_of(answer)["code"]) == (500, "unexpected")
    assert "secret" not in answer.text


def test_a_store_that_does_not_answer_is_a_passing_trouble(
    server: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = server.client("dara")

    def locked(*_: object) -> None:
        raise sa.exc.OperationalError("SELECT", {}, Exception("database is locked"))

    monkeypatch.setattr("ingest_service.queries.fleet.fleet", locked)
    answer = client.get("/api/v1/fleet")
    assert (answer.status_code, error_of(answer)["code"]) == (503, "store")
    assert answer.headers["retry-after"] == "5"


def test_an_invalid_request_is_not_repeated_in_the_answer(server: Serving, register: Register) -> None:
    answer = _administrator(server, register).post("/api/v1/tokens", json={"label": ["hunter2"]})
    assert answer.status_code == 422
    assert "hunter2" not in answer.text


def test_a_token_works_without_csrf_and_does_only_what_it_was_made_for(
    server: Serving, register: Register
) -> None:
    rith = register.snapshot().people_by_login["rith"]
    made = Tokens(register).create("press", rith.id, [Action.READ_FLEET], SCOPE, "test")
    client = server.client(token=made.secret)
    me = client.get("/api/v1/me").json()
    assert (me["login"], me["scope"], me["actions"]) == ("rith", SCOPE, ["read_fleet"])
    assert client.get("/api/v1/fleet").status_code == 200
    assert client.get("/api/v1/sites/kh-f0123").status_code == 403
    assert client.post("/api/v1/uploads?gateway=kh-f0123-x", content=b"[]").status_code == 403
    for wrong in ("osh_wrong", "wrong", made.secret + "x"):
        assert server.client(token=wrong).get("/api/v1/me").status_code == 401


def test_an_administrator_makes_lists_and_ends_tokens(server: Serving, register: Register) -> None:
    admin = _administrator(server, register)
    wanted = {"label": "press", "login": "dara", "actions": ["read_site"], "scope": SCOPE, "days": 1}
    answer = admin.post("/api/v1/tokens", json=wanted)
    assert answer.status_code == 201
    secret, number = answer.json()["secret"], answer.json()["id"]
    assert server.client(token=secret).get("/api/v1/sites/kh-f0123").status_code == 200
    assert secret not in admin.get("/api/v1/tokens").text
    assert [token["login"] for token in admin.get("/api/v1/tokens").json()] == ["dara"]
    assert admin.delete(f"/api/v1/tokens/{number}").status_code == 204
    assert server.client(token=secret).get("/api/v1/me").status_code == 401
    assert admin.delete("/api/v1/tokens/99").status_code == 404
    for wrong in ({"login": "nobody"}, {"scope": "vn"}, {"scope": ""}, {"actions": ["administer"]}):
        assert admin.post("/api/v1/tokens", json=wanted | wrong).status_code == 422


def test_a_look_of_the_authority_is_shown_to_the_factory(server: Serving) -> None:
    bopha, dara = server.client("bopha"), server.client("dara")
    for _ in range(3):
        assert bopha.get("/api/v1/sites/kh-f0123").status_code == 200
    dara.get("/api/v1/sites/kh-f0123")
    rows = dara.get("/api/v1/sites/kh-f0123/audit").json()
    assert [(row["who"], row["action"]) for row in rows[:1]] == [("bopha", "site read")]
    assert [row["who"] for row in rows if row["action"] == "site read"] == ["bopha"]
    assert server.client("rith").get("/api/v1/sites/kh-f0123/audit").json() == []  # did nothing yet


def test_the_openapi_document_is_whole_and_versioned(server: Serving) -> None:
    document = server.client().get("/api/v1/openapi.json").json()
    assert document["info"]["version"]
    paths = document["paths"]
    assert all(path.startswith("/api/v1/") or path in {"/healthz", "/readyz", "/metrics"} for path in paths)
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            if path.startswith("/api/") and method == "get" and not path.endswith("/payload"):
                success = next(
                    operation["responses"][code] for code in ("200", "201") if code in operation["responses"]
                )
                assert success["content"]["application/json"]["schema"], (method, path)


def test_it_shuts_down_quickly_with_an_open_event_stream(register: Register, tmp_path: Path) -> None:
    assert register
    with serving(tmp_path / "data") as server:
        client = server.client("dara")
        opened = threading.Event()
        kinds: list[str] = []

        def listen() -> None:
            with suppress(httpx.HTTPError), client.stream("GET", "/live/factory?site=kh-f0123") as answer:
                kinds.append(answer.headers["content-type"])
                opened.set()
                for _ in answer.iter_raw():
                    pass
            opened.set()

        listener = threading.Thread(target=listen)
        listener.start()
        assert opened.wait(10)
        assert kinds == ["text/event-stream; charset=utf-8"]
        begun = time.monotonic()
        server.stop.set()
        server.thread.join(10)
        assert not server.thread.is_alive()
        assert time.monotonic() - begun < 3
        listener.join(10)


def test_a_port_that_is_taken_gives_one_clear_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings(data_dir=tmp_path, http_port=port)
        with pytest.raises(SystemExit, match=rf"127.0.0.1:{port} cannot be served .* OSHWATCH_HTTP_PORT"):
            app.run(settings, threading.Event())


def test_the_process_ends_on_sigterm(register: Register, tmp_path: Path) -> None:
    assert register
    port = free_port()
    environment = {**os.environ, "OSHWATCH_DATA_DIR": str(tmp_path / "data"), "OSHWATCH_HTTP_PORT": str(port)}
    command = [sys.executable, "-m", "oshwatch.main", "run", "web"]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: "web" in heartbeat.read_all(tmp_path / "data"), within_s=30, what="the web process")
        wait_for(lambda: _answers(port), within_s=10, what="an answer")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    except httpx.HTTPError:
        return False


def _administrator(server: Serving, register: Register) -> httpx.Client:
    from ingest_service.register.entries import Role

    with register.change("test") as change:
        change.put_person("root", "Root", Role.ADMINISTRATOR, "")
    wait_for(
        lambda: server.client("root").get("/api/v1/me").status_code == 200, within_s=3, what="the new person"
    )
    return server.client("root")
