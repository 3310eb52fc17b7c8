"""Authorities, certificates and records to put into the stores: real ones, made through the domain's own door."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

from stepless.domain.authority import Authority, Intermediate
from stepless.domain.certificate import (
    CertificateRecord,
    ProvisionerReference,
    ReasonCode,
    Revocation,
    certificate_names,
    certificate_sha256,
)
from stepless.domain.issuance import Issuer, IssuingPrivateKey, self_sign, sign_certificate
from stepless.domain.names import classify_all
from stepless.domain.profile import ca_content, leaf_design
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.serial import lineage_of, new_lineage, new_serial
from stepless.domain.validity import Validity
from stepless.services.ports import Spend, Succession

# Whole seconds, as the stores keep them.
NOW: Final = datetime(2026, 2, 1, 10, 0, 30, tzinfo=UTC)
LIFETIME: Final = Validity(NOW - timedelta(minutes=1), NOW + timedelta(days=1))
CA_VALIDITY: Final = Validity(NOW - timedelta(minutes=1), NOW + timedelta(days=3_650))
PROVISIONER: Final = ProvisionerReference("0123456789abcdef", "admin", "JWK")


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """A root and the intermediate under it, with their keys."""

    root: Issuer
    issuer: Issuer

    @property
    def chain(self) -> tuple[x509.Certificate, ...]:
        """The intermediate, then the root."""
        return (self.issuer.certificate, self.root.certificate)


def make_hierarchy(issuing_key: IssuingPrivateKey | None = None) -> Hierarchy:
    """A new authority's certificates; the issuing key may be one that lives elsewhere."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    content = ca_content(
        organization="Contract",
        common_name_text="Contract Root CA",
        public_key=root_key.public_key(),
        validity=CA_VALIDITY,
        path_length=1,
        authority_key=None,
    )
    root = Issuer("root-1", self_sign(content, root_key, new_serial(new_lineage())), root_key)
    key = issuing_key or ec.generate_private_key(ec.SECP256R1())
    content = ca_content(
        organization="Contract",
        common_name_text="Contract Intermediate CA",
        public_key=key.public_key(),
        validity=CA_VALIDITY,
        path_length=0,
        authority_key=root.authority_key_identifier,
    )
    certificate = sign_certificate(content, root, new_serial(new_lineage()))
    return Hierarchy(root, Issuer("intermediate-1", certificate, key))


@cache
def hierarchy() -> Hierarchy:
    """The same one whenever its identity does not matter."""
    return make_hierarchy()


def make_leaf(serial: int | None = None, names: tuple[str, ...] = ("db.internal",)) -> x509.Certificate:
    """A certificate of the shared hierarchy."""
    return issue_leaf(hierarchy().issuer, serial, names)


@cache
def leaf_key() -> ec.EllipticCurvePrivateKey:
    """The key of every leaf."""
    return ec.generate_private_key(ec.SECP256R1())


def issue_leaf(
    issuer: Issuer,
    serial: int | None = None,
    names: tuple[str, ...] = ("db.internal",),
    stamp: ProvisionerStamp | None = None,
) -> x509.Certificate:
    """A certificate of some issuer."""
    content = leaf_design(
        subject=names[0] if names else "",
        names=classify_all(names),
        public_key=leaf_key().public_key(),
        stamp=stamp,
        authority_key=issuer.authority_key_identifier,
    ).content(LIFETIME)
    return sign_certificate(content, issuer, serial or new_serial(new_lineage()))


def make_record(**changes: Any) -> CertificateRecord:
    """A record of a new certificate; `changes` replace fields."""
    certificate = changes.pop("certificate", None) or make_leaf()
    fields: dict[str, Any] = {
        "certificate": certificate,
        "issuer_key_id": "intermediate-1",
        "issued_at": NOW,
        "requester": "db.internal",
        "names": certificate_names(certificate),
        "provisioner": PROVISIONER,
        "lineage": lineage_of(certificate.serial_number),
    }
    return CertificateRecord(**{**fields, **changes})


def successor_of(record: CertificateRecord) -> CertificateRecord:
    """A record that continues the lineage of another one."""
    certificate = make_leaf(new_serial(record.lineage))
    return make_record(certificate=certificate, predecessor=record.serial)


def succession(record: CertificateRecord) -> Succession:
    """What a renewal of a record says of it."""
    provisioner = record.provisioner or PROVISIONER
    return Succession(record.serial, certificate_sha256(record.certificate), provisioner.id)


def make_spend(key: str | None = None, request: bytes | None = None) -> Spend:
    """A one-time right; without arguments one that nobody else has."""
    return Spend(key or secrets.token_hex(32), request or secrets.token_bytes(32), NOW + timedelta(minutes=7))


REVOCATION: Final = Revocation(NOW, ReasonCode.KEY_COMPROMISE, "the laptop was stolen", "admin")


def jwk_provisioner(name: str, kid: str | None = None, **members: Any) -> Mapping[str, Any]:
    """A JWK provisioner in step's JSON form."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256", "kid": kid or secrets.token_hex(16)})
    return {"type": "JWK", "name": name, "key": key.as_dict(private=False), **members}


def make_authority(authority_id: str, **changes: Any) -> Authority:
    """An authority without provisioners; `changes` replace fields."""
    made = hierarchy()
    fields: dict[str, Any] = {
        "id": authority_id,
        "name": "Contract",
        "dns_names": ("ca.internal", "10.0.0.1"),
        "roots": (made.root.certificate,),
        "intermediates": (Intermediate(made.issuer.key_id, made.issuer.certificate),),
        "provisioners": (),
    }
    return Authority(**{**fields, **changes})
