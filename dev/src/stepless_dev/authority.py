"""The authority seen by its operator: certificates for the gateway, provisioners for the command line.

The only module here that knows the `stepless` package.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepless_dev.aws import REGION
from stepless_dev.aws import Operator as AWSOperator
from stepless_dev.tls import EndpointCertificate

if TYPE_CHECKING:
    from stepless.runtime.operator import Operator

AUTHORITY_ID = "default"  # the template's default for AuthorityId


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the authority's settings and keys are, from the stack's outputs."""

    settings: str
    keys: str


OpenEndpoint = Callable[[AWSOperator, Tables], EndpointCertificate]


def operator_of(aws: AWSOperator, tables: Tables) -> "Operator":
    """The authority with the rights of the embedded AWS's root."""
    # Costs half a second, which a refused start or --help need not pay.
    from stepless.runtime.aws import AWSClients  # noqa: PLC0415  # see above
    from stepless.runtime.operator import Operator  # noqa: PLC0415  # see above

    clients = AWSClients(
        aws.endpoint_url,
        REGION,
        aws_access_key_id=aws.access_key_id,
        aws_secret_access_key="stepless",  # noqa: S106  # the key id is the secret (aws_process)
    )
    return Operator(clients, AUTHORITY_ID, settings_table=tables.settings, keys_table=tables.keys)


def open_endpoint(aws: AWSOperator, tables: Tables) -> EndpointCertificate:
    """Reads and decrypts the endpoint's certificate and key. Blocks."""
    return operator_of(aws, tables).endpoint()
