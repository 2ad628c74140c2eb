"""What people do with the pages: watch a value move, sign a case, write down an action, look for a notice."""

from __future__ import annotations

import re
from contextlib import closing

import httpx
from playwright.sync_api import Page, expect

from ingest_service.ledger.sqlite import open_ledger
from tests.browser import seed
from tests.browser.conftest import PHONE, Opener
from tests.browser.seed_world import PASSWORD
from tests.ingest_service.serving import Serving

ZONE = "kh-f0123/sewing-3"
ZONE_PAGE = "/factories/kh-f0123/zones/sewing-3/heat"


def chart_points(page: Page) -> int:
    chart = page.locator("figure.chart[data-drawn=yes][data-points]")
    expect(chart).to_have_count(1)
    return int(chart.get_attribute("data-points") or 0)


def test_an_inspector_begins_at_the_overview_and_finds_the_worst_factory_first(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "inspector")
    expect(page).to_have_url(re.compile("/overview$"))
    expect(page.locator(".sentence")).to_contain_text("2 of 4 factories went over a heat limit")
    first = page.locator("#overview-body .lead").first
    expect(first).to_contain_text("Factory 0123")
    expect(first).to_contain_text("Danger")
    expect(page.locator(".map a")).to_have_count(4)
    first.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Factory 0123")
    expect(page.locator("#factory-zones .card").first).to_contain_text("Pressing hall")


def test_the_filters_of_the_overview_choose_factories(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "inspector")
    page.select_option("#f-country", "jo")
    expect(page.locator(".sentence")).to_contain_text("0 of 1 factory")
    expect(page.locator("table.sortable tbody tr")).to_have_count(1)


def test_an_authority_s_look_is_shown_to_the_factory(server: Serving, sign_in: Opener) -> None:
    committee = sign_in(server, "dara")
    expect(committee.locator("#factory-log")).not_to_contain_text("Maly Inspector")
    sign_in(server, "inspector").goto("/factories/kh-f0123")
    expect(committee.locator("#factory-log")).to_contain_text("Maly Inspector")


def test_a_zone_draws_its_chart_with_limits_and_gaps(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "dara")
    page.goto(ZONE_PAGE)
    assert chart_points(page) > 2000
    chart = page.evaluate("document.querySelector('figure.chart').chart")
    assert {band["kind"] for band in chart["bands"]} == {"shift", "break", "gap", "suspect", "failed"}
    gap = next(band for band in chart["bands"] if band["kind"] == "gap")
    inside = [
        value
        for line in chart["lines"]
        for t, value in zip(chart["times"], line["values"], strict=True)
        if gap["start"] < t <= gap["end"]
    ]
    assert inside
    assert all(value is None for value in inside)
    assert "ISO 7243:2017" in {limit["instrument"] for limit in chart["limits"]}


def test_a_past_day_can_be_looked_at_and_nothing_in_it_is_live_or_stale(
    shown: Serving, sign_in: Opener
) -> None:
    page = sign_in(shown, "dara")
    page.goto(ZONE_PAGE)
    page.fill("#until", "2026-04-20")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".sentence")).to_contain_text("Until the end of Mon 20 Apr")
    assert chart_points(page) > 1000
    chart = page.evaluate("document.querySelector('figure.chart').chart")
    assert chart["end"] == 1776704400.0  # midnight in Phnom Penh
    assert max(chart["times"]) <= chart["end"]
    assert page.locator("body[sse-connect]").count() == 0
    assert page.locator(".is-stale").count() == 0
    expect(page.locator("#zone-more tbody th").first).to_contain_text("Mon 20 Apr")
    page.get_by_role("link", name="week").click()
    expect(page).to_have_url(re.compile("range=week&until=2026-04-20"))
    page.get_by_role("link", name="Noise").click()
    expect(page).to_have_url(re.compile("/noise.*until=2026-04-20"))
    expect(page.locator(".sentence")).to_contain_text("Until the end of Mon 20 Apr")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator(".sentence")).not_to_contain_text("Until the end of")


