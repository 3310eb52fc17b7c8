"""POST /sign: the function that may decrypt the issuing key and write new certificates."""

from stepless.http.issuance_routes import sign_routes
from stepless.runtime.api_function import ApiFunction

handler = ApiFunction("issue", lambda wiring, note: [sign_routes(lambda: wiring.sign, note)])
