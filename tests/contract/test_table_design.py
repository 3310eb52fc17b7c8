"""`docs/table-design.md` against the tables: which attributes there are, which calls are made, what they cost."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import pytest

from stepless.domain.certificate import ProvisionerReference
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.errors import Unauthenticated
from stepless.services.bootstrap import first_provisioner
from stepless.services.ports import KeyName, StoredKey
from stepless.store.dynamodb import DynamoDB
from stepless_dev.embedded_aws import EmbeddedAWS
from tests.contract.support.backends import AWS
from tests.contract.support.clients import clients_for
from tests.contract.support.samples import (
    REVOCATION,
    hierarchy,
    issue_leaf,
    jwk_provisioner,
    make_authority,
    make_record,
    make_spend,
    succession,
    successor_of,
)
from tests.fakes.clock import FrozenClock

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "table-design.md").read_text()
NAME: Final = KeyName("issuing", "intermediate-1")
PROVISIONER: Final = ProvisionerReference("0" * 32, "admin", "JWK")


def section(title: str) -> str:
    """The text under a heading."""
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


@dataclass(slots=True)
class Meter:
    """The calls of a client and what DynamoDB says they cost."""

    calls: list[str] = field(default_factory=list)
    requests: list[Mapping[str, Any]] = field(default_factory=list)
    written: float = 0
    read: float = 0

    def attach(self, dynamodb: DynamoDB) -> None:
        call = dynamodb.call

        def metered(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
            self.calls.append(operation)
            self.requests.append(request)
            answer = call(operation, {**request, "ReturnConsumedCapacity": "TOTAL"})
            self._note(operation, answer.get("ConsumedCapacity", []))
            return answer

        dynamodb.call = metered  # type: ignore[method-assign]  # of this one object

    def _note(self, operation: str, consumed: Any) -> None:
        units = sum(one["CapacityUnits"] for one in (consumed if isinstance(consumed, list) else [consumed]))
        if operation.startswith("Transact"):
            self.written += units
        else:
            self.read += units

    def take(self) -> tuple[str, str]:
        """Calls and units since the last time, as the document writes them."""
        units = [f"{amount:g} {unit}" for amount, unit in ((self.read, "R"), (self.written, "W")) if amount]
        calls = ", ".join(self.calls)
        self.calls.clear()
        self.read = self.written = 0
        return calls, " + ".join(units)


@pytest.fixture
def metered(embedded_aws: EmbeddedAWS, ministack: AWS) -> Iterator[tuple[AWS, Meter]]:
    operator, meter = embedded_aws.operator, Meter()
    dynamodb = clients_for(operator.endpoint_url, operator.access_key_id).dynamodb()
    meter.attach(dynamodb)
    yield replace(ministack, dynamodb=dynamodb), meter
    dynamodb.close()


def uses(aws: AWS, authority_id: str) -> Mapping[str, Callable[[], object]]:
    """What the document lists, in an order in which each can be done."""
    clock = FrozenClock()
    settings, store = aws.settings(authority_id, clock), aws.certificates(authority_id)
    vault, authority = aws.vault(authority_id), make_authority(authority_id)
    admin, second = ({**first_provisioner("p" * 32), "name": name} for name in ("admin", "other"))
    first = make_record(provisioner=PROVISIONER)
    renewed = successor_of(first)
    return {
        "settings: create": lambda: settings.create(authority, admin, "0" * 32),
        "settings: load": settings.load,
        "settings: add provisioner": lambda: settings.add_provisioner(authority, second, "1" * 32),
        "settings: remove provisioner": lambda: settings.remove_provisioner("other"),
        "sign": lambda: store.record(first, spend=make_spend()),
        "renew": lambda: store.record(renewed, succeeds=succession(first)),
        "renew with token": lambda: store.record(successor_of(first), spend=make_spend(), succeeds=succession(first)),
        "endpoint certificate": lambda: store.record(make_record(provisioner=None)),
        "get certificate": lambda: store.get(first.serial),
        "revoke": lambda: store.revoke(first.serial, REVOCATION),
        "revoke with token": lambda: store.revoke(renewed.serial, REVOCATION, spend=make_spend()),
        "key: seal": lambda: vault.seal(NAME, hierarchy().issuer.private_key, hierarchy().chain),
        "key: open": lambda: vault.open(NAME),
    }


def test_calls_and_units_are_those_of_the_document(metered: tuple[AWS, Meter], authority_id: str) -> None:
    aws, meter = metered
    measured: dict[str, tuple[str, str]] = {}
    for name, use in uses(aws, authority_id).items():
        use()
        measured[name] = meter.take()
    stated = {row[0].strip("`"): (row[1], row[3]) for row in rows(section("Calls and units")) if "`" in row[0]}
    # What a refused transaction costs no emulator says.
    repeated = stated.pop("sign, repeated")
    assert measured == stated
    assert repeated[0] == _calls_of_a_repeated_request(aws, meter, authority_id)


def _calls_of_a_repeated_request(aws: AWS, meter: Meter, authority_id: str) -> str:
    store, spend = aws.certificates(authority_id), make_spend()
    store.record(make_record(), spend=spend)
    meter.take()
    store.record(make_record(), spend=spend)
    return meter.take()[0]


def test_refusal_takes_no_call_more(metered: tuple[AWS, Meter], authority_id: str) -> None:
    aws, meter = metered
    store, spend = aws.certificates(authority_id), make_spend()
    store.record(make_record(), spend=spend)
    meter.take()
    with pytest.raises(Unauthenticated):
        store.record(make_record(), spend=make_spend(spend.key))
    assert meter.take()[0] == "TransactWriteItems"


@pytest.mark.parametrize("table", ["certificates", "tickets", "settings", "keys"])
def test_attributes_are_those_of_the_document(ministack: AWS, authority_id: str, table: str) -> None:
    for use in uses(ministack, authority_id).values():
        use()
    ministack.keys(authority_id).put(StoredKey(KeyName("issuing", "in-kms"), "kms-key", hierarchy().chain))
    stated = {
        name
        for row in rows(section(table))
        if row[0].startswith("`") and len(row) == 4
        for name in re.findall(r"`(\w+)`", row[0])
    }
    assert _attributes(ministack, getattr(ministack.tables, table), authority_id) == stated


def _attributes(aws: AWS, table: str, authority_id: str) -> set[str]:
    pages = aws.sdk.get_paginator("scan").paginate(TableName=table)
    items = [item for page in pages for item in page["Items"]]
    own = [item for item in items if item["pk"]["S"].split("#")[0] == authority_id]
    assert own
    return {name for item in own for name in item}


def test_record_of_one_name_is_within_a_kilobyte(ministack: AWS, authority_id: str) -> None:
    """So issuing and renewing cost the least units there are; a revocation may take the item over it."""
    stamp = ProvisionerStamp(1, PROVISIONER.name, "k" * 43)
    certificate = issue_leaf(hierarchy().issuer, names=("web-0123456789.example.internal",), stamp=stamp)
    record = make_record(certificate=certificate, provisioner=PROVISIONER, requester="web-0123456789.example.internal")
    store = ministack.certificates(authority_id)
    store.record(record)
    store.record(successor_of(record), succeeds=succession(record))
    key = {"pk": {"S": f"{authority_id}#certificate#{record.serial:x}"}, "sk": {"S": "record"}}
    item = ministack.sdk.get_item(TableName=ministack.tables.certificates, Key=key)["Item"]
    assert "successor" in item
    assert 900 < _size(item) < 1024


def _size(item: dict[str, dict[str, Any]]) -> int:
    """What DynamoDB counts: names and values, raw bytes for binaries, two digits a byte for numbers.

    The emulator counts binaries in base64, a third too much.
    """
    return sum(len(name) + _value_size(value) for name, value in item.items())


def _value_size(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "L":
        return 3 + sum(1 + _value_size(child) for child in content)
    if kind == "N":
        return (len(content) + 1) // 2 + 1
    return len(content.encode() if kind == "S" else content)


def test_every_write_is_conditional(metered: tuple[AWS, Meter], authority_id: str) -> None:
    """But for the deletion of a provisioner's own item, which its guards' conditions hold."""
    aws, meter = metered
    for use in uses(aws, authority_id).values():
        use()
    last = jwk_provisioner("last")
    aws.settings(authority_id, FrozenClock()).add_provisioner(make_authority(authority_id), last, "2" * 32)
    seen = [write for request in meter.requests for write in request.get("TransactItems", ())]
    bare = [write for write in seen if "ConditionExpression" not in next(iter(write.values()))]
    assert len(seen) > 20
    assert [next(iter(write)) for write in bare] == ["Delete"]
    assert bare[0]["Delete"]["Key"]["sk"]["S"].startswith("provisioner#")
