"""A real Chromium against a real server over the seeded world."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import seed
from tests.browser.seed_world import PASSWORD
from tests.ingest_service.serving import Serving, serving

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

Opener = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here needs Chromium; without one they are skipped by name."""
    chromium = _chromium()
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if chromium is None:
                item.add_marker(pytest.mark.skip(reason="no Chromium: install the package chromium"))


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=_chromium(), args=_FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The seeded data directory, made once; tests that change it take a copy."""
    data_dir = tmp_path_factory.mktemp("seeded") / "data"
    seed.build(data_dir)
    return data_dir


@pytest.fixture(scope="session")
def shown(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that is only looked at."""
    yield from _serve(seeded, tmp_path_factory.mktemp("shown"))


@pytest.fixture
def server(seeded: Path, tmp_path: Path) -> Iterator[Serving]:
    """A server with stores of its own, to be changed."""
    yield from _serve(seeded, tmp_path)


def _serve(seeded: Path, folder: Path) -> Iterator[Serving]:
    data_dir, mail = folder / "data", folder / "mail"
    shutil.copytree(seeded, data_dir)
    mail.mkdir()
    (mail / "0001.eml").write_text(
        "To: dara@example.org\nSubject: DANGER: Too hot, Pressing hall\n"
        "Date: Wed, 22 Apr 2026 10:40:04 +0700\n\n"
        "Average of the last hour 29.7 C; limit 28.0 C.\n",
        "utf-8",
    )
    options = {"clock": seed.clock_setting(), "demo_accounts": True, "mail_viewer_dir": mail}
    with serving(data_dir, **options) as found:
        yield found


@pytest.fixture
def contexts() -> Iterator[list[BrowserContext]]:
    found: list[BrowserContext] = []
    yield found
    for context in found:
        context.close()


@pytest.fixture
def sign_in(browser: Browser, contexts: list[BrowserContext]) -> Opener:
    """`sign_in(server, "dara", size=PHONE, scheme="dark")`: somebody's page, signed in through the form."""

    def open_page(
        server: Serving,
        login: str,
        *,
        size: dict[str, int] | None = None,
        scheme: str = "light",
        scripts: bool = True,
    ) -> Page:
        context = browser.new_context(
            base_url=server.url,
            viewport=size or DESK,  # type: ignore[arg-type]
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts,
            reduced_motion="reduce",
            locale="en-GB",
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/sign-in")
        page.fill("#login", login)
        page.fill("#password", PASSWORD)
        page.click("form.column button")
        page.wait_for_selector(".me")
        return page

    return open_page


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where pictures of the pages are wanted, if they are."""
    folder = os.environ.get("OSHWATCH_TEST_SCREENSHOTS")
    if folder is None:
        return None
    Path(folder).mkdir(parents=True, exist_ok=True)
    return Path(folder)
