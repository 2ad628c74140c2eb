"""Words by language: fallbacks, plurals, numbers, and catalogues that are really there."""

from pathlib import Path

import pytest

from alert_rules.advice import ADVICE
from alert_rules.pack_format import load_packs
from ingest_service.language import LANGUAGES, LOCALE, CatalogueError, read_catalogue, translator
from ingest_service.locale.__main__ import POT, collect
from osh_domain.limits import LIMIT_NAMES, limit


def test_an_unknown_language_falls_back_to_english() -> None:
    assert translator("tlh")("Sign in") == "Sign in"


def test_a_regional_tag_falls_back_to_its_language() -> None:
    assert translator("fr-CA")("Sign in") == "Se connecter"


def test_a_text_without_translation_is_said_in_english_with_its_values() -> None:
    assert translator("fr")("nobody translated %(this)s", this="text") == "nobody translated text"


def test_numbers_are_written_in_the_signs_of_the_language() -> None:
    assert translator("en").number(1234.56, 1) == "1,234.6"
    assert translator("fr").number(1234.56, 1) == "1\u202f234,6"


def test_a_rounded_zero_has_no_minus() -> None:
    assert translator("en").number(-0.04, 1) == "0.0"


@pytest.mark.parametrize(("number", "text"), [(0, "0 zones"), (1, "1 zone"), (2, "2 zones")])
def test_a_number_chooses_the_form(number: int, text: str) -> None:
    assert translator("en").count("%(n)s zone", "%(n)s zones", number) == text


def test_french_counts_nothing_in_the_singular() -> None:
    assert translator("fr").count("%(n)s zone", "%(n)s zones", 0) == "0 zone"


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_offered_language_translates_texts_that_exist_with_the_same_values(language: str) -> None:
    texts, plurals = read_catalogue(LOCALE / language / "oshwatch.po")
    known, known_plurals = read_catalogue(POT)
    assert set(texts) <= set(known)
    assert set(plurals) <= set(known_plurals)
    for source, translated in texts.items():
        assert translated.count("%(") == source.count("%("), source


def test_the_template_of_catalogues_is_fresh() -> None:
    assert POT.read_text("utf-8") == collect(), "run `python -m ingest_service.locale`"


def test_everything_that_a_notice_says_can_be_translated() -> None:
    known, _ = read_catalogue(POT)
    said = {one.text for one in ADVICE.values()} | {"Too hot", "DANGER", "Please sign that you have seen it."}
    for pack in load_packs():
        said |= {rule.title for rule in pack.rules}
    for name in LIMIT_NAMES:
        said |= {limit(name, metabolic_class=work, acclimatised=True).label for work in range(5)}
    assert said - set(known) == set()


def test_a_broken_catalogue_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "oshwatch.po"
    path.write_text('msgid "a"\nmsgstr "b\n', "utf-8")
    with pytest.raises(CatalogueError, match="line 2"):
        read_catalogue(path)
