import pytest
from cryptography import x509

from stepless.domain.provisioner_extension import PROVISIONER_OID, ProvisionerStamp, encode_stamp, read_stamp
from stepless.errors import MalformedRequest
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.private_keys import p256


def certificate_with(value: bytes | None) -> x509.Certificate:
    extensions = [(x509.UnrecognizedExtension(PROVISIONER_OID, value), False)] if value is not None else []
    return sign_leaf(make_ca().issuing, p256(), extensions=extensions)


@pytest.mark.parametrize(
    ("stamp", "der"),
    [
        pytest.param(
            ProvisionerStamp(1, "admin", "kid"), "300f 020101 0405 61646d696e 0403 6b6964", id="jwk-with-key-id"
        ),
        pytest.param(ProvisionerStamp(7, "x"), "3008 020107 0401 78 0400", id="x5c-empty-credential-is-there"),
        pytest.param(
            ProvisionerStamp(4, "x", "1", ("InstanceID", "i-0", "a_b", "")),
            "3023 020104 0401 78 0401 31 3018 130a 496e7374616e63654944 1303 692d30 0c03 615f62 1300",
            id="details-as-go-types-them",
        ),
        pytest.param(ProvisionerStamp(1, "ü", "k"), "300a 020101 0402 c3bc 0401 6b", id="utf-8-in-octets"),
    ],
)
def test_writes_the_bytes_that_step_writes(stamp: ProvisionerStamp, der: str) -> None:
    extension = encode_stamp(stamp)
    assert extension.oid == x509.ObjectIdentifier("1.3.6.1.4.1.37476.9000.64.1")
    assert extension.value.hex() == der.replace(" ", "")


def test_reads_what_it_wrote() -> None:
    stamp = ProvisionerStamp(7, "Bücher & Co", "c" * 300)
    assert read_stamp(certificate_with(encode_stamp(stamp).value)) == stamp


def test_reads_the_key_value_pairs_of_other_authorities() -> None:
    der = bytes.fromhex("3016 020103 0401 78 0401 79 300b 1301 6b 0c06 c3bcc3bcc3bc")
    assert read_stamp(certificate_with(der)) == ProvisionerStamp(3, "x", "y", ("k", "üüü"))


def test_a_certificate_without_the_extension_has_no_stamp() -> None:
    assert read_stamp(certificate_with(None)) is None


@pytest.mark.parametrize(
    "der",
    [
        pytest.param("", id="fail/empty"),
        pytest.param("3000", id="fail/empty-sequence"),
        pytest.param("3006020101040178", id="fail/credential-missing"),
        pytest.param("30080201010c01780400", id="fail/utf8string-for-a-name"),
        pytest.param("3008020101040178040000", id="fail/trailing-byte"),
        pytest.param("3009020101040178040000", id="fail/trailing-garbage-inside"),
        pytest.param("30080201010401ff0400", id="fail/name-is-not-utf-8"),
        pytest.param("0403020101", id="fail/not-a-sequence"),
    ],
)
def test_refuses_an_extension_that_does_not_parse(der: str) -> None:
    with pytest.raises(MalformedRequest, match="provisioner extension does not parse"):
        read_stamp(certificate_with(bytes.fromhex(der)))
