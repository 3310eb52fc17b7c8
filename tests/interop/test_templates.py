"""Certificate templates of provisioners, by both authorities."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.interop.support.step_client import StepClient, read_leaf

BAD_REQUEST = "The request could not be completed: "


def extensions(leaf: x509.Certificate) -> dict[str, tuple[bool, bytes]]:
    """All but the identifiers and what each authority says of its provisioner, whose keys differ."""
    own = {"2.5.29.14", "2.5.29.35", "1.3.6.1.4.1.37476.9000.64.1"}
    return {
        found.oid.dotted_string: (found.critical, found.value.public_bytes())
        for found in leaf.extensions
        if found.oid.dotted_string not in own
    }


def test_user_data_reaches_the_template_when_there_is_one(client: StepClient) -> None:
    """Row 19."""
    chain, _ = client.obtain("t.test", "t", "--set", "ou=Eng", provisioner="templated")
    assert read_leaf(chain).subject.rfc4514_string() == "CN=t.test,OU=Eng,O=Acme"
    chain, _ = client.obtain("t.test", "u", "--set", "ou=Eng")
    assert read_leaf(chain).subject.rfc4514_string() == "CN=t.test"


def test_signed_user_data_reaches_the_template_when_it_is_in_the_token(client: StepClient) -> None:
    token = client.token("t.test", "--set", "unit=Basel", provisioner="templated")
    client.step("ca", "certificate", "--token", token, "t.test", "t.crt", "t.key").succeed()
    leaf = read_leaf(client.path("t.crt"))
    assert leaf.subject.rfc4514_string() == "CN=t.test,O=Acme,L=Basel"


def test_extensions_are_those_of_the_template(client: StepClient) -> None:
    leaf = read_leaf(client.obtain("t.test", "t", "--san", "t.test", "--san", "10.0.0.1", provisioner="templated")[0])
    found = extensions(leaf)
    assert found["1.2.3.4.5"] == (False, b"\x0c\x05hello")
    assert sorted(found) == ["1.2.3.4.5", "2.5.29.15", "2.5.29.17", "2.5.29.31", "2.5.29.32", "2.5.29.37"]
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    order = [extension.oid.dotted_string for extension in leaf.extensions]
    assert order[-1] == "1.3.6.1.4.1.37476.9000.64.1"


def test_a_certificate_of_a_template_is_renewed_as_it_is(client: StepClient) -> None:
    chain, key = client.obtain("t.test", "t", provisioner="templated")
    before = read_leaf(chain)
    client.step("ca", "renew", "--force", chain, key).succeed()
    after = read_leaf(chain)
    assert (after.subject, extensions(after)) == (before.subject, extensions(before))
    assert after.serial_number != before.serial_number


def test_the_template_may_refuse_with_a_reason(client: StepClient) -> None:
    """Row 20."""
    chosen = client.provisioner("failing")
    outcome = client.step("ca", "certificate", "t.test", "t.crt", "t.key", *chosen).refuse()
    assert f"{BAD_REQUEST}nope." in outcome.stderr


@pytest.mark.parametrize(
    ("provisioner", "text"),
    [
        pytest.param("broken", "The certificate authority encountered an Internal Server Error.", id="execution"),
        pytest.param("invalid", "error applying certificate template", id="output"),
    ],
)
def test_a_template_that_does_not_work_is_the_servers_fault(client: StepClient, provisioner: str, text: str) -> None:
    chosen = client.provisioner(provisioner)
    outcome = client.step("ca", "certificate", "t.test", "t.crt", "t.key", *chosen).refuse()
    assert text in outcome.stderr
