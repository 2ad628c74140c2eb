"""The intakes that share by one subscription what gateways send, as one of them sees the others.

What the broker had handed to an intake that is gone reached nobody. The gateways have it still, and send it
again when an acknowledgement names a connection of the server that they have not met. So the intakes of a
group name all their connections together, by one word that is another as soon as one of them comes or goes;
and when one has gone, one of the others hears the births that the broker keeps once more, and so speaks to
every gateway.
"""

import contextlib
import hashlib
from collections.abc import Iterator

import sqlalchemy as sa

from ingest_service.leases import Leases, instance_name
from ingest_service.shard_work import kept

KIND = "intake"


class IntakeGroup:
    """The group as one intake has it; `kept` while it works.

    A member is named by its connection and a number, `<connection>.<number>`: the number grows when another
    has gone, so that the word for all is never one that a gateway has met before.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._leases = Leases(engine, KIND, shards=())
        self._connection: str | None = None
        self._own, self._number = "", 0
        self._known: frozenset[str] = frozenset()
        self._shown = contextlib.ExitStack()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Show the others that this intake lives, from its first connection until the block ends."""
        with self._shown:
            yield

    @property
    def name(self) -> str:
        """The word for all connections of the group."""
        together = "\n".join(sorted(self._leases.members))
        return hashlib.sha256(together.encode()).hexdigest()[:16]

    def look(self, connection: str | None) -> bool:
        """To be called all the time with the name of the connection: whether births are to be heard again.

        One intake hears them: that whose name is the first of those that are left.
        """
        self._leases.held()  # the work comes round
        if connection is not None and connection != self._connection:
            self._come(connection)
        members = frozenset(member.rpartition(".")[0] for member in self._leases.members)
        gone, self._known = self._known - members, members
        if not gone or self._connection is None or self._own != min(members):
            return False
        self._number += 1
        self._leases.rejoin(f"{self._own}.{self._number}")
        return True

    def _come(self, connection: str) -> None:
        first, self._connection = self._connection is None, connection
        self._known -= {self._own}
        self._own, self._number = instance_name(), 0
        self._leases.rejoin(f"{self._own}.0")
        if first:
            self._shown.enter_context(kept(self._leases))
