"""Preparing an InfluxDB: the bucket, that it keeps everything, the way InfluxQL finds it, and two tokens.

Everything is looked for before it is made, so running it again changes nothing. It acts with an operator's
token; what the service and Grafana get afterwards may touch this one bucket only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from ingest_service.series.influx.link import Link
from ingest_service.series.influx.where import Where
from ingest_service.series.port import SeriesError

POLICY: Final = "autogen"
_PAGE: Final = 100


class Step(NamedTuple):
    """One thing that has to be so: `state` is there, made, changed, or would be made or changed (dry run)."""

    what: str
    state: str
    detail: str = ""


class Wanted(NamedTuple):
    """A token: its name, what it may do, where it is kept (`known`: what is there, `keep` writes it)."""

    name: str
    actions: tuple[str, ...]
    known: str | None
    keep: Callable[[str], None]


class Setup:
    """Walks through the steps against one server; `dry` only looks."""

    def __init__(self, where: Where, *, dry: bool = False) -> None:
        self._where, self._dry = where, dry
        self._link = Link(where)
        self.steps: list[Step] = []

    def run(self, tokens: list[Wanted]) -> str:
        """Make what is missing; the server's version. Raises SeriesError."""
        try:
            version = self._link.version()
            if version.startswith(("1.", "v1.")):
                self._prepare_1()
            else:
                self._prepare_2(tokens)
            return version
        finally:
            self._link.close()

    def clear(self) -> None:
        """Delete everything in the bucket. Raises SeriesError."""
        try:
            if not self._dry:
                names = self._link.ask_one("SHOW MEASUREMENTS")
                for name in sorted(str(row[0]) for series in names for row in series.values):
                    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
                    self._link.ask_one(f'DROP MEASUREMENT "{quoted}"')
            self._note("content", "deleted", f"everything in bucket {self._where.bucket}")
        finally:
            self._link.close()

    def _note(self, what: str, done: str, detail: str = "") -> None:
        words = {"made": "would be made", "changed": "would be changed", "deleted": "would be deleted"}
        self.steps.append(Step(what, words.get(done, done) if self._dry else done, detail))

    def _prepare_1(self) -> None:
        """1.x has databases, and its users are made by its own administrator."""
        name = self._where.bucket
        there = {str(row[0]) for one in self._link.ask_one("SHOW DATABASES") for row in one.values}
        if name not in there and not self._dry:
            quoted = name.replace('"', '\\"')
            self._link.ask_one(f'CREATE DATABASE "{quoted}" WITH DURATION INF NAME "{POLICY}"')
        self._note("bucket", "there" if name in there else "made", f"database {name}, which keeps everything")
        self._note(
            "tokens", "not made", "1.x has users instead: influx_token is USER:PASSWORD, empty without"
        )

    def _prepare_2(self, tokens: list[Wanted]) -> None:
        org = self._org()
        bucket = self._bucket(org)
        if bucket is not None:
            self._mapping(org, bucket)
        for wanted in tokens:
            self._token(org, bucket, wanted)

    def _get(self, path: str, **params: str) -> dict[str, Any]:
        answer = self._link.send("GET", f"/api/v2/{path}", params=params).json()
        if not isinstance(answer, dict):
            raise SeriesError(f"InfluxDB at {self._where.url} gave no sensible answer to /api/v2/{path}")
        return answer

    def _org(self) -> str:
        found = self._get("orgs", org=self._where.org).get("orgs", [])
        if not found:
            raise SeriesError(
                f"there is no organisation {self._where.org} in InfluxDB at {self._where.url} that this "
                "token may see: give an operator's token, make the organisation, or mend influx_org"
            )
        return str(found[0]["id"])

    def _bucket(self, org: str) -> dict[str, Any] | None:
        name = self._where.bucket
        bucket = self._find(org, name)
        if bucket is None:
            self._note("bucket", "made", f"{name}, which keeps everything")
            if self._dry:
                return None
            body = {"orgID": org, "name": name, "retentionRules": []}
            made: dict[str, Any] = self._link.send("POST", "/api/v2/buckets", json=body).json()
            return made
        limited = [rule for rule in bucket.get("retentionRules", []) if rule.get("everySeconds")]
        if limited:
            seconds = limited[0]["everySeconds"]
            if not self._dry:
                self._link.send("PATCH", f"/api/v2/buckets/{bucket['id']}", json={"retentionRules": []})
            self._note("bucket", "changed", f"{name} kept {seconds} s only; it keeps everything now")
        else:
            self._note("bucket", "there", f"{name}, which keeps everything")
        return bucket

    def _find(self, org: str, name: str) -> dict[str, Any] | None:
        """Asked for by its name, one that is not there would be an error like any other."""
        for offset in range(0, 100_000, _PAGE):
            page = self._get("buckets", orgID=org, limit=str(_PAGE), offset=str(offset)).get("buckets", [])
            for one in page:
                if one["name"] == name:
                    found: dict[str, Any] = one
                    return found
            if len(page) < _PAGE:
                break
        return None

    def _mapping(self, org: str, bucket: dict[str, Any]) -> None:
        """InfluxQL speaks of databases: one of the bucket's name stands for it."""
        found = self._get("dbrps", orgID=org, db=self._where.bucket).get("content", [])
        real = [one for one in found if not one.get("virtual")]
        if any(one["bucketID"] != bucket["id"] and one.get("default") for one in real):
            raise SeriesError(
                f"database {self._where.bucket} already stands for another bucket in InfluxQL: remove that "
                "mapping (`influx v1 dbrp delete`) or set another influx_bucket"
            )
        there = any(one["bucketID"] == bucket["id"] and one.get("default") for one in real)
        if not there and not self._dry:
            body = {"orgID": org, "bucketID": bucket["id"], "database": self._where.bucket}
            body |= {"retention_policy": POLICY, "default": True}
            self._link.send("POST", "/api/v2/dbrps", json=body)
        self._note("InfluxQL", "there" if there else "made", f"database {self._where.bucket} is the bucket")

    def _token(self, org: str, bucket: dict[str, Any] | None, wanted: Wanted) -> None:
        said = f"OSHWatch {wanted.name}, bucket {self._where.bucket}"
        what = f"token {wanted.name}"
        asked = [
            {"action": action, "resource": {"type": "buckets", "id": bucket["id"], "orgID": org}}
            for action in wanted.actions
            if bucket is not None
        ]
        found = [
            one
            for one in self._get("authorizations", orgID=org).get("authorizations", [])
            if one.get("description") == said and one.get("status") == "active" and _may(one) == _of(asked)
        ]
        if wanted.known and any(one.get("token") == wanted.known for one in found):
            self._note(what, "there", "+".join(wanted.actions))
            return
        kept = next((str(one["token"]) for one in found if one.get("token")), None)
        if kept is not None:
            if not self._dry:
                wanted.keep(kept)
            self._note(what, "made", "+".join(wanted.actions) + "; it was known, its file was not")
            return
        if not self._dry:
            body = {"orgID": org, "description": said, "permissions": asked}
            wanted.keep(str(self._link.send("POST", "/api/v2/authorizations", json=body).json()["token"]))
        self._note(what, "made", "+".join(wanted.actions))


def _of(permissions: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {(one["action"], one["resource"]["type"], one["resource"].get("id", "")) for one in permissions}


def _may(authorization: dict[str, Any]) -> set[tuple[str, str, str]]:
    return _of(authorization.get("permissions", []))
