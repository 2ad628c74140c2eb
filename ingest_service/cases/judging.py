"""Judges exposures zone by zone and remembers where every rule stands. No database: rows in, outcome out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from alert_rules.conditions import VERDICTS, Observation, mark
from alert_rules.engine import Phase, Transition, is_late
from alert_rules.pack_model import Pack
from alert_rules.track import Track, can_revise, end, put_back, take
from ingest_service.cases.agenda import Agenda, shift_end
from ingest_service.cases.events import ended_event, exposure_event, told_severity
from ingest_service.cases.outcome import LatePiece, Outcome
from ingest_service.cases.rulebook import Ended, Judged, Raised, Rulebook, RuleSet
from ingest_service.cases.standing import ROW, ZoneStanding, read
from ingest_service.register.entries import Site, Zone
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.series.port import ExposureKey, ExposureRow

SHIFT_OVER: Final = Ended("shift_over", "the shift is over")
_AHEAD: Final = 5
"""Minutes; a rule that was judged further than this beyond the present was judged by a wrong clock."""
_ZONE_GONE: Final = Ended("zone_removed", "the zone is not registered any more")

Recall = Callable[[str, str, int], ExposureRow | None]
"""Gives the exposure of a zone, a kind and a minute, where it is stored."""


class _Place(NamedTuple):
    """A zone in a minute, with the rules that judge it."""

    site: Site
    zone: Zone
    rules: RuleSet


class Judge:
    """Where every rule stands in every zone. When writing an outcome fails, throw the judge away and make a
    new one from what is stored (`stored`: the states of `state_rows` by zone)."""

    def __init__(
        self,
        packs: Sequence[Pack],
        live_age_s: float,
        stored: Mapping[str, Any],
        recall: Recall = lambda *_: None,
    ) -> None:
        self.book = Rulebook(packs, live_age_s)
        self._live_age_s, self._recall = live_age_s, recall
        self._zones: dict[str, ZoneStanding] = {zone: read(raw) for zone, raw in stored.items()}
        self._new_register = True
        self._agenda = Agenda()

    def state_rows(self, zones: Iterable[str]) -> list[dict[str, Any]]:
        """Rows for the table of rule states."""
        found = ((zone, self._zones[zone]) for zone in sorted(zones))
        return [
            {"zone": zone, "rule": ROW, "state": one.stored(), "judged_to": one.judged_to}
            for zone, one in found
        ]

    def rules_of(self, zone: str) -> tuple[str, ...]:
        """Every rule that ever judged the zone."""
        found = self._zones.get(zone)
        return tuple(found.tracks) if found else ()

    def take(
        self,
        rows: Iterable[ExposureRow],
        register: RegisterSnapshot,
        now: float,
        gone: Iterable[ExposureKey] = (),
    ) -> Outcome:
        """Judge new and revised exposures, in ascending minutes, the most severe rules of a minute first.

        Of an exposure that is `gone` nobody can tell any more; what was judged of it is taken away.
        """
        self.follow(register)
        grouped: dict[tuple[int, str], dict[str, ExposureRow | None]] = defaultdict(dict)
        for zone, kind, minute in gone:
            grouped[minute, zone][kind] = None
        for row in rows:
            grouped[row.minute, row.zone][row.kind] = row
        outcome = Outcome()
        for minute, zone_id in sorted(grouped):
            place = self._place(zone_id, minute)
            if place is not None:
                self._minute(outcome, place, minute, grouped[minute, zone_id], now)
        return outcome

    def end_what_is_over(self, register: RegisterSnapshot, now: float) -> Outcome:
        """What the clock or the register alone ends: shifts that are over, rules that do not apply any more.

        Looks only at zones in which something holds, and at those only when something is due.
        """
        self.follow(register)
        if self._new_register:
            self._new_register = False
            self._agenda.at_once(zone for zone, one in self._zones.items() if any(one.unquiet()))
        outcome = Outcome()
        for zone_id in self._agenda.take(now):
            self._end_in(outcome, zone_id, now)
        return outcome

    # --- one minute of one zone -----------------------------------------------------------------------

    def _place(self, zone_id: str, minute: int) -> _Place | None:
        zone = self.book.zone(zone_id, minute)
        site = self.book.site(zone.site) if zone else None
        if zone is None or site is None:
            return None
        return _Place(site, zone, self.book.rules(site, zone, self.book.moment(site, minute).day))

    def _minute(
        self,
        outcome: Outcome,
        place: _Place,
        minute: int,
        rows: Mapping[str, ExposureRow | None],
        now: float,
    ) -> None:
        zone_id = place.zone.id
        on = self.book.moment(place.site, minute).on
        late = is_late(minute, now, self._live_age_s)
        standing = self._zones.get(zone_id)
        if standing is None:
            standing = self._zones[zone_id] = ZoneStanding()
        judged_any = False
        for judged in place.rules.ordered:
            if judged.kind not in rows or (judged.shift_only and not on):
                continue
            judged_any = True
            row = rows[judged.kind]
            if row is None:
                observation = Observation(minute, None, 0.0)
                outcome.taken_away.append((zone_id, judged.id, minute))
            else:
                observation = Observation(minute, row.value, row.coverage, row.method)
                letter = mark(row.value, row.coverage, row.method, judged.engine.condition)
                outcome.judgements.append((zone_id, judged.id, minute, VERDICTS[letter].value))
            if late:
                self._late(outcome, place, judged, minute)
            else:
                self._live(outcome, standing, place, judged, observation, row, now)
        if judged_any and not late:
            outcome.zones.add(zone_id)

    def _live(
        self,
        outcome: Outcome,
        standing: ZoneStanding,
        place: _Place,
        judged: Judged,
        observation: Observation,
        row: ExposureRow | None,
        now: float,
    ) -> None:
        minute = observation.minute
        track = standing.tracks.get(judged.id)
        if track is not None and track.state.minute > now // 60 + _AHEAD:
            track = put_back(track, minute - 1)
        if track is None:
            track = Track()
        elif minute <= track.state.minute and not can_revise(track, minute):
            self._late(outcome, place, judged, minute)
            return
        elif judged.shift_only and track.state.phase is not Phase.QUIET:
            track = self._end_earlier_shift(outcome, standing, place, judged, track, minute)
        after, made = take(track, observation, judged.engine, now, partial(self._seen, place.zone.id, judged))
        standing.tracks[judged.id] = after
        for transition in made:
            seen = (
                row if transition.minute == minute
                else self._recall(place.zone.id, judged.kind, transition.minute)
            )  # fmt: skip
            self._tell(outcome, standing, place, judged, seen, transition)
        if after.state.phase is not Phase.QUIET and track.state.phase is Phase.QUIET:
            self._agenda.expect(place.zone.id, self.book.calendar(place.site.id), 60.0 * minute - 30.0)

    def _seen(self, zone_id: str, judged: Judged, minute: int) -> Observation | None:
        row = self._recall(zone_id, judged.kind, minute)
        return None if row is None else Observation(minute, row.value, row.coverage, row.method)

    def _late(self, outcome: Outcome, place: _Place, judged: Judged, minute: int) -> None:
        piece = self.book.piece(place.site, minute)
        key = (place.zone.id, judged.id, piece.start)
        outcome.late[key] = LatePiece(judged, place.site, place.zone, piece)

    def _tell(
        self,
        outcome: Outcome,
        standing: ZoneStanding,
        place: _Place,
        judged: Judged,
        row: ExposureRow | None,
        transition: Transition,
        ended: Ended | None = None,
    ) -> None:
        active = judged.active
        known = Raised(active.rule.severity, *active.group)
        change = standing.change(judged.id, standing.raised.get(judged.id, known), transition)
        if change is None:
            return
        day = self.book.moment(place.site, transition.minute).day
        event = exposure_event(
            active,
            place.site,
            place.zone,
            row,
            transition,
            told_severity(change, active),
            gap=self.book.gap(place.site, active, day),
            ended=ended.word if ended else None,
        )
        outcome.changes.append((change, event))

    # --- what ends without a measurement --------------------------------------------------------------

    def _end_earlier_shift(
        self,
        outcome: Outcome,
        standing: ZoneStanding,
        place: _Place,
        judged: Judged,
        track: Track,
        minute: int,
    ) -> Track:
        """What held in a shift that ended before this minute's began is over, also when the clock could not
        say so: the service was down at the time."""
        over = shift_end(self.book.calendar(place.site.id), track.state.minute, 60.0 * minute - 30.0)
        if over is None:
            return track
        track, made = end(track, over, SHIFT_OVER.reason)
        for transition in made:
            self._tell(outcome, standing, place, judged, None, transition, SHIFT_OVER)
        return track

    def _end_in(self, outcome: Outcome, zone_id: str, now: float) -> None:
        """End what is over in one zone, and note when to look at it again."""
        standing = self._zones[zone_id]
        place = self._place(zone_id, int(now // 60) + 1)
        for rule_id in list(standing.unquiet()):
            judged = place.rules.by_id.get(rule_id) if place else None
            track = standing.tracks[rule_id]
            if place is None or judged is None:
                self._end_unruled(outcome, standing, place, zone_id, rule_id, now)
                continue
            calendar = self.book.calendar(place.site.id)
            over = shift_end(calendar, track.state.minute, now) if judged.shift_only else None
            if over is None:
                continue
            standing.tracks[rule_id], made = end(track, over, SHIFT_OVER.reason)
            outcome.zones.add(zone_id)
            for transition in made:
                self._tell(outcome, standing, place, judged, None, transition, SHIFT_OVER)
        if place is not None and any(standing.unquiet()):
            self._agenda.expect(zone_id, self.book.calendar(place.site.id), now)

    def _end_unruled(
        self,
        outcome: Outcome,
        standing: ZoneStanding,
        place: _Place | None,
        zone_id: str,
        rule_id: str,
        now: float,
    ) -> None:
        """End a rule that does not judge its zone any more."""
        minute = int(now // 60) + 1
        day = self.book.day(place.site, minute) if place else None
        ended = self.book.why_not(rule_id, place.site, day) if place and day else _ZONE_GONE
        standing.tracks[rule_id], made = end(standing.tracks[rule_id], minute - 1, ended.reason)
        outcome.zones.add(zone_id)
        for transition in made:
            known = standing.raised.get(rule_id) or self.book.raised(rule_id)
            change = standing.change(rule_id, known, transition) if known else None
            if known and change:
                event = ended_event(zone_id, rule_id, known, change.severity, transition, ended.word)
                outcome.changes.append((change, event))

    def follow(self, register: RegisterSnapshot) -> None:
        """A changed register may change shifts, classes of work and so limits."""
        self._new_register = self.book.follow(register) or self._new_register
