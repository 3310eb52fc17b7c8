"""What the authority tells everyone; reads settings, holds no key."""

from stepless.http.info_routes import info_routes
from stepless.runtime.api_function import ApiFunction

handler = ApiFunction("ca_info", lambda wiring, _: [info_routes(wiring.source_authority)])
