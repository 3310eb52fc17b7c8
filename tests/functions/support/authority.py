"""An authority in moto's AWS: tables and keys as in `infra/`, made by the bootstrap service itself."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import botocore.session
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring
from stepless.services.bootstrap import BootstrapRequest
from stepless_dev.template import load_yaml
from tests.functions.support.events import Client
from tests.functions.support.handlers import ROOT, Environment
from tests.support.forge import P256, Forge, forge_for, make_csr, pem
from tests.support.https import Answer
from tests.support.moto_aws import moto_aws

PASSWORD = "a-password-of-functions-tests-0001"
URL = "https://localhost:9000"
REGION = "eu-west-1"
# What the template gives to every function, beside the names of its tables and keys.
COMMON = {
    "AUTHORITY_ID": "default",
    "LOG_LEVEL": "INFO",
    "POWERTOOLS_METRICS_NAMESPACE": "stepless",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
TABLES = ("SettingsTable", "CertificatesTable", "TicketsTable", "KeysTable")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class MotoAuthority:
    """A bootstrapped authority; `variables` is what all functions together need of their environment.

    `sdk` is DynamoDB for the test itself, past the functions' own way to it.
    """

    wiring: Wiring
    forge: Forge
    variables: dict[str, str]
    sdk: Any
    _warm: dict[str, Client] = field(default_factory=dict)

    def client(self, folder: str, wiring: Callable[[FunctionSettings], Wiring] | None = None) -> Client:
        """A new environment of a function."""
        return Client(Environment.start(folder, wiring))

    def warm(self, folder: str) -> Client:
        """An environment of a function that all tests of a module share: starting one costs half a second."""
        if folder not in self._warm:
            self._warm[folder] = self.client(folder)
        return self._warm[folder]

    def issue(self, name: str) -> Issued:
        """A certificate by POST /sign."""
        key = ec.generate_private_key(P256)
        body = self.forge.sign_body(name, csr=pem(make_csr(name, key=key)))
        answer = self.warm("issue").call("POST", "/sign", body)
        assert answer.status == 201, answer.body
        return Issued(answer.certificate, key, body)

    def items(self, table: str, attributes: str) -> list[dict[str, Any]]:
        """Every item of a table, with some of its attributes: moto takes its time for each."""
        scan = self.sdk.get_paginator("scan")
        pages = scan.paginate(TableName=self.variables[table], ProjectionExpression=attributes)
        return [item for page in pages for item in page["Items"]]

    def counts(self) -> tuple[int, int]:
        """How many items the inventory and the marks of spent tokens have: quicker than to read them."""
        tables = (self.variables["CERTIFICATES_TABLE"], self.variables["TICKETS_TABLE"])
        certificates, tickets = (self.sdk.describe_table(TableName=name)["Table"]["ItemCount"] for name in tables)
        return certificates, tickets

    def recorded(self) -> set[int]:
        """Serials that are on record with their certificate."""
        items = self.items("CERTIFICATES_TABLE", "pk, sha256")
        return {int(item["pk"]["S"].rpartition("#")[2], 16) for item in items if "sha256" in item}

    def spent(self) -> dict[str, int]:
        """Marks of spent tokens and the serials that they were spent for."""
        return {item["pk"]["S"]: int(item["serial"]["S"], 16) for item in self.items("TICKETS_TABLE", "pk, serial")}

    def check_books(self, *answers: Answer) -> None:
        """Nothing was handed out that is not recorded, and no token burnt without its record."""
        recorded = self.recorded()
        for answer in answers:
            if answer.status == 201:
                assert answer.certificate.serial_number in recorded
        assert set(self.spent().values()) <= recorded


def _make_tables(sdk: Any) -> dict[str, str]:
    resources = load_yaml(ROOT / "infra" / "data.yaml")["Resources"]
    names = {}
    for logical_id in TABLES:
        properties = resources[logical_id]["Properties"]
        request = {key: properties[key] for key in ("KeySchema", "AttributeDefinitions", "BillingMode")}
        sdk.create_table(TableName=logical_id, **request)
        names[f"{logical_id.removesuffix('Table').upper()}_TABLE"] = logical_id
    return names


@contextlib.contextmanager
def authority_in_moto(set_variable: Callable[[str, str], None]) -> Iterator[MotoAuthority]:
    """Start moto, make everything, and set the functions' environment with `set_variable`."""
    with moto_aws():
        for name, value in COMMON.items():
            set_variable(name, value)
        bare = Wiring(FunctionSettings(COMMON))
        sdk = botocore.session.get_session().create_client("dynamodb")
        variables = {**COMMON, **_make_tables(sdk)}
        for name in ("ISSUING_KMS_KEY", "ROOT_KMS_KEY"):
            variables[name] = bare.aws.kms().create_key()["KeyMetadata"]["Arn"]
        variables["PROVISIONER_SECRET"] = bare.aws.secrets_manager().create_secret(
            Name="provisioner", SecretString=PASSWORD
        )["ARN"]
        for name, value in variables.items():
            set_variable(name, value)
        wiring = Wiring(FunctionSettings(variables))
        wiring.bootstrap(BootstrapRequest("default", "Functions", ("localhost", "127.0.0.1"), PASSWORD))
        provisioner = wiring.source_authority().provisioners[0].document
        yield MotoAuthority(wiring, forge_for(URL, json.loads(json.dumps(provisioner)), PASSWORD), variables, sdk)
