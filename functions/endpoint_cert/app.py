"""Every hour: keeps the API's own TLS certificate fresh."""

from stepless.runtime.worker_function import WorkerFunction

handler = WorkerFunction("endpoint_cert", lambda wiring, _: wiring.keep_endpoint(wiring.source.authority()))
