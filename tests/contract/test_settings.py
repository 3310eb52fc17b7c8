"""The settings' contract: an authority made once, provisioners that are unique and keep their order."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from stepless.domain.authority import Authority
from stepless.domain.claims import Claims
from stepless.domain.policy.document import parse_policy, policy_document
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioners import Provisioner, UnusableProvisioner
from stepless.errors import Conflict, NotFound
from stepless.store.table import Table
from tests.contract.support.backends import AWS, Backend, Settings
from tests.contract.support.samples import hierarchy, jwk_provisioner, make_authority, make_hierarchy
from tests.fakes.clock import FrozenClock

ADMIN = jwk_provisioner("admin", kid="admin-key", encryptedKey="eyJ.escrowed", claims={"maxTLSCertDuration": "48h"})


@pytest.fixture
def settings(backend: Backend, authority_id: str, clock: FrozenClock) -> Settings:
    return backend.settings(authority_id, clock)


@pytest.fixture
def created(settings: Settings, authority_id: str) -> Authority:
    """An authority with the provisioner `admin`, as it was read back."""
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")
    return loaded(settings)


def loaded(settings: Settings) -> Authority:
    authority = settings.load()
    assert authority is not None
    return authority


def names(settings: Settings) -> list[str]:
    return [provisioner.name for provisioner in loaded(settings).provisioners]


def test_nothing_before_it_is_created(settings: Settings) -> None:
    assert settings.load() is None


def test_authority_comes_back_whole(settings: Settings, authority_id: str) -> None:
    others = [make_hierarchy() for _ in range(2)]
    made = make_authority(
        authority_id,
        name="Größe #1 ✓",
        dns_names=("ca.internal", "10.0.0.1", "::1"),
        roots=tuple(other.root.certificate for other in others),
        federated_roots=(hierarchy().root.certificate,),
        backdate=timedelta(seconds=90),
    )
    made = replace(made, intermediates=(*made.intermediates, replace(made.intermediates[0], key_id="intermediate-2")))
    settings.create(made, ADMIN, "id-of-admin")
    read = loaded(settings)
    assert replace(read, provisioners=()) == made
    (admin,) = read.provisioners
    assert not isinstance(admin, UnusableProvisioner)
    assert (admin.id, admin.name, admin.type, admin.lookup_id) == ("id-of-admin", "admin", "JWK", "admin:admin-key")
    # Durations are stored as they were given and shown as Go prints them, which is what clients read.
    assert admin.document == {**ADMIN, "claims": {"maxTLSCertDuration": "48h0m0s"}}
    assert admin.claims.max_tls_duration == timedelta(hours=48)
    assert read.encrypted_key("admin-key") == "eyJ.escrowed"


CLAIMS = {
    "ok/defaults": Claims(),
    "ok/longer": Claims(max_tls_duration=timedelta(days=90)),
    "ok/shorter": Claims(timedelta(seconds=1), timedelta(hours=1), timedelta(minutes=30)),
    "ok/fractions": Claims(timedelta(microseconds=1), timedelta(hours=1, microseconds=7), timedelta(seconds=1.5)),
    "ok/only-one": Claims(timedelta(hours=48), timedelta(hours=48), timedelta(hours=48)),
    "ok/switches": Claims(disable_renewal=True, allow_renewal_after_expiry=True, disable_smallstep_extensions=True),
    "ok/one-switch": Claims(disable_smallstep_extensions=True),
}


@pytest.mark.parametrize("claims", CLAIMS.values(), ids=CLAIMS)
def test_claims_come_back_and_count_for_provisioners(settings: Settings, authority_id: str, claims: Claims) -> None:
    settings.create(make_authority(authority_id, claims=claims), jwk_provisioner("admin"), "id-of-admin")
    read = loaded(settings)
    assert read.claims == claims
    assert [item.claims for item in read.provisioners if not isinstance(item, UnusableProvisioner)] == [claims]


POLICY = {"x509": {"allow": {"dns": ["*.internal"], "ip": ["10.0.0.0/8"]}, "deny": {"cn": ["root"]}}}


def test_policies_come_back(settings: Settings, authority_id: str) -> None:
    made = make_authority(authority_id, policy=parse_policy(POLICY))
    settings.create(made, {**ADMIN, "policy": POLICY}, "id-of-admin")
    read = loaded(settings)
    assert policy_document(read.policy) == POLICY
    assert [policy_document(scoped.policy) for scoped in read.policies_over(usable(read)[0])] == [POLICY] * 2


def test_policy_of_an_authority_can_be_replaced(settings: Settings, authority_id: str) -> None:
    with pytest.raises(NotFound):
        settings.set_policy(parse_policy(POLICY))
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")
    settings.set_policy(parse_policy(POLICY))
    assert policy_document(loaded(settings).policy) == POLICY
    settings.set_policy(NamePolicy())
    assert loaded(settings).policy.is_empty


def test_authority_does_not_load_when_its_policy_cannot_be_read(
    aws: AWS, authority_id: str, clock: FrozenClock
) -> None:
    """A policy that is not understood must not count as none."""
    settings = aws.settings(authority_id, clock)
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")
    aws.sdk.update_item(
        TableName=aws.tables.settings,
        Key={"pk": {"S": authority_id}, "sk": {"S": "authority"}},
        UpdateExpression="SET #policy = :policy",
        ExpressionAttributeNames={"#policy": "policy"},
        ExpressionAttributeValues={":policy": {"S": '{"x509": {"allow": {"tomorrow": ["x"]}}}'}},
    )
    with pytest.raises(ValueError, match="tomorrow"):
        settings.load()


def usable(authority: Authority) -> list[Provisioner]:
    return [item for item in authority.provisioners if not isinstance(item, UnusableProvisioner)]


def test_authority_is_seen_by_another_environment(backend: Backend, created: Authority, clock: FrozenClock) -> None:
    assert backend.settings(created.id, clock).load() == created


def test_authorities_do_not_see_each_other(backend: Backend, created: Authority, clock: FrozenClock) -> None:
    other = backend.settings(f"{created.id}x", clock)
    assert other.load() is None
    other.create(make_authority(f"{created.id}x"), ADMIN, "id-of-admin")


def test_conflict_when_created_twice(settings: Settings, created: Authority) -> None:
    with pytest.raises(Conflict):
        settings.create(replace(created, name="another"), jwk_provisioner("another"), "another-id")
    assert settings.load() == created


def test_provisioners_are_listed_in_the_order_of_their_making(
    settings: Settings, created: Authority, clock: FrozenClock
) -> None:
    for name in ("zebra", "ant", "Mole"):
        clock.advance(timedelta(microseconds=1))
        # Ids that sort against the order.
        settings.add_provisioner(created, jwk_provisioner(name), f"id-{9 - len(name)}")
    assert names(settings) == ["admin", "zebra", "ant", "Mole"]


def test_provisioner_is_returned_as_it_is_read(settings: Settings, created: Authority, clock: FrozenClock) -> None:
    clock.advance(timedelta(seconds=1))
    document = jwk_provisioner("ci", claims={"disableRenewal": True})
    added = settings.add_provisioner(created, document, "id-of-ci")
    assert loaded(settings).provisioners[1] == added
    assert added.claims.disable_renewal


TAKEN: Mapping[str, Mapping[str, Any]] = {
    "fail/same-name": jwk_provisioner("admin", kid="another-key"),
    "fail/same-token-lookup-id": jwk_provisioner("admin", kid="admin-key"),
}


@pytest.mark.parametrize("document", TAKEN.values(), ids=TAKEN)
def test_conflict_when_name_is_taken(settings: Settings, created: Authority, document: Mapping[str, Any]) -> None:
    with pytest.raises(Conflict):
        settings.add_provisioner(created, document, "another-id")
    assert settings.load() == created


def test_conflict_when_token_lookup_id_is_taken(settings: Settings, created: Authority, clock: FrozenClock) -> None:
    """`a` with key `b:c` and `a:b` with key `c` would be found by the same tokens."""
    clock.advance(timedelta(seconds=1))
    settings.add_provisioner(created, jwk_provisioner("a", kid="b:c"), "first-id")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Conflict):
        settings.add_provisioner(created, jwk_provisioner("a:b", kid="c"), "second-id")
    assert names(settings) == ["admin", "a"]
    # The refused one left no trace: its name is free.
    settings.add_provisioner(created, jwk_provisioner("a:b", kid="d"), "third-id")


def test_names_that_look_like_keys_stay_apart(settings: Settings, created: Authority, clock: FrozenClock) -> None:
    odd = ["a#b", "name#admin", "lookup#admin", "provisioner#admin", "admin#", "Admin", " admin", "ädmin"]
    for name in odd:
        clock.advance(timedelta(seconds=1))
        settings.add_provisioner(created, jwk_provisioner(name), f"id of {name}")
    assert names(settings) == ["admin", *odd]


def test_refused_when_document_is_no_provisioner(settings: Settings, created: Authority) -> None:
    with pytest.raises(ValueError, match="type"):
        settings.add_provisioner(created, {**jwk_provisioner("ci"), "type": "KERBEROS"}, "id-of-ci")
    assert settings.load() == created


def test_hundred_and_one_provisioners(settings: Settings, created: Authority, clock: FrozenClock) -> None:
    document = jwk_provisioner("template", kid="shared")
    for number in range(1, 101):
        clock.advance(timedelta(seconds=1))
        settings.add_provisioner(created, {**document, "name": f"p{number}"}, f"id-{number}")
    assert names(settings) == ["admin", *(f"p{number}" for number in range(1, 101))]


def test_name_and_key_are_free_when_provisioner_was_removed(
    settings: Settings, created: Authority, clock: FrozenClock
) -> None:
    settings.remove_provisioner("admin")
    assert names(settings) == []
    clock.advance(timedelta(seconds=1))
    again = settings.add_provisioner(created, ADMIN, "new-id")
    assert loaded(settings).provisioners == (again,)


def test_only_the_named_one_is_removed(settings: Settings, created: Authority, clock: FrozenClock) -> None:
    for name in ("one", "two"):
        clock.advance(timedelta(seconds=1))
        settings.add_provisioner(created, jwk_provisioner(name), f"id-of-{name}")
    settings.remove_provisioner("one")
    assert names(settings) == ["admin", "two"]


@pytest.mark.parametrize("name", ["nobody", "ADMIN", "", "admin#", "#" * 128])
def test_not_found_when_there_is_none_of_that_name(settings: Settings, created: Authority, name: str) -> None:
    with pytest.raises(NotFound):
        settings.remove_provisioner(name)
    assert settings.load() == created


def test_not_found_when_removed_twice(settings: Settings, created: Authority) -> None:
    assert names(settings) == [item.name for item in created.provisioners]
    settings.remove_provisioner("admin")
    with pytest.raises(NotFound):
        settings.remove_provisioner("admin")


# ---- on the real adapter


def test_authority_loads_when_a_provisioner_cannot_be_used(aws: AWS, authority_id: str, clock: FrozenClock) -> None:
    """A later release wrote a type that this one does not know."""
    settings = aws.settings(authority_id, clock)
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")
    item = {
        "pk": {"S": authority_id},
        "sk": {"S": "provisioner#20260201T000000.000000Z#future"},
        "id": {"S": "future"},
        "document": {"S": '{"type": "FUTURE", "name": "new"}'},
        "attribute_of_tomorrow": {"S": "?"},
    }
    aws.sdk.put_item(TableName=aws.tables.settings, Item=item)
    unusable, admin = loaded(settings).provisioners
    assert isinstance(unusable, UnusableProvisioner)
    assert (unusable.name, admin.name) == ("new", "admin")


def test_every_page_is_read_when_settings_are_large(aws: AWS, authority_id: str, clock: FrozenClock) -> None:
    """A page of DynamoDB ends at 1 MB; three items of 350 kB and more do not fit into one."""
    settings = aws.settings(authority_id, clock)
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")
    made: list[Provisioner] = []
    for number in range(4):
        clock.advance(timedelta(seconds=1))
        document = jwk_provisioner(f"p{number}", encryptedKey="x" * 350_000)
        made.append(settings.add_provisioner(make_authority(authority_id), document, f"id-{number}"))
    pages = _pages(aws, authority_id)
    assert pages > 1
    assert list(loaded(settings).provisioners[1:]) == made


def _pages(aws: AWS, authority_id: str) -> int:
    request: dict[str, Any] = {
        "TableName": aws.tables.settings,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": authority_id}},
    }
    for count in range(1, 100):
        page = aws.sdk.query(**request)
        if "LastEvaluatedKey" not in page:
            return count
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    raise AssertionError("a query without an end")


class _Overtaken(Table):
    """Lets something else happen between a read and the write that follows it."""

    def __init__(self, dynamodb: Any, meanwhile: Callable[[], None]) -> None:
        super().__init__(dynamodb)
        self._meanwhile = meanwhile

    @override
    def get(self, table: str, key: dict[str, Any]) -> dict[str, Any] | None:
        item = super().get(table, key)
        self._meanwhile()
        return item


def test_name_stays_taken_when_provisioner_is_made_anew_during_its_removal(
    aws: AWS, authority_id: str, clock: FrozenClock
) -> None:
    settings = aws.settings(authority_id, clock)
    settings.create(make_authority(authority_id), ADMIN, "id-of-admin")

    def make_anew() -> None:
        settings.remove_provisioner("admin")
        clock.advance(timedelta(seconds=1))
        settings.add_provisioner(make_authority(authority_id), ADMIN, "new-id")

    overtaken = replace(settings, table=_Overtaken(aws.dynamodb, make_anew))
    with pytest.raises(Conflict):
        overtaken.remove_provisioner("admin")
    assert names(settings) == ["admin"]
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Conflict):
        settings.add_provisioner(make_authority(authority_id), ADMIN, "third-id")
