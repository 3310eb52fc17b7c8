"""JSON answers as step-ca writes them: compact, with a final line break."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def json_response(value: Any, status: int = 200) -> Response:
    """An answer of one JSON value."""
    body = json.dumps(value, separators=(",", ":")) + "\n"
    return Response(body, status, media_type="application/json")
