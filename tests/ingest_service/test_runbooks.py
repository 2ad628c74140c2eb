from alert_rules.pack_format import PACKS, load_packs
from ingest_service.web.runbooks import Block, rule_part

BOOK = """# Heat

The number is
WBGT.

## `a`

Above `x`.

1. Open
   louvres.
2. Water.

## `b`

Other.
"""


def test_a_rule_gets_what_its_pack_says_of_all_and_of_itself_alone() -> None:
    assert rule_part(BOOK, "a") == [
        Block(False, ("The number is WBGT.",)),
        Block(False, ("Above x.",)),
        Block(True, ("Open louvres.", "Water.")),
    ]


def test_every_shipped_rule_has_something_to_say_without_markup() -> None:
    for pack in load_packs():
        book = (PACKS / f"{pack.pack}.md").read_text("utf-8")
        for rule in pack.rules:
            texts = [text for block in rule_part(book, rule.id) for text in block.texts]
            assert len(texts) >= 2
            assert not any(text.startswith("#") or "`" in text for text in texts)
