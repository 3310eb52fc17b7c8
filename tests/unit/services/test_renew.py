from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.authority import Intermediate, certificate_pem
from stepless.domain.certificate import CertificateRecord
from stepless.domain.provisioner_extension import encode_stamp
from stepless.errors import KeyNotAllowed, MalformedRequest, RenewalRefused, Unauthenticated, Unavailable
from stepless.services.issue import IssueCertificate
from stepless.services.renew import RenewalProof, RenewCertificate, load_client_certificate, subject_common_name
from tests.fakes.clock import NOW
from tests.fakes.deployment import Deployment, wish
from tests.fakes.ephemeral_ca import CLIENT_PROFILE, make_ca, sign_leaf
from tests.fakes.keys import MemoryIssuerKeys
from tests.fakes.private_keys import p256, rsa_key
from tests.fakes.tokens import JWKTokens

SECOND = NOW.replace(microsecond=0)


@pytest.fixture
def ca() -> Deployment:
    return Deployment()


def test_a_certificate_is_continued_with_new_dates(ca: Deployment) -> None:
    old = ca.sign(validity=wish("", "2h")).record
    ca.later(hours=1)
    renewed = ca.renew(old.certificate).record
    new = renewed.certificate
    new.verify_directly_issued_by(ca.ca.intermediate_certificate)
    assert new.public_key() == old.certificate.public_key()
    assert new.not_valid_before_utc == SECOND + timedelta(minutes=59)
    # The whole life of the old one, its backdated minute included.
    assert new.not_valid_after_utc - new.not_valid_before_utc == timedelta(hours=2, minutes=1)
    assert new.serial_number != old.serial


def test_a_renewal_is_recorded_in_the_lineage_of_its_predecessor(ca: Deployment) -> None:
    first = ca.sign().record
    second = ca.renew(first.certificate).record
    third = ca.renew(second.certificate).record
    assert {first.lineage, second.lineage, third.lineage} == {first.lineage}
    assert (second.predecessor, third.predecessor) == (first.serial, second.serial)
    assert ca.certificates.successors == {first.serial: second.serial, second.serial: third.serial}
    assert second.provisioner == first.provisioner
    assert second.requester == "leaf.example"
    assert second.names == first.names


def test_a_certificate_can_be_renewed_more_than_once(ca: Deployment) -> None:
    old = ca.leaf()
    serials = {ca.renew(old).record.serial for _ in range(3)}
    assert len(serials) == 3


def test_a_lifetime_that_the_claims_forbid_by_now_stays(ca: Deployment) -> None:
    old = ca.leaf()
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "claims": {"defaultTLSCertDuration": "10m"}}})
    new = ca.renew(old).record.certificate
    assert new.not_valid_after_utc - new.not_valid_before_utc == timedelta(hours=24, minutes=1)


def test_without_any_proof_there_is_nothing_to_renew(ca: Deployment) -> None:
    with pytest.raises(MalformedRequest, match=r"^missing client certificate$"):
        ca.renew()


def test_a_certificate_of_another_authority_is_refused(ca: Deployment) -> None:
    other = sign_leaf(make_ca("Ephemeral").issuing, p256())
    with pytest.raises(Unauthenticated, match="not issued by this authority"):
        ca.renew(other)


def test_the_certificates_of_the_authority_itself_are_refused(ca: Deployment) -> None:
    for certificate in (ca.ca.root_certificate, ca.ca.intermediate_certificate):
        with pytest.raises(Unauthenticated, match="not issued by this authority"):
            ca.renew(certificate)


def test_a_certificate_that_is_not_on_record_is_refused(ca: Deployment) -> None:
    # Signed with the real key, past the inventory.
    stamp = (encode_stamp(ca.authority.provisioners[0].stamp), False)  # type: ignore[union-attr]  # a usable one
    unknown = sign_leaf(ca.ca.issuing, p256(), extensions=[*CLIENT_PROFILE, stamp])
    with pytest.raises(Unauthenticated, match="not on record"):
        ca.renew(unknown)


def test_a_certificate_without_stamp_that_is_not_on_record_is_refused(ca: Deployment) -> None:
    with pytest.raises(Unauthenticated, match="provisioner is not one"):
        ca.renew(sign_leaf(ca.ca.issuing, p256()))


def test_a_certificate_without_stamp_is_renewed_by_its_record() -> None:
    ca = Deployment(claims={"disableSmallstepExtensions": True})
    old = ca.sign().record
    new = ca.renew(old.certificate).record
    assert new.provisioner == old.provisioner
    assert [item.oid for item in new.certificate.extensions][1:] == [
        item.oid for item in old.certificate.extensions if not isinstance(item.value, x509.AuthorityKeyIdentifier)
    ]


def test_a_revoked_certificate_is_refused(ca: Deployment) -> None:
    old = ca.leaf()
    ca.revoke(old.serial_number, certificate=old)
    with pytest.raises(Unauthenticated, match="revoked"):
        ca.renew(old)
    assert len(ca.certificates) == 1


def test_revoking_a_certificate_does_not_stop_its_successor(ca: Deployment) -> None:
    old = ca.leaf()
    new = ca.renew(old).record.certificate
    ca.revoke(old.serial_number, certificate=old)
    assert ca.renew(new).record.predecessor == new.serial_number