def test_what_is_no_day_is_refused_and_the_future_is_the_present(shown: Serving) -> None:
    client = shown.client("dara")
    wrong = client.get(ZONE_PAGE, params={"until": "yesterday"})
    assert wrong.status_code == 422
    assert "write it like 2026-04-20" in wrong.text
    assert client.get(ZONE_PAGE, params={"until": ""}).status_code == 200
    chart = ZONE_PAGE.replace("/heat", "/wbgt/chart.json")
    assert client.get(chart, params={"until": "9999-12-31"}).json()["end"] > seed.NOW - 1.0
    facts = client.get("/api/v1/sites/kh-f0123/zones/sewing-3", params={"until": "2026-04-20"}).json()
    assert facts["past"]["day"] == "2026-04-20"
    table = client.get(f"{ZONE_PAGE}/shifts.csv", params={"until": "2026-04-20"}).text
    assert table.splitlines()[1].startswith("day,2026-04-20T00:00:00Z")


def test_a_new_value_appears_by_itself(server: Serving, sign_in: Opener) -> None:
    page = sign_in(server, "dara", size=PHONE)
    page.goto(ZONE_PAGE)
    points = chart_points(page)
    number = page.locator("#zone-head .big .number")
    expect(number).not_to_have_text("31.9")
    old = seed.latest(server.data_dir, ZONE, "wbgt.minute")
    seed.write_exposure(server.data_dir, old._replace(minute=old.minute + 1, value=31.94))
    expect(number).to_have_text("31.9")
    expect(page.locator("figure.chart")).to_have_attribute("data-points", str(points + 1))


def test_the_age_of_a_value_ticks_without_the_server(server: Serving, sign_in: Opener) -> None:
    page = sign_in(server, "dara")
    page.goto(ZONE_PAGE)
    age = page.locator("#zone-head .big .age")
    before = age.inner_text()
    expect(age).not_to_have_text(before)


def test_an_old_value_is_drawn_as_stale(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "inspector")

    def line_through(path: str) -> str:
        page.goto(path)
        value = page.locator(".headline .value .number").first
        return str(value.evaluate("(one) => getComputedStyle(one).textDecorationLine"))

    assert line_through("/factories/kh-f0007/zones/sewing-1/heat") == "line-through"
    expect(page.locator(".sentence")).to_contain_text("Nothing has been heard from Sewing line 1 since")
    expect(page.locator(".banner .state")).to_have_text("Silent")


def test_both_sides_sign_a_case_and_see_each_other_do_it(server: Serving, sign_in: Opener) -> None:
    worker, management = sign_in(server, "dara", size=PHONE), sign_in(server, "vanna")
    for page in (worker, management):
        page.goto("/cases/1")
        expect(page.locator("#case-seen")).to_contain_text("not seen yet")
    worker.get_by_role("button", name="I have seen this").click()
    expect(worker.locator("#case-seen")).to_contain_text("seen by Sok Dara")
    expect(management.locator("#case-seen")).to_contain_text("seen by Sok Dara")
    management.get_by_role("button", name="I have seen this").click()
    expect(worker.locator("#case-seen")).to_contain_text("seen by Chan Vanna")
    expect(worker.locator("#case-history")).to_contain_text("Both sides have seen it.")


def test_an_action_is_written_down_and_seen_by_the_other_side(server: Serving, sign_in: Opener) -> None:
    worker, management = sign_in(server, "dara", size=PHONE), sign_in(server, "vanna")
    management.goto("/cases/1")
    worker.goto("/cases/1")
    worker.get_by_text("Add an action").click()
    worker.fill("#text", "Two extra fans on the pressing line")
    worker.fill("#due", "2026-04-23T09:00")
    worker.get_by_role("button", name="Add the action").click()
    for page in (worker, management):
        expect(page.locator("#case-actions")).to_contain_text("Two extra fans on the pressing line")
        expect(page.locator("#case-actions")).to_contain_text("due Thu 23 Apr 09:00")


