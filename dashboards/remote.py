"""A running Grafana, as far as `pushing` needs it: grafana-client behind our own words and errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from grafana_client import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

TIMEOUT_S: Final = 15.0
_NOT_FOUND, _CHANGED = 404, 412
_FORBIDDEN: Final = 403
_ADMINISTERS: Final = 4


class RemoteError(Exception):
    """Grafana cannot be asked or refuses; the message says what to do. Nothing after it was done."""


class Remote:
    """Grafana's HTTP API with a token of a service account. Raises RemoteError."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise RemoteError(f"{url!r} is no address of a Grafana; write it like https://grafana.example/")
        if parts.username or parts.password:
            raise RemoteError("a password does not belong into the address; give a token in a file")
        self._url = url
        address = url if url.endswith("/") else url + "/"
        self._api = GrafanaApi.from_url(address, credential=token, timeout=TIMEOUT_S)

    def source(self, uid: str) -> dict[str, Any] | None:
        """A data source by its uid."""
        return self._found(lambda: self._api.datasource.get_datasource_by_uid(uid))

    def add_source(self, source: Mapping[str, Any]) -> None:
        """Make a data source."""
        self._ask(lambda: self._api.datasource.create_datasource(dict(source)))

    def change_source(self, source: Mapping[str, Any]) -> None:
        """Replace a data source, its secrets with it where they are given."""
        self._ask(lambda: self._api.datasource.update_datasource_by_uid(source["uid"], dict(source)))

    def folder(self, uid: str) -> dict[str, Any] | None:
        """A folder by its uid."""
        return self._found(lambda: self._api.folder.get_folder(uid))

    def add_folder(self, uid: str, title: str) -> None:
        """Make a folder."""
        self._ask(lambda: self._api.folder.create_folder(title, uid))

    def rename_folder(self, uid: str, title: str, version: int) -> None:
        """Give a folder another title."""
        self._ask(lambda: self._api.folder.update_folder(uid, title, version))

    def permissions(self, folder: str) -> list[dict[str, Any]] | None:
        """Who may do what in a folder beside administrators; None when there is no such folder."""
        found = self._ask(lambda: self._api.folder.get_folder_permissions(folder), or_none=True)
        return None if found is None else [one for one in found if one.get("permission") != _ADMINISTERS]

    def set_permissions(self, folder: str, items: Sequence[Mapping[str, Any]]) -> None:
        """Replace them."""
        self._ask(lambda: self._api.folder.update_folder_permissions(folder, {"items": list(items)}))

    def dashboard(self, uid: str) -> dict[str, Any] | None:
        """A dashboard with what Grafana says of it: `dashboard` and `meta`."""
        return self._found(lambda: self._api.dashboard.get_dashboard(uid))

    def last_message(self, uid: str) -> str:
        """What was written when a dashboard was saved last."""
        # grafana-client would send the limit where Grafana does not look, and get every version whole.
        found = self._ask(lambda: self._api.client.GET(f"/dashboards/uid/{uid}/versions?limit=1"))
        versions = found["versions"] if isinstance(found, Mapping) else found  # an object since Grafana 11
        return str(versions[0].get("message") or "") if versions else ""

    def save(self, dashboard: Mapping[str, Any], folder: str, message: str, over: int | None) -> None:
        """Save a dashboard over the version that was read, `over`; None for a new one."""
        if over is None:
            # Grafana notes "Initial save" whatever it is told: a second save carries the message.
            over = int(self._save(dashboard, folder, message, None)["version"])
        self._save(dashboard, folder, message, over)

    def _save(
        self, dashboard: Mapping[str, Any], folder: str, message: str, over: int | None
    ) -> dict[str, Any]:
        body = {key: value for key, value in dashboard.items() if key not in {"id", "version"}}
        if over is not None:
            body["version"] = over
        wanted = {"dashboard": body, "folderUid": folder, "message": message, "overwrite": False}
        answer: dict[str, Any] = self._ask(lambda: self._api.dashboard.update_dashboard(wanted))
        return answer

    def _found(self, ask: Callable[[], Any]) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self._ask(ask, or_none=True)
        return found

    def _ask(self, ask: Callable[[], Any], *, or_none: bool = False) -> Any:
        try:
            return ask()
        except GrafanaUnauthorizedError:
            raise RemoteError(
                f"{self._url} does not know this token. Make a service account of the role Admin in Grafana, "
                "a token of it, and put that into the file."
            ) from None
        except GrafanaClientError as error:
            if or_none and error.status_code == _NOT_FOUND:
                return None
            raise RemoteError(self._refusal(error)) from None
        except GrafanaException as error:
            raise RemoteError(f"{self._url} failed: {error.message}. See Grafana's log.") from None
        except requests.exceptions.JSONDecodeError:
            raise RemoteError(f"{self._url} answers, but not like a Grafana. Check the address.") from None
        except requests.exceptions.RequestException as error:
            why = type(error).__name__
            raise RemoteError(f"{self._url} cannot be reached ({why}). Check address and network.") from None

    def _refusal(self, error: GrafanaException) -> str:
        if error.status_code == _CHANGED:
            return "somebody saved the same dashboard meanwhile; run the command again"
        if error.status_code == _FORBIDDEN:
            return (
                f"{self._url}: the token may not do this ({error.message}). Its service account needs the "
                "role Admin in this organisation."
            )
        return f"{self._url} refused: {error.message}"
