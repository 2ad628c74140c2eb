"""Which InfluxDB: server, organisation and bucket."""

from __future__ import annotations

from typing import NamedTuple


class Where(NamedTuple):
    """A bucket; `token` is secret and is shown nowhere."""

    url: str
    org: str
    bucket: str
    token: str

    def __repr__(self) -> str:
        return f"{self.bucket} at {self.url}"
