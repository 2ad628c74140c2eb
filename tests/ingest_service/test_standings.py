from ingest_service.queries.standings import above_since


def test_a_case_that_got_worse_tells_since_when_the_worse_limit_was_passed() -> None:
    assert above_since({"opened_at": 1000.0, "event": {"since": 4600.0}}) == 4600.0


def test_a_case_whose_event_does_not_tell_began_when_it_was_opened() -> None:
    assert above_since({"opened_at": 1000.0, "event": {}}) == 1000.0
