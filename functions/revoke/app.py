"""POST /revoke: writes revocations, holds no key."""

from stepless.http.revoke_routes import revoke_routes
from stepless.runtime.api_function import ApiFunction

handler = ApiFunction("revoke", lambda wiring, note: [revoke_routes(lambda: wiring.revoke, note)])
