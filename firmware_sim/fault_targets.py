"""What in a fleet a request may strike: a site, a zone, a gateway, a sensor or a channel."""

from difflib import get_close_matches

from firmware_sim.fleet import Fleet


def check_target(
    target: str, fleet: Fleet, *, site: bool, zone: bool, gateway: bool, part: bool, what: str
) -> str:
    """The site of a target of an allowed sort. ValueError says what is wrong and what was perhaps meant."""
    sorts = _sorts(fleet)
    if target not in sorts:
        near = get_close_matches(target, sorted(sorts), n=1)
        raise ValueError(
            f"there is no {target!r} in this fleet" + (f"; did you mean {near[0]}?" if near else "")
        )
    sort, at = sorts[target]
    allowed = {"site": site, "zone": zone, "gateway": gateway, "part": part and not (site or zone)}
    if not allowed[sort]:
        raise ValueError(_instead(what, site=site, zone=zone, part=allowed["part"]))
    return at


def _instead(what: str, *, site: bool, zone: bool, part: bool) -> str:
    if site:
        return f"{what} strikes a whole site; write {what}:SITE"
    if zone:
        return f"{what} strikes a zone; write {what}:SITE/ZONE"
    if part:
        return f"{what} strikes a sensor or a channel; write {what}:GATEWAY/SENSOR"
    return f"{what} strikes a whole gateway; write {what}:GATEWAY"


def _sorts(fleet: Fleet) -> dict[str, tuple[str, str]]:
    """Everything that can be named: what sort of thing it is, and at which site."""
    found: dict[str, tuple[str, str]] = {}
    for factory in fleet.factories:
        found[factory.site] = ("site", factory.site)
        found |= {f"{factory.site}/{plan.word}": ("zone", factory.site) for plan in factory.zones}
    for sensor in fleet.sensors:
        found[sensor.gateway] = ("gateway", sensor.site)
        found[f"{sensor.gateway}/{sensor.sensor}"] = ("part", sensor.site)
        for measure in sensor.instrument.measures:
            found[f"{sensor.gateway}/{sensor.sensor}/{measure.quantity}"] = ("part", sensor.site)
    return found
