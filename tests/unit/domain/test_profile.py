from datetime import timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from stepless.domain.issuance import sign_certificate
from stepless.domain.names import classify_all
from stepless.domain.profile import CertificateContent, ca_content, leaf_design, renewed_content
from stepless.domain.provisioner_extension import PROVISIONER_OID, ProvisionerStamp
from stepless.domain.serial import new_lineage, new_serial
from stepless.domain.validity import Validity
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import CLIENT_AUTH, DIGITAL_SIGNATURE, make_ca, sign_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, PrivateKey, p256

SECOND = NOW.replace(microsecond=0)
VALIDITY = Validity(SECOND, SECOND + timedelta(hours=24))
CA = make_ca()
STAMP = ProvisionerStamp(1, "admin", "kid")


def leaf(
    *names: str,
    subject: str = "leaf.example",
    key: PrivateKey | None = None,
    stamp: ProvisionerStamp | None = STAMP,
) -> CertificateContent:
    return leaf_design(
        subject=subject,
        names=classify_all(names),
        public_key=(key or p256()).public_key(),
        stamp=stamp,
        authority_key=CA.issuing.authority_key_identifier,
    ).content(VALIDITY)


def oids(content: CertificateContent) -> list[str]:
    return [value.oid.dotted_string for value, _ in content.extensions]


KU, EKU, SKI, AKI, SAN, STEP = (
    oid.dotted_string
    for oid in (
        ExtensionOID.KEY_USAGE,
        ExtensionOID.EXTENDED_KEY_USAGE,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
        PROVISIONER_OID,
    )
)


def test_a_default_leaf_has_the_extensions_of_step_in_its_order() -> None:
    content = leaf("leaf.example", "10.0.0.1")
    assert oids(content) == [KU, EKU, SKI, AKI, SAN, STEP]
    assert [critical for _, critical in content.extensions] == [True, False, False, False, False, False]


def test_a_default_leaf_is_for_servers_and_clients_and_has_only_a_common_name() -> None:
    key = p256()
    content = leaf("leaf.example", "10.0.0.1", "a@b.example", "https://u.example/", key=key)
    values = {value.oid.dotted_string: value for value, _ in content.extensions}
    assert values[EKU] == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    assert values[SKI] == x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    assert values[AKI] == CA.issuing.authority_key_identifier
    assert values[SAN] == x509.SubjectAlternativeName(
        [
            x509.DNSName("leaf.example"),
            x509.RFC822Name("a@b.example"),
            x509.IPAddress(ip_address("10.0.0.1")),
            x509.UniformResourceIdentifier("https://u.example/"),
        ]
    )
    assert content.subject == x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "leaf.example")])


@pytest.mark.parametrize("kind", SUBJECT_KEYS)
def test_a_leaf_signs_and_only_one_with_an_rsa_key_enciphers_keys(kind: str) -> None:
    usage, critical = leaf(key=SUBJECT_KEYS[kind]()).extensions[0]
    assert isinstance(usage, x509.KeyUsage)
    assert critical
    assert usage.digital_signature
    assert usage.key_encipherment is (kind == "RSA-2048")
    assert not any((usage.content_commitment, usage.data_encipherment, usage.key_agreement))
    assert not any((usage.key_cert_sign, usage.crl_sign))


def test_the_names_are_critical_when_the_subject_is_empty() -> None:
    content = leaf("leaf.example", subject="")
    assert content.subject == x509.Name([])
    assert [critical for value, critical in content.extensions if value.oid.dotted_string == SAN] == [True]


def test_a_leaf_without_names_or_stamp_has_no_such_extension() -> None:
    assert oids(leaf(stamp=None)) == [KU, EKU, SKI, AKI]


def renewed(old: x509.Certificate, key: PrivateKey | None = None) -> x509.Certificate:
    content = renewed_content(
        old,
        public_key=key.public_key() if key is not None else None,
        validity=VALIDITY,
        authority_key=CA.issuing.authority_key_identifier,
    )
    return sign_certificate(content, CA.issuing, new_serial(new_lineage()))


Encoded = tuple[str, bool, bytes]


def encoded(certificate: x509.Certificate) -> list[Encoded]:
    return [(item.oid.dotted_string, item.critical, item.value.public_bytes()) for item in certificate.extensions]


def unusual_certificate(key: PrivateKey) -> x509.Certificate:
    """A certificate as another profile, or an older version, may have made it."""
    return sign_leaf(
        CA.issuing,
        key,
        extensions=[
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x04\x03abc"), False),
            (CLIENT_AUTH, True),
            (DIGITAL_SIGNATURE, False),
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (x509.SubjectAlternativeName([x509.DirectoryName(CA.root_certificate.subject)]), False),
            (x509.TLSFeature([x509.TLSFeatureType.status_request]), False),
            (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.6"), b"not DER at all"), True),
        ],
    )


def test_a_renewed_certificate_keeps_everything_byte_for_byte_with_the_authority_key_first() -> None:
    key = p256()
    old = unusual_certificate(key)
    new = renewed(old)
    kept = [item for item in encoded(old) if item[0] != AKI]
    assert encoded(new)[0][0] == AKI
    assert encoded(new)[1:] == kept
    assert new.subject.public_bytes() == old.subject.public_bytes()
    assert new.public_key() == old.public_key()


def test_a_rekeyed_certificate_changes_the_key_and_its_identifier_alone() -> None:
    old, key = unusual_certificate(p256()), p256()
    new = renewed(old, key)
    assert new.public_key() == key.public_key()
    before, after = ({oid: rest for oid, *rest in encoded(item)} for item in (old, new))
    assert list(after) == [AKI, *(oid for oid in before if oid != AKI)]
    assert {oid for oid in after if after[oid] != before[oid]} == {SKI}
    assert after[SKI][1] == x509.SubjectKeyIdentifier.from_public_key(key.public_key()).public_bytes()


def test_renewing_a_renewed_certificate_changes_nothing_more() -> None:
    once = renewed(unusual_certificate(p256()))
    assert encoded(renewed(once)) == encoded(once)


def test_a_renewal_names_the_key_that_signs_now() -> None:
    old_ca = make_ca("Old")
    old = sign_leaf(old_ca.issuing, p256())
    assert encoded(renewed(old))[0][2] == CA.issuing.authority_key_identifier.public_bytes()


@pytest.mark.parametrize("path_length", [0, 1])
def test_a_ca_has_the_profile_of_step_ca_init(path_length: int) -> None:
    key = p256()
    content = ca_content(
        organization="Org",
        common_name_text="Org CA",
        public_key=key.public_key(),
        validity=VALIDITY,
        path_length=path_length,
        authority_key=None if path_length else CA.issuing.authority_key_identifier,
    )
    usage, usage_is_critical = content.extensions[0]
    assert isinstance(usage, x509.KeyUsage)
    assert usage_is_critical
    assert usage.key_cert_sign
    assert usage.crl_sign
    assert not usage.digital_signature
    assert content.extensions[1] == (x509.BasicConstraints(ca=True, path_length=path_length), True)
    assert content.extensions[2] == (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    assert oids(content)[3:] == ([] if path_length else [AKI])
    assert content.subject.rfc4514_string() == "CN=Org CA,O=Org"
