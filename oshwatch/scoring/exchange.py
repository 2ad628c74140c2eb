"""Where simulated gateways and the server meet without a broker: messages are handed over as they are."""

from collections import deque
from collections.abc import Callable

from edge_agent.mqtt_link import Heard, LinkEvent, Post, Up


class Exchange:
    """The place of the broker: keeps what gateways publish until the server takes it, and carries answers.

    Nothing is lost, doubled or reordered here. A gateway whose cable is out has no link.
    """

    def __init__(self) -> None:
        self.posts: deque[Post] = deque()
        self._links: dict[str, ExchangeLink] = {}

    def link(self, gateway: str) -> "ExchangeLink":
        """A new connection of a gateway; the one before hears nothing more."""
        made = self._links[gateway] = ExchangeLink(self.posts.append)
        return made

    def tell(self, gateway: str, topic: str, payload: bytes) -> None:
        """Hand a message to a gateway that is connected."""
        link = self._links.get(gateway)
        if link is not None:
            link.hear(Heard(topic, payload))


class ExchangeLink:
    """One connection, as the agent's publisher needs it (`edge_agent.mqtt_link.Link`)."""

    def __init__(self, send: Callable[[Post], None]) -> None:
        self._send = send
        self._events: deque[LinkEvent] = deque()
        self._will: Post | None = None
        self._connected = False

    def hear(self, event: LinkEvent) -> None:
        if self._connected:
            self._events.append(event)

    def open(self, first_conn: int, will: Callable[[int], Post]) -> None:
        self._connected = True
        self._will = will(first_conn)
        self._events.append(Up(first_conn))

    def events(self) -> list[LinkEvent]:
        found = list(self._events)
        self._events.clear()
        return found

    def subscribe(self, topics: list[str]) -> None:
        """Everything that is meant for a gateway reaches it anyway."""

    def publish(self, post: Post) -> bool:
        if self._connected:
            self._send(post)
        return self._connected

    def close(self) -> None:
        self._connected = False

    def cut(self) -> None:
        if self._connected and self._will is not None:
            self._send(self._will)
        self._connected = False
