"""The words for the codes that facts are made of; each is translated where it is shown."""

from __future__ import annotations

from typing import Final

UNITS: Final = {
    "Cel": "°C",
    "ug/m3": "µg/m³",
    "dB": "dB(A)",
    "%RH": "%",
    "%": "%",
    "/": "",
    "count": "",
    "lx": "lx",
}
"""How a unit of the wire looks to people."""


def N_(text: str) -> str:  # noqa: N802 - the name that extractors of message catalogues look for
    """Mark a text for the message catalogues; it is translated where it is shown."""
    return text


STATES: Final = {
    "danger": N_("Danger"),
    "warning": N_("Warning"),
    "notice": N_("Above a guide value"),
    "idle": N_("No shift is on"),
    "within": N_("Within limits"),
    "cannot_tell": N_("Cannot tell"),
    "silent": N_("Silent"),
}
HAZARDS: Final = {
    "heat": N_("Heat"),
    "noise": N_("Noise"),
    "air": N_("Air"),
    "silence": N_("Silence"),
    "device": N_("Sensors"),
}
KINDS: Final = {
    "wbgt.minute": N_("WBGT, this minute"),
    "wbgt_eff.twa60": N_("WBGT, 1 h average"),
    "wbgt_eff.twa120": N_("WBGT, 2 h average"),
    "heat_index.minute": N_("Heat index"),
    "la.leq1": N_("Sound level, this minute"),
    "la.leq60": N_("Sound level, 1 h"),
    "la.lex8h": N_("Noise of the shift so far, over 8 h"),
    "la.niosh_dose": N_("Noise dose so far (NIOSH)"),
    "la.projected_lex8h": N_("If the shift goes on like this"),
    "pm2_5.mean60": N_("PM2.5, 1 h"),
    "pm2_5.mean24h": N_("PM2.5, 24 h"),
    "pm10.mean60": N_("PM10, 1 h"),
    "pm10.mean24h": N_("PM10, 24 h"),
    "co.minute_max": N_("CO, highest of the minute"),
    "co.twa8h": N_("CO, 8 h"),
    "co2.minute": N_("CO2, this minute"),
    "co2.stel15": N_("CO2, 15 min"),
    "co2.twa8h": N_("CO2, 8 h"),
    "ta.minute": N_("Air temperature, this minute"),
    "ta.mean60": N_("Air temperature, 1 h"),
    "ta.rise10": N_("Rise of air temperature in 10 min"),
    "rh.mean60": N_("Humidity, 1 h"),
    "va.mean60": N_("Air speed, 1 h"),
    "la.osha_dose": N_("Noise dose so far (OSHA, permissible)"),
    "la.osha_hc_dose": N_("Noise dose so far (OSHA, hearing conservation)"),
    "la.lex_week": N_("Noise of the week so far"),
    "pm2_5.day": N_("PM2.5, local day"),
    "pm10.day": N_("PM10, local day"),
    "co.stel15": N_("CO, 15 min"),
    "co.rise10": N_("Rise of CO in 10 min"),
    "hcho.stel15": N_("Formaldehyde, 15 min"),
    "hcho.twa8h": N_("Formaldehyde, 8 h"),
    "no2.minute": N_("NO2, this minute"),
    "no2.stel15": N_("NO2, 15 min"),
}
METHODS: Final = {
    "assumed_tg_eq_ta": N_("estimated without a globe thermometer"),
    "measured_globe": N_("globe measured"),
    "measured_globe_sun": N_("globe measured, in the sun"),
    "measured_tnw": N_("natural wet bulb and globe measured"),
    "instrument_wbgt": N_("as the instrument states it"),
    "liljegren": N_("from weather and measured sunlight"),
    "weather_model": N_("from a model of the weather"),
    "assumed_va": N_("air speed assumed"),
    "area_mean": N_("mean at one place"),
    "area_highest": N_("highest reading at one place"),
    "area_laeq": N_("sound level at one place"),
    "area_estimate": N_("of a person staying at that place all shift"),
    "area_projected": N_("if the rest of the shift is as loud"),
    "area_week": N_("of a person staying at that place all week"),
    "area_estimate_minute_levels": N_("from levels of whole minutes"),
    "optical_uncorrected": N_("light scattering, uncorrected"),
    "nws_regression": N_("regression of the US National Weather Service"),
    "no_data": N_("nothing was measured"),
}
SIDES: Final = {"worker": N_("Worker side"), "management": N_("Management side")}
ROLES: Final = {
    "authority": N_("Labour administration"),
    "committee-worker": N_("Committee, worker side"),
    "committee-management": N_("Committee, management side"),
    "adviser": N_("Adviser"),
    "engineer": N_("Engineer"),
    "administrator": N_("Administrator"),
    "public": N_("Public"),
}
CASE_STATES: Final = {
    "open": N_("open"),
    "cleared": N_("measured below the limit again"),
    "closed": N_("closed"),
    "found_afterwards": N_("found afterwards"),
}
CASE_TITLES: Final = {
    "heat": N_("Too hot: %(zone)s"),
    "noise": N_("Too loud: %(zone)s"),
    "air": N_("Bad air: %(zone)s"),
    "air.co": N_("Carbon monoxide: %(zone)s"),
    "air.co2": N_("Carbon dioxide: %(zone)s"),
    "air.pm2_5": N_("Fine dust: %(zone)s"),
    "air.pm10": N_("Dust: %(zone)s"),
    "silence": N_("Nothing heard: %(zone)s"),
    "silence.channel": N_("Sensor silent: %(zone)s"),
    "silence.gateway": N_("Gateway silent: %(zone)s"),
    "silence.site": N_("No power or no link: %(zone)s"),
    "air.no2": N_("Nitrogen dioxide: %(zone)s"),
    "air.hcho": N_("Formaldehyde: %(zone)s"),
    "device": N_("A sensor cannot be relied on: %(zone)s"),
    "device.stuck": N_("Stuck value: %(zone)s"),
    "device.calibration": N_("Calibration overdue: %(zone)s"),
    "device.moved": N_("Sensor not where it should be: %(zone)s"),
    "device.clock": N_("Clock is wrong: %(zone)s"),
    "device.backlog": N_("Readings wait on a gateway: %(zone)s"),
    "device.disk": N_("Disk of a gateway nearly full: %(zone)s"),
    "device.lost": N_("Readings were lost: %(zone)s"),
    "device.refused": N_("Batches are refused: %(zone)s"),
    "device.chain": N_("Chain of batches broken: %(zone)s"),
    "device.clone": N_("A gateway seems to exist twice: %(zone)s"),
}
GRADES: Final = {
    "A": N_("Grade A: signed, good clock, valid calibration"),
    "B": N_("Grade B: signed, something missing (calibration or clock)"),
    "C": N_("Grade C: indicative only"),
}
CONFIDENCE: Final = {
    "verified": N_("number verified in the text"),
    "secondary": N_("number read in a secondary source"),
    "unverified": N_("number not yet verified"),
    "instrument_verified": N_("legal text found, its number not confirmed"),
    "none_found": N_("no number found"),
}
LAYERS: Final = {
    "international": N_("International"),
    "country": N_("Country"),
    "sector": N_("Sector agreement"),
    "site": N_("This factory"),
}
COMPARES: Final = {
    "above": N_("above"),
    "at_or_above": N_("at or above"),
    "below": N_("below"),
    "at_or_below": N_("at or below"),
}
CAUSES: Final = {
    "late_data": N_("data came late"),
    "register_changed": N_("the register was changed"),
    "calculation_changed": N_("the calculation was changed"),
    "quality": N_("readings failed a test"),
}
BIASES: Final = {
    "low": N_("can only be too low"),
    "high": N_("can only be too high"),
    "either": N_("either way"),
}
TESTS: Final = {
    "GROSS_RANGE": N_("outside the range"),
    "RATE": N_("changes too fast"),
    "FLAT_LINE": N_("stuck"),
    "SPIKE": N_("spike"),
    "PHYSICS": N_("does not fit the other sensors"),
    "CLOCK": N_("clock wrong"),
}
CLASSES: Final = {
    0: N_("resting"),
    1: N_("low"),
    2: N_("moderate"),
    3: N_("high"),
    4: N_("very high"),
}
PERIODS: Final = {"week": N_("7 days"), "fortnight": N_("14 days"), "month": N_("30 days")}
RANGES: Final = {
    "shift": N_("Shift"),
    "day": N_("24 h"),
    "week": N_("Week"),
    "month": N_("Month"),
    "year": N_("Year"),
}
COUNTRIES: Final = {
    "bd": N_("Bangladesh"), "kh": N_("Cambodia"), "eg": N_("Egypt"), "et": N_("Ethiopia"), "ht": N_("Haiti"),
    "id": N_("Indonesia"), "jo": N_("Jordan"), "mg": N_("Madagascar"), "ni": N_("Nicaragua"),
    "pk": N_("Pakistan"), "lk": N_("Sri Lanka"), "uz": N_("Uzbekistan"), "vn": N_("Viet Nam"),
}  # fmt: skip
EVENTS: Final = {
    "opened": N_("The case was opened."),
    "worsened": N_("It got worse."),
    "joined": N_("Another rule agrees."),
    "eased": N_("It is less severe now."),
    "parted": N_("One of the rules does not apply any more."),
    "cleared": N_("It ended."),
    "raised_again": N_("It began again."),
    "found_afterwards": N_("Found in data that came late; nobody was called."),
    "acknowledged": N_("has seen the case"),
    "acknowledged_by_both": N_("Both sides have seen it."),
    "action_added": N_("wrote down an action"),
    "action_done": N_("finished an action"),
    "agreed_to_close": N_("agreed to close"),
    "closed": N_("The case was closed."),
    "escalated": N_("Told further people."),
    "reminded": N_("Reminded."),
    "notice_given_up": N_("A notice could not be delivered."),
}
OUTCOMES: Final = {"delivered": N_("delivered"), "failed": N_("failed"), "sending": N_("sending")}
SEVERITIES: Final = {"danger": N_("Danger"), "warning": N_("Warning"), "notice": N_("Notice")}
CODES: Final = {
    "size": N_("too large"),
    "frame": N_("torn frame"),
    "json": N_("not JSON"),
    "senml": N_("not SenML"),
    "version": N_("unknown version"),
    "sig": N_("wrong signature"),
    "key": N_("unknown or revoked key"),
    "topic": N_("unknown device or topic"),
    "conflict": N_("same number, other content"),
    "fault": N_("this program fails on it"),
    "projection": N_("not in the series: this program fails on it"),
}
TROUBLES: Final = {
    "clone": N_("name used twice"),
    "lost": N_("readings lost"),
    "backlog": N_("old backlog"),
    "disk": N_("disk nearly full"),
    "refused": N_("batches refused"),
    "calibration": N_("calibration overdue"),
}
CLOCKS: Final = {
    "ntp": N_("synchronised"),
    "srv": N_("set by this server"),
    "rtc": N_("battery clock"),
    "hold": N_("running on since it was set"),
    "none": N_("unknown"),
}
FLAGS: Final = (
    (1, N_("clipped")),
    (2, N_("warming up")),
    (4, N_("calibration overdue")),
    (8, N_("partly covered")),
    (16, N_("substituted")),
    (32, N_("sensor fault")),
    (64, N_("calibration run")),
    (128, N_("misplaced")),
)
DAYS: Final = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))
MONTHS: Final = (N_("Jan"), N_("Feb"), N_("Mar"), N_("Apr"), N_("May"), N_("Jun"), N_("Jul"), N_("Aug"),
                 N_("Sep"), N_("Oct"), N_("Nov"), N_("Dec"))  # fmt: skip
