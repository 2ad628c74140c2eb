"""The network cable of a simulated gateway: an MQTT link that can be pulled out and put back."""

import threading
from collections.abc import Callable

from edge_agent.mqtt_link import Down, Link, LinkEvent, Post, Up


class Cable:
    """A `Link` over another one that is made anew each time the cable is put back."""

    def __init__(self, client_id: str, new_link: Callable[[], Link]) -> None:
        self._client_id, self._new_link = client_id, new_link
        self._conn = 0
        self._will: Callable[[int], Post] | None = None
        self._link: Link | None = None
        self._unheard: list[LinkEvent] = []
        self._ending: list[threading.Thread] = []
        self.plugged = True

    def unplug(self) -> None:
        """The network is gone without a word; the broker will publish the will in its own time."""
        self.plugged = False
        if self._link is not None:
            self._end(self._link.cut)
            self._unheard.append(Down("the cable is out (simulated)", False))

    def plug(self) -> None:
        """The network is back."""
        self.plugged = True
        self._connect()

    def open(self, first_conn: int, will: Callable[[int], Post]) -> None:
        self._conn, self._will = first_conn, will
        if self.plugged:
            self._connect()

    def events(self) -> list[LinkEvent]:
        found, self._unheard = self._unheard, []
        if self._link is not None:
            found += self._link.events()
        for event in found:
            if isinstance(event, Up):
                self._conn = event.conn + 1
        return found

    def subscribe(self, topics: list[str]) -> None:
        if self._link is not None:
            self._link.subscribe(topics)

    def publish(self, post: Post) -> bool:
        return self._link is not None and self._link.publish(post)

    def close(self) -> None:
        if self._link is not None:
            self._end(self._link.close)

    def cut(self) -> None:
        if self._link is not None:
            self._end(self._link.cut)

    def settle(self) -> None:
        """Wait until every connection that was closed or cut is really gone."""
        for thread in self._ending:
            thread.join()
        self._ending.clear()

    def _end(self, how: Callable[[], None]) -> None:
        """Leave a connection behind: ending one can take paho a second, and the fleet must not wait."""
        self._link = None
        self._ending = [thread for thread in self._ending if thread.is_alive()]
        thread = threading.Thread(target=how, name=f"end {self._client_id}")
        thread.start()
        self._ending.append(thread)

    def _connect(self) -> None:
        if self._will is not None and self._link is None:
            self._link = self._new_link()
            self._link.open(self._conn, self._will)
