"""The words that go with the signed line of a day to both sides of a committee: short, the same for both."""

from __future__ import annotations

from alert_rules.messages import Words
from alert_rules.ports import Translate


def day_line_words(day: str, batches: int, line: str, link: str, translate: Translate) -> Words:
    """Render it. `batches`: how many ledger rows the line speaks for; `link`: the public page."""
    _ = translate
    subject = _("Keep this: what was measured until %(day)s", day=day)
    what = _(
        "The line below stands for all %(count)s batches of measurements that the server took in until the "
        "end of %(day)s (UTC). Keep this mail: if anybody changes or removes one of them later, the line "
        "does not fit any more.",
        count=translate.number(batches),
        day=day,
    )
    how = _(
        "To check: the other side of your committee was sent the same line, and it is published at %(link)s. "
        "A bundle of your factory, checked with `oshwatch verify`, names the line that it belongs to.",
        link=link,
    )
    nothing = _("Nothing is to be done. Whoever runs the server can switch this mail off.")
    return Words(subject, f"{what}\n\n{line}\n\n{how}\n\n{nothing}")
