"""The way to an InfluxDB server: writing lines through its client library, asking with InfluxQL over HTTP.

Writing is synchronous, so an error comes back to the caller, who still has the data; the client's batching
mode drops points when its retries are used up. Bodies are not compressed: between machines that stand beside
each other that costs more time than it saves (measured: 272,000 lines a second plain, 112,000 with gzip).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from ingest_service.series.influx.errors import explained, unreachable
from ingest_service.series.influx.half_written import half_written, without_half_written
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError

LINES_AT_ONCE = 5000
STATEMENTS_AT_ONCE = 200
TIMEOUT_S = 30.0
PAUSES_S = (0.02, 0.05, 0.1, 0.2)
"""Between the times that something is asked for again of which a point was just being written."""
Value = float | str | None
Row = list[Value]


class Series(msgspec.Struct):
    """One answered series: its tags, the names of its columns (the first is the time in us), its rows."""

    columns: list[str]
    values: list[Row] = []
    tags: dict[str, str] = {}
    name: str = ""


class _Result(msgspec.Struct):
    statement_id: int = 0
    series: list[Series] = []
    error: str | None = None


class _Answer(msgspec.Struct):
    results: list[_Result] = []
    error: str | None = None


_DECODER = msgspec.json.Decoder(_Answer)
_MINUS_ZERO = (b",-0,", b",-0]")


class Link:
    """Safe to share between threads."""

    def __init__(self, where: Where, *, timeout_s: float = TIMEOUT_S) -> None:
        self.where = where
        headers = {"Authorization": f"Token {where.token}"} if where.token else {}
        self._http = httpx.Client(base_url=where.url, headers=headers, timeout=timeout_s, trust_env=False)
        self._client = InfluxDBClient(
            where.url, token=where.token or "none", org=where.org, timeout=int(timeout_s * 1000)
        )
        self._writer = self._client.write_api(write_options=SYNCHRONOUS)

    def close(self) -> None:
        self._writer.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]
        self._http.close()

    def write(self, lines: Sequence[str]) -> None:
        """Returns when the store has confirmed all of them. Raises SeriesError, then some may be written."""
        for start in range(0, len(lines), LINES_AT_ONCE):
            body = "\n".join(lines[start : start + LINES_AT_ONCE])
            try:
                self._writer.write(bucket=self.where.bucket, org=self.where.org, record=body)
            except ApiException as error:
                raise explained(
                    self.where, int(error.status or 0), error.message or str(error.body)
                ) from None
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise unreachable(self.where, error) from error

    def ask(self, statements: Sequence[str]) -> list[list[Series]]:
        """The series that each statement gives. Raises SeriesError."""
        found: list[list[Series]] = []
        for start in range(0, len(statements), STATEMENTS_AT_ONCE):
            found += self._ask(statements[start : start + STATEMENTS_AT_ONCE])
        return found

    def ask_one(self, statement: str) -> list[Series]:
        return self._ask([statement])[0]

    def _ask(self, statements: Sequence[str]) -> list[list[Series]]:
        found = self._asked(statements)
        for pause in PAUSES_S:
            if not any(half_written(series) for series in found):
                return found
            time.sleep(pause)
            found = self._asked(statements)
        return [without_half_written(series) for series in found]

    def _asked(self, statements: Sequence[str]) -> list[list[Series]]:
        text = ";".join(statements)
        answer = self.send("POST", "/query", data={"q": text, "db": self.where.bucket, "epoch": "u"})
        content = answer.content
        try:
            if any(mark in content for mark in _MINUS_ZERO):
                # Read as an integer it would lose its sign.
                raw = json.loads(content, parse_int=lambda digits: -0.0 if digits == "-0" else int(digits))
                decoded = msgspec.convert(raw, _Answer)
            else:
                decoded = _DECODER.decode(content)
        except (msgspec.DecodeError, ValueError) as error:
            raise SeriesError(
                f"InfluxDB at {self.where.url} gave an answer to a query that is none ({error}): check that "
                "influx_url names InfluxDB itself"
            ) from error
        found: list[list[Series]] = [[] for _ in statements]
        for result in decoded.results:  # 2.x says nothing at all of a statement that has nothing to show
            if result.error is not None:
                raise explained(self.where, answer.status_code, result.error)
            found[result.statement_id] += result.series
        return found

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """One request; an answer that is an error raises SeriesError, as does none."""
        try:
            answer = self._http.request(method, path, **more)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unreachable(self.where, error) from error
        if answer.status_code >= 400:
            raise explained(self.where, answer.status_code, _message(answer))
        return answer

    def version(self) -> str:
        """What the server says it is. Raises SeriesError when there is none."""
        return str(self.send("GET", "/ping").headers.get("X-Influxdb-Version", "unknown"))

    def clock_off(self) -> float | None:
        """By how much the server's clock is ahead of ours [s], None when it does not say."""
        begun = time.time()
        told = self.send("GET", "/ping").headers.get("Date")
        if told is None:
            return None
        # The header counts whole seconds.
        return parsedate_to_datetime(told).timestamp() + 0.5 - (begun + time.time()) / 2.0


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.text[:200]
    if isinstance(body, dict):
        return str(body.get("message") or body.get("error") or answer.text[:200])
    return answer.text[:200]
