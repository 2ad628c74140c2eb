"""The demo's folder and mail: private, claimed by one demo, and everything said in one sentence."""

import json
import subprocess
from email import message_from_bytes
from pathlib import Path

import pytest

from alert_rules.notifier import AppriseNotifier
from firmware_sim.factories import demo_factories
from oshwatch.demo import leftovers
from oshwatch.demo.accounts import SHOWN, accounts, mail_url, people
from oshwatch.demo.broker import free_port
from oshwatch.demo.folder import DemoError, DemoFolder
from oshwatch.demo.mail import MailCatcher


def test_only_one_demo_runs_on_a_folder(tmp_path: Path) -> None:
    first, second = DemoFolder(tmp_path / "demo"), DemoFolder(tmp_path / "demo")
    first.claim()
    with pytest.raises(DemoError, match="another demo is running"):
        second.claim()
    first.release()
    second.claim()
    second.release()


def test_a_folder_that_cannot_be_written_is_told_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="another folder with --data-dir"):
        DemoFolder(tmp_path / "file" / "demo").claim()


def test_a_damaged_state_is_told_with_the_way_out(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(DemoError, match="to begin afresh"):
        folder.state()


def test_passwords_are_made_once_and_for_this_user_alone(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    first = folder.passwords(["a", "b"])
    assert first["a"] != first["b"]
    assert DemoFolder(tmp_path).passwords(["b", "c"])["b"] == first["b"]
    folder.keep_state({"password": "secret"})
    assert folder.broker_passwords.stat().st_mode & 0o077 == 0
    assert (tmp_path / "demo.json").stat().st_mode & 0o077 == 0


def test_every_committee_has_both_sides_and_every_account_an_address() -> None:
    factories = demo_factories()
    found = accounts(factories)
    for factory in factories:
        roles = {account.role for account in found if account.scope.endswith(factory.site)}
        assert roles == {"committee-worker", "committee-management"}
    assert set(SHOWN) <= {account.login for account in found}
    assert all(person["contacts"] for person in people(factories, 2525))


def test_a_notice_becomes_a_file(tmp_path: Path) -> None:
    port = free_port()
    catcher = MailCatcher(tmp_path, port)
    catcher.start()
    try:
        AppriseNotifier().send(
            mail_url("worker@demo.invalid", port), "Too hot: Sewing line 3", "Drink.\nRest."
        )
    finally:
        catcher.stop()
    (path,) = tmp_path.glob("*.eml")
    letter = message_from_bytes(path.read_bytes())
    assert (letter["subject"], letter["to"]) == ("Too hot: Sewing line 3", "worker@demo.invalid")


def test_what_a_killed_demo_left_running_is_ended_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as ours, subprocess.Popen(["sleep", "60"]) as other:
        try:
            path = tmp_path / "processes.json"
            leftovers.remember(path, [ours.pid, other.pid])
            held = json.loads(path.read_text())
            held[str(other.pid)] = "1"  # the number has gone to a process that started at another time
            path.write_text(json.dumps(held))
            assert leftovers.end(path) == 1
            assert ours.wait(5) != 0
            assert other.poll() is None
            assert leftovers.end(path) == 0
        finally:
            ours.kill()
            other.kill()
