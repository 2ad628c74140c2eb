"""The people of the demo: inspectors, both sides of every committee, adviser, engineer, administrator."""

from typing import Any, NamedTuple
from urllib.parse import quote

from firmware_sim.factories import FactoryPlan

SHOWN = ("inspector-kh", "inspector-bd", "worker", "manager", "engineer", "admin")
"""The accounts named on the ready line; every account has the same password."""

_FIRST_SITE = "kh-f0123"
_PEOPLE = {
    "kh-f0123": ("Sok Dara", "Chan Vanna"),
    "kh-f0207": ("Keo Sreymom", "Lim Bopha"),
    "bd-f0031": ("Rahima Khatun", "Tanvir Ahmed"),
    "bd-f0044": ("Nasrin Akter", "Imran Hossain"),
}


class Account(NamedTuple):
    """One account. `scope` is a node of country > district > site > zone."""

    login: str
    name: str
    role: str
    scope: str


def accounts(factories: tuple[FactoryPlan, ...]) -> list[Account]:
    """Everybody; `worker` and `manager` sit on the committee of the first factory."""
    found = [
        Account("inspector-kh", "Inspector Sophea Chea", "authority", "kh"),
        Account("inspector-bd", "Inspector Farhana Islam", "authority", "bd"),
        Account("adviser", "Adviser Maria Santos", "adviser", ""),
        Account("engineer", "Engineer Vuthy Prak", "engineer", ""),
        Account("admin", "Administrator", "administrator", ""),
    ]
    for factory in factories:
        suffix = "" if factory.site == _FIRST_SITE else f"-{factory.site}"
        worker, manager = _PEOPLE.get(factory.site, (f"Workers {factory.site}", f"Management {factory.site}"))
        scope = f"{factory.country}/{factory.district}/{factory.site}"
        found.append(Account(f"worker{suffix}", worker, "committee-worker", scope))
        found.append(Account(f"manager{suffix}", manager, "committee-management", scope))
    return found


def people(factories: tuple[FactoryPlan, ...], smtp_port: int) -> list[dict[str, Any]]:
    """The accounts as part of a site description, each with an address at the local mail catcher."""
    return [
        {
            "login": account.login,
            "name": account.name,
            "role": account.role,
            "scope": account.scope,
            "language": "en",
            "contacts": [{"kind": "email", "url": mail_url(f"{account.login}@demo.invalid", smtp_port)}],
        }
        for account in accounts(factories)
    ]


def mail_url(address: str, smtp_port: int) -> str:
    """An apprise URL that delivers to the catcher on loopback."""
    to, sender = quote(address), quote("oshwatch@demo.invalid")
    return f"mailto://127.0.0.1:{smtp_port}/?from={sender}&to={to}&mode=insecure"
