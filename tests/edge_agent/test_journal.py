from __future__ import annotations

import json
import logging

import pytest

from edge_agent.journal import Journal, JsonLines


def test_an_event_and_its_facts_become_one_json_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        Journal("edge_agent.test").info("connected", conn=3, gateway="kh-f0123-a")
        Journal("edge_agent.test").debug("not shown")
    (record,) = caplog.records
    assert record.getMessage() == "connected conn=3 gateway=kh-f0123-a"
    line = json.loads(JsonLines("agent").format(record))
    assert (line["event"], line["conn"], line["process"], line["level"]) == ("connected", 3, "agent", "info")


def test_an_exception_brings_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    try:
        int("boom")
    except ValueError:
        Journal("edge_agent.test").exception("failed", sensor="st1")
    line = json.loads(JsonLines("agent").format(caplog.records[0]))
    assert "ValueError" in line["exception"]
