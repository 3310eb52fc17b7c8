"""Between domain values and DynamoDB items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.authority import Authority, Intermediate
from stepless.domain.certificate import (
    CertificateRecord,
    ProvisionerReference,
    ReasonCode,
    Revocation,
    certificate_sha256,
)
from stepless.domain.claims import Claims, claims_document, merge_claims
from stepless.domain.policy.document import parse_policy, policy_document
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioners import read_provisioner
from stepless.domain.serial import serial_hex

Item = dict[str, Any]


def epoch(instant: datetime) -> dict[str, str]:
    """An instant as a number of whole seconds."""
    return {"N": str(int(instant.timestamp()))}


def _instant(value: Mapping[str, str]) -> datetime:
    return datetime.fromtimestamp(int(value["N"]), UTC)


def certificate_key(authority_id: str, serial: int) -> Item:
    """The key of a serial's item."""
    return {"pk": {"S": f"{authority_id}#certificate#{serial_hex(serial)}"}, "sk": {"S": "record"}}


def encode_record(authority_id: str, record: CertificateRecord) -> Item:
    """A certificate's item; a revocation is never part of a new one."""
    der = record.der
    item: Item = {
        **certificate_key(authority_id, record.serial),
        "der": {"B": der},
        "sha256": {"B": certificate_sha256(record.certificate)},
        "issuer_key_id": {"S": record.issuer_key_id},
        "issued_at": epoch(record.issued_at),
        "not_before": epoch(record.certificate.not_valid_before_utc),
        "not_after": epoch(record.certificate.not_valid_after_utc),
        "requester": {"S": record.requester},
        "names": {"L": [{"S": name} for name in record.names]},
        "lineage": {"S": record.lineage},
    }
    if record.provisioner is not None:
        item["provisioner_id"] = {"S": record.provisioner.id}
        item["provisioner_name"] = {"S": record.provisioner.name}
        item["provisioner_type"] = {"S": record.provisioner.type}
    if record.predecessor is not None:
        item["predecessor"] = {"S": serial_hex(record.predecessor)}
    return item


def decode_record(item: Mapping[str, Any]) -> CertificateRecord | None:
    """A record out of its item; ``None`` for the item of a serial that is only known as revoked."""
    if "der" not in item:
        return None
    provisioner = None
    if "provisioner_id" in item:
        provisioner = ProvisionerReference(*(item[f"provisioner_{part}"]["S"] for part in ("id", "name", "type")))
    return CertificateRecord(
        certificate=x509.load_der_x509_certificate(bytes(item["der"]["B"])),
        issuer_key_id=item["issuer_key_id"]["S"],
        issued_at=_instant(item["issued_at"]),
        requester=item["requester"]["S"],
        names=tuple(name["S"] for name in item["names"]["L"]),
        provisioner=provisioner,
        lineage=item["lineage"]["S"],
        predecessor=int(item["predecessor"]["S"], 16) if "predecessor" in item else None,
        revocation=decode_revocation(item),
    )


def encode_revocation(revocation: Revocation) -> Item:
    """The attributes that a revocation adds to an item."""
    return {
        "revoked_at": epoch(revocation.revoked_at),
        "revocation_reason": {"N": str(int(revocation.reason))},
        "revocation_text": {"S": revocation.reason_text},
        "revoked_by": {"S": revocation.revoked_by},
    }


def decode_revocation(item: Mapping[str, Any]) -> Revocation | None:
    """The revocation in an item, if there is one."""
    if "revoked_at" not in item:
        return None
    return Revocation(
        revoked_at=_instant(item["revoked_at"]),
        reason=ReasonCode(int(item["revocation_reason"]["N"])),
        reason_text=item["revocation_text"]["S"],
        revoked_by=item["revoked_by"]["S"],
    )


def encode_authority(authority: Authority) -> Item:
    """The authority's own item; its provisioners have items of their own."""
    return {
        "name": {"S": authority.name},
        "dns_names": {"L": [{"S": name} for name in authority.dns_names]},
        "claims": {"S": json.dumps(claims_document(authority.claims))},
        "policy": encode_policy(authority.policy),
        "backdate_seconds": {"N": str(int(authority.backdate.total_seconds()))},
        "roots": encode_certificates(authority.roots),
        "federated_roots": encode_certificates(authority.federated_roots),
        "intermediates": {
            "L": [
                {
                    "M": {
                        "key_id": {"S": intermediate.key_id},
                        "der": {"B": _der(intermediate.certificate)},
                    }
                }
                for intermediate in authority.intermediates
            ]
        },
    }


def encode_policy(policy: NamePolicy) -> Item:
    """A policy as JSON in step's form."""
    return {"S": json.dumps(policy_document(policy))}


def decode_authority(authority_id: str, item: Mapping[str, Any], provisioners: list[Mapping[str, Any]]) -> Authority:
    """The authority out of its item and those of its provisioners, in their order."""
    claims = merge_claims(Claims(), json.loads(item["claims"]["S"]))
    return Authority(
        id=authority_id,
        name=item["name"]["S"],
        dns_names=tuple(name["S"] for name in item["dns_names"]["L"]),
        roots=decode_certificates(item["roots"]),
        federated_roots=decode_certificates(item["federated_roots"]),
        intermediates=tuple(
            Intermediate(entry["M"]["key_id"]["S"], _certificate(entry["M"]["der"]))
            for entry in item["intermediates"]["L"]
        ),
        provisioners=tuple(
            read_provisioner(entry["id"]["S"], json.loads(entry["document"]["S"]), claims) for entry in provisioners
        ),
        claims=claims,
        backdate=timedelta(seconds=int(item["backdate_seconds"]["N"])),
        policy=parse_policy(json.loads(item["policy"]["S"])) if "policy" in item else NamePolicy(),
    )


def encode_certificates(certificates: tuple[x509.Certificate, ...]) -> Item:
    """Certificates as a list of DER."""
    return {"L": [{"B": _der(certificate)} for certificate in certificates]}


def decode_certificates(value: Mapping[str, Any]) -> tuple[x509.Certificate, ...]:
    """Certificates out of a list of DER."""
    return tuple(_certificate(entry) for entry in value["L"])


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _certificate(value: Mapping[str, Any]) -> x509.Certificate:
    return x509.load_der_x509_certificate(bytes(value["B"]))