def test_what_was_typed_comes_back_with_a_mistake(server: Serving) -> None:
    client = server.client("dara")
    sent = {"text": "Fans <b>now</b>", "due": "tomorrow", "csrf": client.headers["X-CSRF-Token"]}
    answer = client.post("/cases/1/actions", data=sent)
    assert answer.status_code == 422
    assert "Fans &lt;b&gt;now&lt;/b&gt;" in answer.text
    assert 'value="tomorrow"' in answer.text
    assert "Write date and time like" in answer.text


def test_a_case_is_closed_when_both_sides_agree(server: Serving, sign_in: Opener) -> None:
    worker, management = sign_in(server, "dara"), sign_in(server, "vanna")
    for page in (worker, management):
        page.goto("/cases/3")
        page.get_by_text("Agree that this case can be closed").click()
        page.get_by_role("button", name="I agree to close").click()
    expect(management.locator("#case-head .banner")).to_contain_text("closed")
    expect(worker.locator("#case-head .banner")).to_contain_text("closed")


def test_every_notice_is_shown_with_every_attempt(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "dara")
    page.goto("/cases/1")
    told = page.locator("#case-told")
    expect(told).to_contain_text("Sok Dara")
    expect(told).to_contain_text("Chan Vanna")
    assert told.locator(".attempts li").count() >= 2
    told.locator("summary").first.click()
    expect(told.locator(".letter").first).to_contain_text("Pressing hall")


def test_a_foreign_factory_is_not_there(shown: Serving, sign_in: Opener) -> None:
    page = sign_in(shown, "lina")
    for path in (
        "/factories/kh-f0123",
        "/factories/kh-f0123/zones/sewing-3/heat",
        "/factories/kh-f0123/zones/sewing-3/wbgt/chart.json",
        "/cases/1",
        "/fleet/kh-f0123-a",
        "/quarantine/1",
        "/live/factory?site=kh-f0123",
        "/live/case?case=1",
    ):
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 404, path
    expect(page.locator("body")).not_to_contain_text("Pressing")


def test_a_form_without_its_word_changes_nothing(server: Serving) -> None:
    client = server.client("dara")
    del client.headers["X-CSRF-Token"]
    answer = client.post("/cases/1/acknowledge", headers={"accept": "text/html"})
    assert answer.status_code == 403
    assert "not seen yet" in client.get("/cases/1").text


def test_signing_in_goes_only_to_this_site(shown: Serving) -> None:
    with httpx.Client(base_url=shown.url) as client:
        sent = {"login": "dara", "password": PASSWORD, "next": "//evil.example/"}
        answer = client.post("/sign-in", data=sent)
    assert answer.headers["location"] == "/"


def test_an_engineer_notes_and_tries_to_take_in_what_was_refused(server: Serving, sign_in: Opener) -> None:
    page = sign_in(server, "engineer")
    page.goto("/quarantine")
    page.locator("tbody th a").first.click()
    expect(page.locator("pre").last).to_contain_text("000000  7b 22 76 22")
    page.fill("#text", "Power cut while sending")
    page.get_by_role("button", name="Keep the note").click()
    expect(page.locator("main")).to_contain_text("Power cut while sending")
    page.get_by_role("button", name="Try to take it in").click()
    expect(page.locator("[role=status].panel")).to_contain_text("Refused again")
    with closing(open_ledger(server.data_dir, read_only=True)) as ledger:
        actions = [event.action for event in ledger.quarantine_events(1)]
    assert actions == ["note", "refused again"]


def test_the_language_can_be_chosen(server: Serving, sign_in: Opener) -> None:
    page = sign_in(server, "dara")
    page.goto("/account")
    page.select_option("#language", "fr")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.locator("nav")).to_contain_text("Usine")


def test_a_lost_link_is_said(server: Serving, sign_in: Opener) -> None:
    page = sign_in(server, "dara")
    expect(page.locator(".link-lost")).to_be_hidden()
    expect(page.locator("body.is-live")).to_have_count(1)
    server.stop.set()
    expect(page.locator(".link-lost")).to_be_visible()
