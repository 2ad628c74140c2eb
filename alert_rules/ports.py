"""What the rules need from outside: words, a way to send, a place where notices and attempts are kept."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Translate(Protocol):
    """Says a text in one language, with values put in as `%(name)s`."""

    def __call__(self, message: str, **values: object) -> str: ...

    def number(self, value: float, decimals: int = 0) -> str: ...


class NotifyError(Exception):
    """A notice could not be sent. `permanent`: trying the same again cannot help.

    The message is kept and shown, so it never holds a secret of the contact.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


class Notifier(Protocol):
    """Sends one text to one contact."""

    def send(self, url: str, subject: str, body: str) -> str:
        """Send and return what the other end answered, without secrets. Raises NotifyError."""
        ...


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice that is due. `tries`: attempts made so far; `first_at`: when it was written down."""

    id: int
    url: str | None = field(repr=False)
    subject: str
    body: str
    tries: int
    first_at: float


class Outbox(Protocol):
    """Notices and attempts. Every method is one durable transaction."""

    def due(self, now: float, limit: int) -> Sequence[Waiting]:
        """Waiting notices whose time has come, longest due first."""
        ...

    def begin(self, notice: int, now: float) -> int | None:
        """Write the attempt down as `sending`, before it is made; returns its id.

        None where another process has begun meanwhile, or it is not due any more: then nothing is sent.
        """
        ...

    def delivered(self, attempt: int, now: float, detail: str) -> None:
        """The other end took it: the notice is sent."""
        ...

    def failed(self, attempt: int, now: float, detail: str, *, again_at: float | None, second: bool) -> None:
        """It was not taken. `again_at` None gives the notice up; `second`: use another contact as well."""
        ...

    def interrupted(self, now: float) -> int:
        """Attempts left `sending` by a process that ended: mark them failed, to be tried again."""
        ...
