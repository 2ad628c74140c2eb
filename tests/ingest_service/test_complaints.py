"""What a loop that goes on whatever happens says in the log: a trouble of a store once, a fault in full."""

import logging

import pytest

from ingest_service.ledger.port import LedgerError
from ingest_service.passing import Complaint

LOG = logging.getLogger("test.complaints")


def complain(complaint: Complaint, error: Exception) -> None:
    try:
        raise error
    except type(error) as caught:
        complaint.about(caught)


def test_a_store_that_is_away_is_named_once_and_its_return_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    complaint = Complaint(LOG, "the work")
    for _ in range(3):
        complain(complaint, LedgerError("locked"))
    complaint.over()
    complaint.over()
    assert [record.getMessage() for record in caplog.records] == [
        "the work waits for a store (LedgerError); trying again until it answers",
        "the work goes on",
    ]
    assert not any(record.exc_info for record in caplog.records)


def test_a_fault_of_the_program_is_told_in_full_every_time(caplog: pytest.LogCaptureFixture) -> None:
    complaint = Complaint(LOG, "the work")
    for _ in range(2):
        complain(complaint, ZeroDivisionError("no"))
    assert [bool(record.exc_info) for record in caplog.records] == [True, True]
