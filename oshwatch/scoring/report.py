"""Shows scores: a table for people in 80 columns, the same figures and sentences as JSON for scripts."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

from oshwatch.scoring.judging import Result

WIDTH = 80
_HEAD = ("scenario", "taken", "expect", "told", "missed", "false", "late", "worst", "lost", "blind", "s")
_LEGEND = (
    "taken: readings. told: messages to people; notes that call nobody are not counted. false: told and not "
    "true, or told again without having ended. worst: minutes from the truth to the message. lost: readings. "
    "blind: hours truly above a limit while readings were missing or mistimed. s: seconds of running."
)
_FORM = "{:<21}{:>7}{:>7}{:>5}{:>7}{:>6}{:>5}{:>6}{:>5}{:>6}{:>5}"


def table(results: Sequence[Result]) -> list[str]:
    """One line a scenario, then what each said that was wrong."""
    lines = [_FORM.format(*_HEAD)]
    for result in results:
        score = result.score
        lines.append(
            _FORM.format(
                result.name[:21],
                f"{result.readings.taken / 1000.0:.1f}k",
                score.expected,
                score.told,
                len(score.missed),
                len(score.false) + len(score.doubled),
                len(score.late),
                "-" if score.worst_delay is None else f"{score.worst_delay:.0f}",
                lost(result),
                f"{result.cannot_tell_h:.1f}",
                f"{result.took_s:.0f}",
            )
        )
    return [*lines, "", *wrap(_LEGEND, WIDTH)]


def remarks(results: Iterable[Result]) -> list[str]:
    """Everything that was not as it should be, a paragraph each."""
    lines: list[str] = []
    for result in results:
        found = [
            *(("missed", text) for text in result.score.missed),
            *(("false", text) for text in result.score.false),
            *(("doubled", text) for text in result.score.doubled),
            *(("late", text) for text in result.score.late),
            *(("unseen", text) for text in result.score.unseen),
            *(("readings", text.strip()) for text in result.readings.examples),
        ]
        if found:
            lines += ["", result.name]
        for word, text in found:
            lines += wrap(f"{word}: {text}", WIDTH, initial_indent="  ", subsequent_indent="    ")
    return lines


def document(results: Iterable[Result]) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "scenarios": [
            {
                "scenario": result.name,
                "title": result.title,
                "good": result.good,
                "days": round(result.days, 3),
                "expected": result.score.expected,
                "told": result.score.told,
                "notes": result.score.notes,
                "missed": result.score.missed,
                "false": result.score.false,
                "doubled": result.score.doubled,
                "late": result.score.late,
                "unseen": result.score.unseen,
                "median_delay_min": result.score.median_delay,
                "worst_delay_min": result.score.worst_delay,
                "cannot_tell_h": round(result.cannot_tell_h, 2),
                "readings": {
                    "taken": result.readings.taken,
                    "in_ledger": result.readings.in_ledger,
                    "waiting": result.readings.waiting,
                    "cut_off": result.readings.cut_off,
                    "lost": result.readings.lost,
                    "twice": result.readings.twice,
                    "changed": result.readings.changed,
                    "invented": result.readings.invented,
                },
                "took_s": round(result.took_s, 1),
            }
            for result in results
        ]
    }


def lost(result: Result) -> int:
    """Readings lost, doubled, changed or invented on the way to the ledger."""
    found = result.readings
    return found.lost + found.twice + found.changed + found.invented
