"""One zone as its sensors would find it: the balances stepped on a fixed grid, looked up at any instant.

A day's course always starts one whole day earlier from outside conditions. The slowest time constant is about
two hours, so nothing of that start is left, and a value does not depend on when anybody asked for it.
"""

from collections import OrderedDict
from math import floor
from typing import NamedTuple

from firmware_sim import air, building
from firmware_sim.building import Load, Shell
from firmware_sim.happenings import Happening, Happenings
from firmware_sim.kinds import ZoneKind
from firmware_sim.noise import Sound
from firmware_sim.outdoor import DAY_S, Outdoor, OutdoorAir, humidity
from firmware_sim.outdoor import dew_point_of as dew_point
from firmware_sim.seeded import Seeded
from firmware_sim.shifts import Roster

GRID_S = 120.0
_STEPS = round(DAY_S / GRID_S)


class ZoneAir(NamedTuple):
    """The true state of a zone: Cel, Cel, %RH, m/s, hPa, ug/m3, ug/m3, ppm, ppm, points of the VOC index."""

    ta: float
    tg: float
    rh: float
    va: float
    p: float
    pm2_5: float
    pm10: float
    co2: float
    co: float
    voc_index: float


class Surroundings:
    """Weather, roster and outside dust of one site; the zones of a site share one, and its daily grids."""

    def __init__(
        self,
        outdoor: Outdoor,
        roster: Roster,
        pm2_5: float,
        seeded: Seeded,
        happenings: Happenings | None = None,
    ) -> None:
        self.outdoor, self.roster = outdoor, roster
        self._happenings = happenings or Happenings()
        self._pm2_5 = pm2_5
        self._haze = seeded.child("haze")
        self._days: OrderedDict[int, list[tuple[OutdoorAir, Load, float]]] = OrderedDict()

    def load(self, t: float) -> Load:
        """What really goes on: the roster, and overtime whether or not anybody announced it."""
        over = self._happenings.share(Happening.OVERTIME, t)
        roster = self.roster
        return Load(max(roster.presence(t), over), max(roster.work(t), over), max(roster.fans(t), over))

    def dust_outside(self, t: float) -> float:
        """Fine dust outside in ug/m3: more in the dry season and under the morning's inversion."""
        dry = 1.0 - 0.35 * self.outdoor.at(t).cloud
        return (
            self._pm2_5
            * dry
            * (1.0 + 0.3 * self._haze.smooth(t, 9 * 3600) + 0.1 * self._haze.smooth(t, 1800))
        )

    def day(self, day: int) -> list[tuple[OutdoorAir, Load, float]]:
        """(outside air, load, outside dust) at each grid point of one UTC day."""
        grid = self._days.get(day)
        if grid is None:
            times = (day * DAY_S + i * GRID_S for i in range(_STEPS))
            grid = [(self.outdoor.at(t), self.load(t), self.dust_outside(t)) for t in times]
            self._days[day] = grid
            while len(self._days) > 4:
                self._days.popitem(last=False)
        return grid


class Zone:
    """The physics of one zone under one seed."""

    def __init__(
        self,
        kind: ZoneKind,
        shell: Shell,
        emissions: air.Emissions,
        around: Surroundings,
        seeded: Seeded,
        happenings: Happenings | None = None,
    ) -> None:
        self._happenings = happenings or Happenings()
        self.kind, self.shell, self.emissions, self.around = kind, shell, emissions, around
        self.sound = Sound(kind, seeded.child("sound"))
        self._draught = seeded.child("draught")
        self._puff = seeded.child("puff")
        self._days: OrderedDict[int, list[tuple[building.Indoor, air.AirContent]]] = OrderedDict()

    def state(self, t: float) -> ZoneAir:
        """The state of the air at `t` (seconds since 1970 UTC), without any instrument's error."""
        at = t / GRID_S
        left = floor(at)
        share = at - left
        (room_a, air_a), (room_b, air_b) = self._point(left), self._point(left + 1)
        ta = _mix(room_a.temperature, room_b.temperature, share)
        vapour = _mix(room_a.vapour, room_b.vapour, share)
        load = self.around.load(t)
        puff = 1.0 + load.work * 0.15 * self._puff.smooth(t, 300)
        speed = building.air_speed(self.kind, self.shell, load.fans) * (
            1.0 + 0.35 * self._draught.smooth(t, 90)
        )
        return ZoneAir(
            ta=ta + 0.08 * self._draught.smooth(t, 420),
            tg=_mix(room_a.globe, room_b.globe, share) + 0.05 * self._draught.smooth(t, 900),
            rh=humidity(ta, dew_point(vapour)),
            va=max(0.02, speed),
            p=self.around.outdoor.at(t).pressure,
            pm2_5=_mix(air_a.pm2_5, air_b.pm2_5, share) * puff,
            pm10=_mix(air_a.pm10, air_b.pm10, share) * puff,
            co2=_mix(air_a.co2, air_b.co2, share),
            co=_mix(air_a.co, air_b.co, share),
            voc_index=_mix(air_a.voc, air_b.voc, share),
        )

    def level(self, t: float) -> float:
        """LAeq in dB of the minute that ends at `t`."""
        load = self.around.load(t - 30.0)
        return self.sound.level(t, load.work, load.presence)

    def _point(self, index: int) -> tuple[building.Indoor, air.AirContent]:
        day, place = divmod(index, _STEPS)
        course = self._days.get(day)
        if course is None:
            course = self._days[day] = self._course(day)
            while len(self._days) > 3:
                self._days.popitem(last=False)
        return course[place]

    def _course(self, day: int) -> list[tuple[building.Indoor, air.AirContent]]:
        grid = self.around.day(day - 1) + self.around.day(day)
        room, content = building.start(grid[0][0]), air.outside(grid[0][2])
        course = []
        begin = (day - 1) * DAY_S
        for i, (out, load, dust) in enumerate(grid):
            if i >= _STEPS:
                course.append((room, content))
            room = building.step(room, out, self.kind, self.shell, load, GRID_S)
            content = air.step(
                content,
                air.outside(dust),
                self.kind,
                self.emissions,
                load,
                room.fresh_air,
                GRID_S,
                self._release(begin + i * GRID_S),
            )
        return course

    def _release(self, t: float) -> air.Release:
        happens = self._happenings
        if happens.empty:
            return air.NOTHING
        dust = happens.amount(Happening.DUST, t) - happens.share(Happening.DUST, t)
        return air.Release(
            1.0 + dust,
            happens.amount(Happening.CO_RELEASE, t),
            happens.amount(Happening.SOLVENT_RELEASE, t),
        )


def _mix(a: float, b: float, share: float) -> float:
    return a + (b - a) * share
