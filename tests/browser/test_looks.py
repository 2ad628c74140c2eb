"""How every page looks: at both widths, in light and dark, for eyes and for readers of text."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.conftest import DESK, PHONE, Opener
from tests.browser.places import PAGES
from tests.ingest_service.serving import Serving

SERIOUS = {"serious", "critical"}


def settle(page: Page) -> None:
    """Wait until every chart of the page is drawn."""
    expect(page.locator("figure.chart:not([data-drawn=yes])")).to_have_count(0)


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_and_axe_finds_nothing_serious(
    shown: Serving, sign_in: Opener, size: dict[str, int], scheme: str
) -> None:
    faults: list[str] = []
    open_pages = {login: sign_in(shown, login, size=size, scheme=scheme) for login in ("inspector", "dara")}
    for login, name, path in PAGES:
        page = open_pages[login]
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        settle(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > size["width"]:
            faults.append(f"{name}: {width} px wide")
        for violation in Axe().run(page).response["violations"]:
            if violation["impact"] in SERIOUS:
                where = [node["target"] for node in violation["nodes"]][:3]
                faults.append(f"{name}: {violation['id']}: {violation['help']} {where}")
    assert faults == []


def test_the_sign_in_page_lists_the_demo_accounts_and_has_no_serious_fault(
    shown: Serving, browser: Browser
) -> None:
    context = browser.new_context(base_url=shown.url, viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/sign-in")
    assert page.locator(".accounts li").count() >= 5
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in SERIOUS]
    context.close()
    assert found == []


def test_nothing_is_asked_of_another_site_and_the_browser_refuses_nothing(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "dara")
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    for path in ("/factories/kh-f0123", "/factories/kh-f0123/zones/sewing-3/heat", "/cases/1"):
        page.goto(path)
        settle(page)
    home = urlsplit(shown.url).netloc
    assert [url for url in asked if urlsplit(url).netloc != home and not url.startswith("data:")] == []
    assert said == []


@pytest.mark.parametrize("login", ["inspector", "dara"])
def test_the_first_page_weighs_less_than_150_kb(shown: Serving, sign_in: Opener, login: str) -> None:
    page = sign_in(shown, login, size=PHONE)
    asked: list[Request] = []
    page.on("requestfinished", lambda request: asked.append(request))  # noqa: PLW0108 - no method is known to it
    page.goto("/")
    page.wait_for_load_state("load")
    weights = {request.url: request.sizes()["responseBodySize"] for request in asked}
    assert 0 < sum(weights.values()) < 150_000, weights


@pytest.mark.parametrize("path", ["/overview", "/factories/kh-f0123", "/cases/1"])
def test_pages_are_readable_with_scripts_off(shown: Serving, sign_in: Opener, path: str) -> None:
    page = sign_in(shown, "inspector", scripts=False)
    page.goto(path)
    assert page.locator(".sentence").first.inner_text().strip()
    assert page.locator(".state").first.is_visible()


def test_a_zone_says_without_scripts_what_its_chart_would_show(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "dara", scripts=False)
    page.goto("/factories/kh-f0123/zones/sewing-3/heat")
    assert "28" in page.locator(".big .number").inner_text()
    assert page.locator("#zone-more table tbody tr").count() >= 6


def test_screenshots_of_every_page_are_made_when_asked_for(
    shown: Serving, sign_in: Opener, pictures: Path | None
) -> None:
    if pictures is None:
        pytest.skip("set OSHWATCH_TEST_SCREENSHOTS to a folder")
    for size, word in ((PHONE, "phone"), (DESK, "desk")):
        for scheme in ("light", "dark"):
            for login in ("inspector", "dara"):
                page = sign_in(shown, login, size=size, scheme=scheme)
                for who, name, path in PAGES:
                    if who == login:
                        page.goto(path)
                        settle(page)
                        page.screenshot(path=pictures / f"{name}-{word}-{scheme}.png", full_page=True)
