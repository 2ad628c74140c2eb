"""Static files: cached for ever under their marked address, compressed once for those who take gzip."""

from __future__ import annotations

import gzip
from functools import lru_cache
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_TEXT: Final = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


class CompressedStatic(StaticFiles):
    """`StaticFiles` for the few small texts of the pages."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, compressed when asked for; what has a mark (`?v=`) may be kept for ever."""
        full, found = self.lookup_path(path)
        kind = _TEXT.get(Path(path).suffix)
        if found is None or kind is None or "gzip" not in Headers(scope=scope).get("accept-encoding", ""):
            response = await super().get_response(path, scope)
        else:
            headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            content = _compressed(full, found.st_mtime_ns)
            response = Response(content, media_type=f"{kind}; charset=utf-8", headers=headers)
        if scope["query_string"].startswith(b"v=") and response.status_code == 200:
            response.headers["Cache-Control"] = _FOR_EVER
        return response


@lru_cache(maxsize=64)
def _compressed(path: str, _changed: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), mtime=0)
