"""POST /renew and /rekey: as issue, and it marks the certificate that is continued."""

from stepless.http.issuance_routes import renew_routes
from stepless.runtime.api_function import ApiFunction

handler = ApiFunction("renew", lambda wiring, note: [renew_routes(lambda: wiring.renew, note)])
