"""Changes of people and the ways to reach them."""

import sqlalchemy as sa

from ingest_service.register import schema
from ingest_service.register.entries import Role
from ingest_service.register.recorder import ChangeRefused, Recorder


class PeopleChanges(Recorder):
    """What may change about people."""

    def put_person(
        self,
        login: str,
        name: str,
        role: Role,
        scope: str,
        language: str = "en",
        valid_until: float | None = None,
        active: bool | None = None,
    ) -> int:
        """Add the person, or bring them to these values; returns their id.

        `active` None leaves it as it is, True for somebody new.
        """
        held = self._one(schema.PERSONS, login=login)
        if active is None:
            active = True if held is None else bool(held["active"])
        values = {
            "login": login,
            "name": name,
            "role": role.value,
            "scope": scope,
            "side": role.side,
            "language": language,
            "active": active,
            "valid_until": valid_until,
        }
        self._put(schema.PERSONS, {"login": login}, values, "person", login, _site_in(scope))
        held = self._one(schema.PERSONS, login=login)
        assert held is not None  # noqa: S101 - it was put above, in this transaction
        return int(held["id"])

    def deactivate(self, login: str) -> None:
        """The person may no longer sign in and is no longer told; what they did stays."""
        held = self._one(schema.PERSONS, login=login)
        if held is None:
            raise ChangeRefused(f"there is no person {login}")
        if held["active"]:
            self._update(schema.PERSONS, {"login": login}, {"active": False})
            self.record("person deactivated", login, _site_in(held["scope"]))

    def put_contacts(self, person: int, contacts: list[tuple[str, str]]) -> None:
        """Make these (kind, url) the ways to reach the person; a url may hold a secret and is not audited."""
        table = schema.CONTACTS
        rows = self.connection.execute(sa.select(table).where(table.c.person == person)).mappings().all()
        held = {(row["kind"], row["url"]): row for row in rows}
        for key, row in held.items():
            wanted = key in contacts
            if row["active"] != wanted:
                self._update(table, {"id": row["id"]}, {"active": wanted})
                self.record(
                    "contact back" if wanted else "contact ended", f"contact {row['id']}", kind=key[0]
                )
        for kind, url in dict.fromkeys(contacts):
            if (kind, url) not in held:
                self.connection.execute(
                    sa.insert(table).values(person=person, kind=kind, url=url, active=True)
                )
                self.record("contact added", f"person {person}", kind=kind)


def _site_in(scope: str) -> str | None:
    """The site a scope is inside of: the third word of its path."""
    words = scope.split("/")
    return words[2] if len(words) > 2 else None
