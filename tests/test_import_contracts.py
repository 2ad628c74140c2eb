from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports


def test_data_goes_right_and_imports_go_down() -> None:
    assert lint_imports(cache_dir=None) == EXIT_STATUS_SUCCESS
