"""What is ahead, what is behind a number, and the rules with their gaps, as a reader finds them."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Opener
from tests.ingest_service.serving import Serving


def test_a_card_names_the_time_of_a_limit_with_its_span_and_its_zone_says_how_it_was_projected(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "inspector", size=PHONE)
    page.goto("/factories/jo-f0211")
    expect(page.locator(".card").first).to_contain_text("Heat: limit of 30.0 °C at about 12:")
    page.goto("/factories/jo-f0211/zones/knitting/heat")
    ahead = page.locator(".outlook").first
    expect(ahead).to_contain_text("Nothing is triggered by a projection.")
    ahead.get_by_text("How this is projected").click()
    expect(ahead).to_contain_text("Past error, on")


def test_where_clothing_is_not_registered_nothing_is_projected_or_advised(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "inspector")
    page.goto("/factories/jo-f0211/zones/store/heat")
    expect(page.locator(".outlook").first).to_contain_text("so nothing is projected")
    expect(page.locator(".outlook").nth(1)).to_contain_text("so nothing is advised")
    expect(page.locator("#zone-head")).to_contain_text("Cannot tell")


def test_a_case_of_heat_advises_work_and_rest_for_people_new_to_heat_first(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "dara")
    page.goto("/cases/1")
    advice = page.locator("#case-outlook .outlook").first
    expect(advice.locator("p").first).to_contain_text("People new to heat")
    expect(advice).to_contain_text("min of rest in each hour")


def test_a_revised_number_says_what_it_was_and_why(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "dara")
    page.goto("/factories/kh-f0123/zones/sewing-3/heat")
    behind = page.locator("#zone-head details.behind").first
    expect(behind).to_contain_text("revised once")
    behind.locator("summary").click()
    expect(behind).to_contain_text("data came late")


def test_gaps_in_law_are_hatched_and_no_pass(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "inspector", size=PHONE)
    page.get_by_role("link", name="Rules").click()
    page.select_option("#f-place", "kh")
    gap = page.locator(".law-gap.hatched").first
    expect(gap).to_contain_text("A gap is no pass")
    page.locator("#heat-judged a").first.click()
    expect(page.locator("h1")).to_contain_text("Rule")
