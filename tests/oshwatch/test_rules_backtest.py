"""``oshwatch rules backtest`` over a real data directory: what it says, and how it refuses."""

import json
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alert_rules.pack_format import PACKS
from ingest_service.backtesting import minutes_of
from ingest_service.database import migrate, open_database
from ingest_service.register.description import import_description
from ingest_service.register.store import Register
from ingest_service.series.port import ExposureRow
from ingest_service.series.sqlite import open_series
from oshwatch.commands.rules import app

DAY = date(2026, 3, 2)
FIRST, _ = minutes_of("Asia/Phnom_Penh", DAY, DAY)
DAYS = ("--from", "2026-03-02", "--to", "2026-03-03")
SITE = {
    "id": "kh-f1",
    "name": "Factory One",
    "country": "kh",
    "district": "pp",
    "timezone": "Asia/Phnom_Penh",
    "zones": [
        {
            "id": word,
            "name": word.title(),
            "kind": "sewing",
            "metabolic_class": 1,
            "acclimatised": True,
            "clothing_caf": 0.0,
            "women": women,
            "men": 0,
        }
        for word, women in (("hot", 10), ("cool", 0))
    ],
    "shifts": [{"name": "day", "start": "08:00", "end": "10:00", "days": ["mon", "tue", "wed"]}],
    "gateways": [],
    "people": [],
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A factory with a hot and a cool zone, one stored day of each."""
    folder = tmp_path / "data"
    engine = open_database(folder)
    migrate(engine)
    import_description(Register(engine), {"version": 1, "sites": [SITE]}, "test")
    engine.dispose()
    with closing(open_series(folder)) as series:
        for zone, value in (("kh-f1/hot", 30.5), ("kh-f1/cool", 24.0)):
            rows = [
                ExposureRow(
                    zone, "wbgt_eff.twa60", FIRST + n, value, 1.0, 60, 60, 0.0, "measured_globe", 0, "2"
                )
                for n in range(1440)
            ]
            series.write_exposures(rows)
    return folder


def asked(data_dir: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *words, "--data-dir", str(data_dir)])


def draft(tmp_path: Path, text: str, *, title: str = "draft.yaml") -> Path:
    path = tmp_path / title
    path.write_text(text, encoding="utf-8")
    return path


def test_hours_cases_people_and_examples_are_said_per_rule_and_zone(data_dir: Path) -> None:
    result = asked(data_dir, "intl-heat", *DAYS, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    hot = next(zone for zone in told["zones"] if zone["zone"] == "kh-f1/hot")
    rule = next(one for one in hot["rules"] if one["rule"] == "heat-iso7243-reference")
    assert rule["hours"] == {
        "judged": 4.0,
        "above": 2.0,
        "known": 2.0,
        "cannot_tell": 2.0,
        "of_which_without_data": 2.0,
    }
    assert rule["coverage"] == 0.5
    assert rule["worker_hours"] == {"women": 20.0, "men": 0.0}
    assert rule["cases"] == {
        "count": 1,
        "first": "2026-03-02 08:10",
        "longest_minutes": 120,
        "lasting_at_the_end": 0,
    }
    assert rule["examples"][0] == {
        "what": "first case",
        "at": "2026-03-02 08:10",
        "minute": FIRST + 489,
        "value": 30.5,
        "limit": 30.0,
        "coverage": 1.0,
        "method": "measured_globe",
        "grade": "A",
        "revision": 0,
    }
    assert (rule["instrument"], rule["clause"]) == ("ISO 7243:2017", "Annex A, Table A.1")
    assert all(one["now"] == one["draft"] for one in told["difference"])


def test_the_text_fits_a_terminal_and_says_what_it_cannot_tell(data_dir: Path) -> None:
    result = asked(data_dir, "intl-heat", "intl-noise", *DAYS)
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 80
    text = " ".join(result.output.split())
    assert "above for 2.0 h of 2.0 h known (50 % of 4.0 h); 2.0 h cannot tell" in text
    assert "cannot tell: no la.lex8h is stored for this zone" in text
    assert "1 zones without anything above" in text


def test_a_draft_is_compared_with_what_is_in_force(data_dir: Path, tmp_path: Path) -> None:
    text = (PACKS / "intl-heat.yaml").read_text("utf-8").replace('version: "1"', 'version: "draft"')
    stricter = text.replace("limit: {name: iso7243, people: zone}", "limit: 22 Cel")
    path = draft(tmp_path, stricter, title="intl-heat.yaml")
    result = asked(data_dir, str(path), *DAYS, "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    danger = next(one for one in told["difference"] if one["severity"] == "danger")
    assert (danger["now"]["zones"], danger["draft"]["zones"], danger["zones_that_change"]) == (1, 2, 1)
    assert danger["now"]["worker_hours"] == danger["draft"]["worker_hours"] == 20.0
    cool = next(zone for zone in told["zones"] if zone["zone"] == "kh-f1/cool")
    assert cool["rules"][0]["worker_hours"] is None
    told_text = asked(data_dir, str(path), *DAYS).output
    assert "how many people work there is not registered" in " ".join(told_text.split())
    assert "zones 1 -> 2, 1 change" in " ".join(told_text.split())


def test_a_draft_may_replace_a_rule_of_the_installation(data_dir: Path, tmp_path: Path) -> None:
    heat = (PACKS / "intl-heat.yaml").read_text("utf-8")
    own = (
        heat.replace("pack: intl-heat", "pack: own-heat\nlayer: country\ncountry: kh")
        .replace("id: heat-", "id: own-")
        .replace("limit: {name: iso7243, people: zone}", "limit: 29 Cel")
    )
    folder = tmp_path / "packs"
    folder.mkdir()
    draft(folder, own, title="own.yaml")
    text = own.replace("pack: own-heat", "pack: site-heat").replace("layer: country", "layer: site")
    text = text.replace("country: kh", "site: kh-f1").replace("id: own-", "id: site-")
    text = text.replace("29 Cel", "23 Cel\n    replaces: own-iso7243-reference")
    path = draft(tmp_path, text)
    result = asked(data_dir, str(path), *DAYS, "--packs-dir", str(folder), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    cool = next(zone for zone in told["zones"] if zone["zone"] == "kh-f1/cool")
    rule = next(one for one in cool["rules"] if one["rule"] == "site-iso7243-reference")
    assert rule["replaced"][0] == "own-iso7243-reference"
    assert rule["hours"]["above"] == 2.0
    alone = asked(data_dir, str(path), *DAYS)
    assert alone.exit_code == 1
    assert "own-iso7243-reference" in alone.stderr


def test_an_impossible_pack_is_refused_with_all_its_mistakes(data_dir: Path, tmp_path: Path) -> None:
    text = (PACKS / "intl-heat.yaml").read_text("utf-8")
    text = text.replace("coverage: 0.75", "coverage: 75").replace("severity: danger", "severity: bad")
    result = asked(data_dir, str(draft(tmp_path, text)), *DAYS)
    assert result.exit_code == 1
    assert result.stderr.count("coverage") >= 4
    assert result.stderr.count("severity") >= 2
    missing = asked(data_dir, str(tmp_path / "none.yaml"), *DAYS)
    assert missing.exit_code == 1
    assert "cannot be read" in missing.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("intl-heat", "--from", "2026-03-05", "--to", "2026-03-02"), "is after --to"),
        (("intl-heat", "--from", "yesterday", "--to", "2026-03-02"), "write it like 2026-03-01"),
        (("intl-heat", "--from", "0001-01-01", "--to", "2026-03-02"), "check the year"),
        (("intl-heet", *DAYS), "Did you mean intl-heat"),
        (("intl-heat", *DAYS, "--site", "kh-f2"), "Did you mean kh-f1"),
        (("intl-heat", *DAYS, "--zone", "kh-f1/hat"), "Did you mean kh-f1/hot"),
        (("vn-limits", *DAYS), "it is for another place"),
        (("ht-limits", *DAYS), "only gaps of the law"),
        (("intl-heat", "--from", "2199-01-01", "--to", "2199-01-02"), "still to come"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_way_out(
    data_dir: Path, words: tuple[str, ...], said: str
) -> None:
    result = asked(data_dir, *words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert "Traceback" not in result.output


def test_an_empty_store_is_refused(data_dir: Path, tmp_path: Path) -> None:
    with closing(open_series(data_dir)) as series:
        series.wipe()
    result = asked(data_dir, "intl-heat", *DAYS)
    assert result.exit_code == 2
    assert "nothing was measured yet" in result.stderr
    (data_dir / "series.sqlite").unlink()
    assert "there is no series store" in asked(data_dir, "intl-heat", *DAYS).stderr
    nowhere = asked(tmp_path / "nowhere", "intl-heat", *DAYS)
    assert nowhere.exit_code != 0
    assert "no register" in nowhere.stderr
