from tests.generated import stale


def test_files_made_from_code_are_fresh() -> None:
    assert stale() == []
