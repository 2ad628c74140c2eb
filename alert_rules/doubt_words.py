"""One reason not to believe a sensor, or to look after a gateway, as a sentence."""

from collections.abc import Mapping
from typing import Any, Final

from alert_rules.advice import N_
from alert_rules.ports import Translate
from osh_domain.readings import SYSTEM_SENSOR

_OF_GATEWAYS: Final = {
    "backlog": N_("%(gateway)s: its oldest reading has been waiting for %(said)s h to be delivered."),
    "disk": N_("%(gateway)s: %(said)s %% of its disk is used; it stops measuring when it is full."),
    "lost": N_("%(gateway)s says that readings are missing: %(said)s"),
    "refused": N_("%(gateway)s: %(said)s batches of the last day were refused and lie in quarantine."),
    "chain": N_("%(gateway)s: a batch does not follow from the one before it; something is missing between."),
    "clone": N_("%(gateway)s: two machines seem to use its name (%(said)s)."),
}


def shown_sensor(name: str) -> str:
    """`GATEWAY/SENSOR`; what is said of a gateway itself has its name alone."""
    return name.removesuffix(f"/{SYSTEM_SENSOR}")


def doubt_line(doubt: Mapping[str, Any], translate: Translate) -> str:
    """One reason not to believe a sensor, with what it is based on."""
    _ = translate
    sensor = "/".join(str(doubt[key]) for key in ("sensor", "quantity") if doubt.get(key))
    text = _OF_GATEWAYS.get(str(doubt.get("what")))
    if text is not None:
        return _(text, gateway=doubt.get("gateway", ""), said=doubt.get("said", ""))
    if doubt.get("due"):
        return _("%(sensor)s: its calibration was due on %(day)s.", sensor=sensor, day=doubt["due"])
    if doubt.get("behind_min"):
        return _clock_line(str(doubt["gateway"]), int(doubt["behind_min"]), translate)
    reported, other = doubt.get("reported"), doubt.get("other")
    if reported and other:
        text = N_("%(sensor)s reports serial number %(reported)s, which is registered for %(other)s.")
        return _(text, sensor=sensor, reported=reported, other=other)
    if reported:
        text = N_("%(sensor)s reports serial number %(reported)s; %(registered)s is registered.")
        return _(text, sensor=sensor, reported=reported, registered=doubt.get("registered", ""))
    if doubt.get("says") == "misplaced":
        return _("%(sensor)s says itself that it is not in its place.", sensor=sensor)
    return _("%(sensor)s reports the same value for longer than is likely.", sensor=sensor)


def _clock_line(gateway: str, behind_min: int, translate: Translate) -> str:
    _ = translate
    if behind_min >= 0:
        text = N_("%(gateway)s: its clock is %(minutes)s min behind, though it says that it is right.")
    else:
        text = N_("%(gateway)s: its clock is %(minutes)s min ahead, though it says that it is right.")
    return _(text, gateway=gateway, minutes=abs(behind_min))
