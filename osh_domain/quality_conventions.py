"""Stored QARTOD flags in the words of other systems: WMO code tables and EU air-quality reporting.

Both tables are general knowledge, unverified; they serve exports and lose detail on the way.
"""

from __future__ import annotations

from typing import Final

from osh_domain.quality_tests import QcFlag

WMO_QUALITY: Final[dict[QcFlag, int]] = {
    QcFlag.PASS: 0,
    QcFlag.NOT_EVALUATED: 4,
    QcFlag.SUSPECT: 2,
    QcFlag.FAIL: 3,
    QcFlag.MISSING: 7,
}
"""BUFR 0 33 020: 0 good, 2 doubtful, 3 wrong, 4 not checked, 7 missing."""

EU_VALID, EU_BELOW_DETECTION, EU_INVALID, EU_MAINTENANCE = 1, 2, -1, -99
EU_NOT_VERIFIED: Final = 3


def eu_validity(flag: QcFlag, *, below_detection: bool = False, maintenance: bool = False) -> int:
    """Return the EU air-quality reporting validity of a value: 1, 2 (below detection), -1 or -99.

    A suspect value stays valid (and not verified, 3); maintenance and calibration runs are -99; what failed
    or is missing is invalid.

    >>> eu_validity(QcFlag.PASS), eu_validity(QcFlag.FAIL), eu_validity(QcFlag.PASS, maintenance=True)
    (1, -1, -99)
    """
    if maintenance:
        return EU_MAINTENANCE
    if flag in {QcFlag.FAIL, QcFlag.MISSING}:
        return EU_INVALID
    return EU_BELOW_DETECTION if below_detection else EU_VALID
