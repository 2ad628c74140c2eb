"""The packs of a place as they would be with a draft among them. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from alert_rules.pack_model import FORMAT, Confirmation, ExposureRule, Pack, Rule, Source

_REPLAY = "replay"


def with_drafts(current: Sequence[Pack], drafts: Sequence[Pack], *, at_any_time: bool) -> tuple[Pack, ...]:
    """The packs in force with the drafts in them; a draft takes the place of packs of its name.

    What nobody confirmed in a draft is judged as if it were confirmed, and an optional draft as if it were
    selected: the replay asks what it would say. `at_any_time`: also outside the dates it is written for.
    """
    if at_any_time:
        drafts = [one.model_copy(update={"valid_from": date.min, "valid_to": None}) for one in drafts]
    superseding = {one.pack: one.valid_from for one in drafts}
    kept = [
        pack for pack in current if pack.pack not in superseding or pack.valid_from < superseding[pack.pack]
    ]
    return (*kept, *drafts, _confirming(drafts))


def not_replayed(drafts: Iterable[Pack]) -> Iterator[Rule]:
    """Rules that no stored exposure can answer: silence and the state of devices."""
    for pack in drafts:
        yield from (rule for rule in pack.rules if not isinstance(rule, ExposureRule))


def _confirming(drafts: Sequence[Pack]) -> Pack:
    confirmations = [
        Confirmation(rule=rule.id, by="this replay", on=date.min, reference="as if it were confirmed")
        for pack in drafts
        for rule in pack.rules
    ]
    return Pack(
        format=FORMAT,
        pack=_REPLAY,
        version="1",
        title="What a replay takes as confirmed",
        source=Source(instrument="a replay", clause="none", confidence="verified"),
        valid_from=date.min,
        selects=tuple(pack.pack for pack in drafts),
        confirmations=tuple(confirmations),
    )
