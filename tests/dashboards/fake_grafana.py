"""A stand-in for Grafana's HTTP API, as far as a push needs it, with the answers that a real 9.4 gave.

What is odd is meant: the first save of a dashboard is noted as "Initial save" whatever it was told, a folder
begins with editors, a save over another version is refused with 412. The suite that uses it runs against a
real one as well (`OSHWATCH_TEST_GRAFANA_URL`, `OSHWATCH_TEST_GRAFANA_TOKEN`).
"""

import http.server
import json
import re
import threading
from typing import Any

TOKEN = "glsa_right"
Answer = tuple[int, Any]


class FakeGrafana(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.sources: dict[str, dict[str, Any]] = {}
        self.folders: dict[str, dict[str, Any]] = {}
        self.permissions: dict[str, list[dict[str, Any]]] = {}
        self.dashboards: dict[str, list[tuple[dict[str, Any], str, str]]] = {}
        self.writes = 0
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, method: str, path: str, body: Any) -> Answer:
        if method != "GET":
            self.writes += 1
        for pattern, handler in (
            (r"/api/datasources/uid/([^/]+)", self._source),
            (r"/api/datasources", self._new_source),
            (r"/api/folders/([^/]+)/permissions", self._permissions),
            (r"/api/folders/([^/]+)", self._folder),
            (r"/api/folders", self._new_folder),
            (r"/api/dashboards/uid/([^/]+)/versions", self._versions),
            (r"/api/dashboards/uid/([^/]+)", self._dashboard),
            (r"/api/dashboards/db", self._save),
        ):
            found = re.fullmatch(pattern, path)
            if found:
                return handler(method, found[1] if found.groups() else "", body)
        return 404, {"message": "Not found"}

    def _source(self, method: str, uid: str, body: Any) -> Answer:
        if uid not in self.sources:
            return 404, {"message": "Data source not found"}
        if method == "PUT":
            self._keep(uid, body)
        return 200, self.sources[uid]

    def _new_source(self, _: str, __: str, body: Any) -> Answer:
        self._keep(body["uid"], body)
        return 200, {"message": "Datasource added"}

    def _keep(self, uid: str, body: dict[str, Any]) -> None:
        version = self.sources.get(uid, {}).get("version", 0) + 1
        shown = {key: value for key, value in body.items() if key != "secureJsonData"}
        fields = dict.fromkeys(body.get("secureJsonData", {}), True)
        self.sources[uid] = shown | {"version": version, "readOnly": False, "secureJsonFields": fields}

    def _folder(self, method: str, uid: str, body: Any) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found", "status": "not-found"}
        if method == "PUT":
            self.folders[uid] |= {"title": body["title"], "version": self.folders[uid]["version"] + 1}
        return 200, self.folders[uid]

    def _new_folder(self, _: str, __: str, body: Any) -> Answer:
        uid = body["uid"]
        self.folders[uid] = {"uid": uid, "title": body["title"], "version": 1}
        self.permissions[uid] = [{"role": "Editor", "permission": 2}, {"role": "Viewer", "permission": 1}]
        return 200, self.folders[uid]

    def _permissions(self, method: str, uid: str, body: Any) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found"}
        if method == "POST":
            self.permissions[uid] = body["items"]
            return 200, {"message": "Folder permissions updated"}
        return 200, self.permissions[uid]

    def _dashboard(self, _: str, uid: str, __: Any) -> Answer:
        if uid not in self.dashboards:
            return 404, {"message": "Dashboard not found"}
        dashboard, folder, _message = self.dashboards[uid][-1]
        return 200, {"dashboard": dashboard, "meta": {"folderUid": folder, "provisioned": False}}

    def _versions(self, _: str, uid: str, __: Any) -> Answer:
        saved = self.dashboards.get(uid, [])
        return 200, [{"version": len(saved), "message": saved[-1][2]}] if saved else []

    def _save(self, _: str, __: str, body: Any) -> Answer:
        dashboard, uid = body["dashboard"], body["dashboard"]["uid"]
        saved = self.dashboards.setdefault(uid, [])
        if saved and dashboard.get("version") != len(saved) and not body.get("overwrite"):
            return 412, {
                "message": "changed by someone else",
                "status": "version-mismatch",
            }
        version = len(saved) + 1
        message = body.get("message", "") if saved else "Initial save"
        saved.append((dashboard | {"id": 7, "version": version}, body.get("folderUid", ""), message))
        return 200, {"uid": uid, "version": version, "status": "success"}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: FakeGrafana

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, {"message": "invalid API key"}
        else:
            status, answer = self.server.answer(self.command, self.path.partition("?")[0], body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Nothing to say."""
