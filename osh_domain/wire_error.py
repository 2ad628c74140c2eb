"""The one error that reading anything from the wire may raise."""

from __future__ import annotations

from typing import Final

CODES: Final = ("size", "frame", "version", "topic", "key", "sig", "json", "senml", "conflict", "fault")
"""Refusal codes in the order in which a receiver checks; an acknowledgement carries them in ``rej``.

``fault``: the receiver's own program failed on these bytes, three times; nothing is said against the bytes.
"""


class WireError(Exception):
    """What came over the wire breaks a rule.

    ``code`` is one of ``CODES`` and travels back to the sender; ``rule`` names the rule of
    docs/wire-protocol.md that was broken (``R1`` to ``R14`` for SenML, ``profile`` for our own limits) and
    ``record`` the index of the record, each where there is one. Sending the same bytes again never helps.
    The message can always be stored and sent: half characters and NUL in what it quotes are written as
    escapes.
    """

    def __init__(
        self, code: str, message: str, *, rule: str | None = None, record: int | None = None
    ) -> None:
        message = message.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")
        super().__init__(code, message, rule, record)
        self.code = code
        self.message = message
        self.rule = rule
        self.record = record

    def __str__(self) -> str:
        where = "" if self.record is None else f"record {self.record}: "
        rule = "" if self.rule is None else f" [{self.rule}]"
        return f"{where}{self.message}{rule}"
