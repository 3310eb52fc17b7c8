"""Each function's role lets its adapters do what they do, and nothing else: the templates' policies, enforced.

`tests/infra/test_permissions.py` holds what the policies say; this is what they come to, call by call.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from stepless.errors import Unavailable
from stepless.services.ports import KeyName
from stepless.store.dynamodb import CallRefused
from stepless_dev.embedded_aws import EmbeddedAWS
from tests.contract.support.backends import AWS
from tests.contract.support.roles import Deployed
from tests.contract.support.samples import (
    REVOCATION,
    hierarchy,
    jwk_provisioner,
    make_authority,
    make_leaf,
    make_record,
    make_spend,
    succession,
    successor_of,
)
from tests.fakes.clock import FrozenClock
from tests.fakes.private_keys import p256
from tests.infra.templates import functions

AUTHORITY = "roles"
OTHER_AUTHORITY = "roles-other"
ENDPOINT_CHAIN = (make_leaf(),)
KNOWN = make_record()
CLOCK = FrozenClock()


def _names(role: str) -> KeyName:
    return KeyName(role, "known")


def _vault_call(role: str, verb: str, authority_id: str = AUTHORITY) -> Callable[[AWS], object]:
    if verb == "seal":
        return lambda aws: aws.vault(authority_id).seal(KeyName(role, make_spend().key), p256(), hierarchy().chain)
    return lambda aws: aws.vault(authority_id).open(_names(role))


def _replace_endpoint(aws: AWS) -> None:
    """With the certificate that is there, so that it can be done again."""
    aws.vault(AUTHORITY).replace(_names("endpoint"), p256(), ENDPOINT_CHAIN, instead_of=ENDPOINT_CHAIN[0])


def _repeat(aws: AWS) -> None:
    spend = make_spend()
    for _ in range(2):
        aws.certificates(AUTHORITY).record(make_record(), spend=spend)


CALLS: Mapping[str, Callable[[AWS], object]] = {
    "load settings": lambda aws: aws.settings(AUTHORITY, CLOCK).load(),
    "create settings": lambda aws: aws.settings(key := make_spend().key, CLOCK).create(
        make_authority(key), jwk_provisioner("admin"), "id"
    ),
    "remove provisioner": lambda aws: aws.settings(AUTHORITY, CLOCK).remove_provisioner("admin"),
    "record": lambda aws: aws.certificates(AUTHORITY).record(make_record()),
    "record with token": lambda aws: aws.certificates(AUTHORITY).record(make_record(), spend=make_spend()),
    "repeat with token": _repeat,
    "renew": lambda aws: aws.certificates(AUTHORITY).record(successor_of(KNOWN), succeeds=succession(KNOWN)),
    "get record": lambda aws: aws.certificates(AUTHORITY).get(KNOWN.serial),
    "revoke": lambda aws: aws.certificates(AUTHORITY).revoke(make_record().serial, REVOCATION),
    "revoke with token": lambda aws: aws.certificates(AUTHORITY).revoke(
        make_record().serial, REVOCATION, spend=make_spend()
    ),
    "see endpoint certificate": lambda aws: aws.vault(AUTHORITY).chain(_names("endpoint")),
    "replace endpoint key": _replace_endpoint,
    **{f"{verb} {role} key": _vault_call(role, verb) for verb in ("open", "seal") for role in ("root", "issuing")},
    "open endpoint key": _vault_call("endpoint", "open"),
    "seal endpoint key": _vault_call("endpoint", "seal"),
    "open another authority's issuing key": _vault_call("issuing", "open", OTHER_AUTHORITY),
}
SIGNER = {"load settings", "open issuing key", "see endpoint certificate"}
PERMITTED: dict[str, set[str]] = {
    "ca_info": {"load settings"},
    "issue": SIGNER | {"record", "record with token", "repeat with token", "get record"},
    "renew": SIGNER
    | {"record", "record with token", "repeat with token", "get record", "renew"}
    # An update of any certificate is an update: IAM does not tell a successor from a revocation.
    | {"revoke", "revoke with token"},
    "revoke": {"load settings", "revoke", "revoke with token"},
    "endpoint_cert": SIGNER | {"record", "seal endpoint key", "replace endpoint key"},
    "bootstrap": SIGNER
    | {"create settings", "record", "replace endpoint key", "open endpoint key"}
    | {"seal root key", "open root key", "seal issuing key", "seal endpoint key"},
}


@pytest.fixture(scope="module")
def deployed(embedded_aws: EmbeddedAWS, ministack: AWS) -> Deployed:
    """Roles and keys, and something of everything in the tables."""
    made = Deployed(embedded_aws.operator, ministack, AUTHORITY)
    # The account may look after its keys and not use them: only bootstrap can fill the vault.
    bootstrap = made.as_function("bootstrap")
    root = made.as_root
    root.settings(AUTHORITY, CLOCK).create(make_authority(AUTHORITY), jwk_provisioner("admin"), "id")
    root.certificates(AUTHORITY).record(KNOWN)
    for role, chain in (("root", hierarchy().chain), ("issuing", hierarchy().chain), ("endpoint", ENDPOINT_CHAIN)):
        bootstrap.vault(AUTHORITY).seal(_names(role), p256(), chain)
    stored = root.keys(AUTHORITY).get(_names("issuing"))
    assert stored is not None
    root.keys(OTHER_AUTHORITY).put(stored)
    return made


def _is_permitted(call: Callable[[AWS], object], aws: AWS) -> bool:
    try:
        call(aws)
    except Unavailable as refusal:
        if _code(refusal.__cause__) == "AccessDeniedException":
            return False
        raise
    return True


def _code(error: BaseException | None) -> str:
    if isinstance(error, CallRefused):
        return error.code
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else ""


def test_every_function_has_its_table_here() -> None:
    assert set(PERMITTED) == set(functions())


@pytest.mark.parametrize("folder", PERMITTED)
def test_role_permits_what_its_function_does_and_no_more(deployed: Deployed, folder: str) -> None:
    aws = deployed.as_function(folder)
    assert {name for name, call in CALLS.items() if _is_permitted(call, aws)} == PERMITTED[folder]


FORBIDDEN: Mapping[str, dict[str, Any]] = {
    "Scan": {},
    "DeleteItem": {"Key": {"pk": {"S": AUTHORITY}, "sk": {"S": "authority"}}},
    "DeleteTable": {},
    "UpdateTimeToLive": {"TimeToLiveSpecification": {"AttributeName": "x", "Enabled": False}},
    "BatchWriteItem": {},
}


@pytest.mark.parametrize("folder", PERMITTED)
def test_role_permits_no_function_to_delete_or_scan(deployed: Deployed, folder: str) -> None:
    aws = deployed.as_function(folder)
    for table in (aws.tables.settings, aws.tables.certificates, aws.tables.tickets, aws.tables.keys):
        for operation, more in FORBIDDEN.items():
            request: dict[str, Any] = {"TableName": table, **more}
            if operation == "BatchWriteItem":
                delete = {"DeleteRequest": {"Key": {"pk": {"S": AUTHORITY}, "sk": {"S": "authority"}}}}
                request = {"RequestItems": {table: [delete]}}
            with pytest.raises(CallRefused) as refusal:
                aws.dynamodb.call(operation, request)
            assert refusal.value.code == "AccessDeniedException", (table, operation)
