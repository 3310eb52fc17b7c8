"""Tells the world that the authority is ready: files in the home first, then a few lines to read."""

import json
from dataclasses import dataclass

from typing_extensions import override

from stepless_dev.aws import Operator
from stepless_dev.home import Home, write_atomically
from stepless_dev.template import Template
from stepless_dev.tls import EndpointCertificate

PROVISIONER = "admin"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a person needs in order to go on; `str` gives it as text."""

    url: str
    fingerprint: str
    password_file: str
    dashboard: str
    has_dashboard: bool

    @override
    def __str__(self) -> str:
        dashboard = self.dashboard if self.has_dashboard else "not yet in this version"
        return "\n".join(
            (
                "",
                f"stepless is ready on {self.url}",
                "",
                f"  root fingerprint:  {self.fingerprint}",
                f"  trust it:          step ca bootstrap --ca-url {self.url} --fingerprint {self.fingerprint}",
                f"  dashboard:         {dashboard}",
                f"  first provisioner: {PROVISIONER}; its password is in {self.password_file}",
                "",
                "Ctrl-C stops it; everything is kept.",
            )
        )


def announce(
    home: Home, operator: Operator, template: Template, outputs: dict[str, str],
    endpoint: EndpointCertificate, port: int,
) -> Announcement:  # fmt: skip
    """Writes `root_ca.crt`, `password` and `local.json`, each in one step. Blocks."""
    secrets = operator.client("secretsmanager")
    secret = secrets.get_secret_value(SecretId=outputs["ProvisionerSecretArn"])["SecretString"]
    password, root = home.root / "password", home.root / "root_ca.crt"
    write_atomically(password, secret.encode())
    write_atomically(root, endpoint.root_pem, mode=0o644)
    url = f"https://localhost:{port}"
    dashboard = f"{url}/dashboard/"
    facts = {
        "url": url,
        "fingerprint": endpoint.fingerprint,
        "root": str(root.absolute()),
        "dashboard": dashboard,
        "provisioner": PROVISIONER,
        "password_file": str(password.absolute()),
        "aws_endpoint": operator.endpoint_url,
        "aws_access_key_id": operator.access_key_id,  # of the embedded AWS; valid for this run
        "outputs": outputs,
    }
    write_atomically(home.local_json, json.dumps(facts, indent=2).encode() + b"\n")
    has_dashboard = any(route.path.startswith("/dashboard") for route in template.routes)
    return Announcement(url, endpoint.fingerprint, str(password), dashboard, has_dashboard)