def test_renewal_can_be_disabled() -> None:
    ca = Deployment()
    old = ca.leaf()
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "claims": {"disableRenewal": True}}})
    with pytest.raises(Unauthenticated, match="disabled"):
        ca.renew(old)


def test_a_certificate_that_is_not_valid_yet_is_refused(ca: Deployment) -> None:
    old = ca.sign(validity=wish("10m", "1h")).record.certificate
    with pytest.raises(Unauthenticated, match="not valid yet"):
        ca.renew(old)
    ca.later(minutes=10)
    ca.renew(old)


def test_an_expired_certificate_is_refused_with_the_reason(ca: Deployment) -> None:
    old = ca.leaf()
    ca.later(hours=25)
    with pytest.raises(RenewalRefused, match=r"^certificate expired on 2026-02-02 10:00:30 \+0000 UTC$"):
        ca.renew(old)


def test_an_expired_certificate_is_renewed_where_the_provisioner_permits_it() -> None:
    ca = Deployment(claims={"allowRenewalAfterExpiry": True})
    old = ca.leaf()
    ca.later(days=40)
    new = ca.renew(old).record.certificate
    assert new.not_valid_before_utc == SECOND + timedelta(days=40) - timedelta(minutes=1)


def test_a_certificate_whose_provisioner_was_removed_is_refused(ca: Deployment) -> None:
    old = ca.leaf()
    ca.set_provisioners(**{"p-clients": ca.clients.document})
    with pytest.raises(Unauthenticated, match="provisioner is not one"):
        ca.renew(old)


def test_a_provisioner_made_anew_does_not_inherit_the_certificates_of_the_old_one(ca: Deployment) -> None:
    old = ca.leaf()
    ca.set_provisioners(**{"p-new": JWKTokens("admin").document})
    with pytest.raises(Unauthenticated, match="another provisioner's"):
        ca.renew(old)


def test_an_unusable_provisioner_renews_nothing(ca: Deployment) -> None:
    old = ca.leaf()
    ca.set_provisioners(**{"p-admin": {**ca.admin.document, "options": {"webhooks": [{}]}}})
    with pytest.raises(Unauthenticated, match="provisioner is not one"):
        ca.renew(old)


def test_a_key_that_would_not_be_certified_today_is_refused(ca: Deployment) -> None:
    stamp = (encode_stamp(ca.authority.provisioners[0].stamp), False)  # type: ignore[union-attr]  # a usable one
    weak = sign_leaf(ca.ca.issuing, rsa_key(1024), extensions=[*CLIENT_PROFILE, stamp])
    with pytest.raises(KeyNotAllowed):
        ca.renew(weak)


def test_the_same_serial_in_another_certificate_is_not_the_certificate(ca: Deployment) -> None:
    record = ca.sign().record
    forged = replace(record, certificate=_with_serial(ca, record))
    with pytest.raises(Unauthenticated, match="not the one on record"):
        ca.renew(forged.certificate)


def _with_serial(ca: Deployment, record: CertificateRecord) -> x509.Certificate:
    """Another certificate of the same serial, as a stolen key could make it."""
    key = p256()
    builder = x509.CertificateBuilder(
        issuer_name=ca.ca.intermediate_certificate.subject,
        subject_name=record.certificate.subject,
        public_key=key.public_key(),
        serial_number=record.serial,
        not_valid_before=record.certificate.not_valid_before_utc.replace(tzinfo=None),
        not_valid_after=record.certificate.not_valid_after_utc.replace(tzinfo=None),
        extensions=list(record.certificate.extensions),
    )
    algorithm = record.certificate.signature_hash_algorithm
    return builder.sign(ca.ca.issuing.private_key, algorithm)  # type: ignore[arg-type]  # the issuer's own


def test_a_certificate_of_an_older_intermediate_is_continued_by_the_one_that_issues_now(ca: Deployment) -> None:
    old = ca.leaf()
    newer = replace(make_ca("Newer").issuing, key_id="intermediate-2")
    ca.change(intermediates=(Intermediate("intermediate-2", newer.certificate), ca.authority.issuing))
    issue = IssueCertificate(MemoryIssuerKeys(newer, ca.ca.issuing), ca.certificates)
    renew = RenewCertificate(ca.source, issue, ca.certificates, ca.clock)
    issued = renew.renew(RenewalProof(old))
    issued.record.certificate.verify_directly_issued_by(newer.certificate)
    assert issued.record.issuer_key_id == "intermediate-2"
    assert issued.authority.chain_pem == (certificate_pem(newer.certificate),)


def test_without_settings_nothing_is_renewed(ca: Deployment) -> None:
    old = ca.leaf()
    ca.source.current = None
    with pytest.raises(Unavailable):
        ca.renew(old)


def test_reads_the_certificate_of_the_tls_front_end(ca: Deployment) -> None:
    leaf = ca.leaf()
    assert load_client_certificate(leaf.public_bytes(Encoding.PEM).decode()) == leaf


@pytest.mark.parametrize("pem", ["", "garbage", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_refuses_a_client_certificate_that_does_not_parse(pem: str) -> None:
    with pytest.raises(Unauthenticated, match="does not parse"):
        load_client_certificate(pem)


def test_the_common_name_of_a_certificate_may_be_missing(ca: Deployment) -> None:
    assert subject_common_name(ca.leaf()) == "leaf.example"
    assert subject_common_name(sign_leaf(ca.ca.issuing, p256(), common_name="")) == ""
