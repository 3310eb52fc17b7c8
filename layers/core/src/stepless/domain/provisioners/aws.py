"""AWS provisioner: EC2 instances by their signed identity documents (step-ca's ``AWS``).

The token is made on the instance: a JWT whose HMAC key is the document's signature, both of which it carries. So what
proves anything is AWS's RSA signature over the document; whoever saw the two can make tokens of that instance, which
is why it gets one certificate.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Final, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from stepless.domain.certificate import UNREADABLE
from stepless.domain.claims import Claims
from stepless.domain.durations import parse_rfc3339
from stepless.domain.json_text import parse_object
from stepless.domain.key_set import KeySet
from stepless.domain.names import classify_all
from stepless.domain.policy.engine import NamePolicy
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners.fields import text_list
from stepless.domain.provisioners.instance import Instance, InstanceRules, TokenUse, instance_grant, read_rules
from stepless.domain.provisioners.model import Grant, token_reuse_key
from stepless.domain.template import CertificateTemplate
from stepless.domain.token import UntrustedToken, read_claims
from stepless.domain.webhook import Webhook
from stepless.errors import Unauthenticated

_ISSUER: Final = "ec2.amazonaws.com"
_IMDS_VERSIONS: Final = frozenset({"v1", "v2"})
_REQUIRED: Final = ("accountId", "instanceId", "privateIp", "region")


@dataclass(frozen=True)
class AWSProvisioner:
    """Trusts AWS's word on which instance asks, if it is of one of ``accounts``."""

    type: ClassVar[str] = "AWS"
    names_authority: ClassVar[bool] = True
    escrow: ClassVar[None] = None

    id: str
    name: str
    claims: Claims
    document: Mapping[str, Any]
    accounts: frozenset[str]
    rules: InstanceRules
    own_keys: tuple[rsa.RSAPublicKey, ...]
    template: CertificateTemplate | None = None
    policy: NamePolicy = field(default_factory=NamePolicy)
    webhooks: tuple[Webhook, ...] = ()

    @classmethod
    def from_document(cls, provisioner_id: str, document: Mapping[str, Any], claims: Claims) -> Self:
        """Read step's JSON form.

        ``iidRoots`` is a path on the machine of whoever reads it, which is the client too; the certificates themselves
        are base64 of PEM in ``iidCertificates``, this authority's own member.

        Raises:
            ValueError: it says which field is missing or wrong.
        """
        rules = read_rules(document, texts=("iidRoots", "iidCertificates"), lists=("accounts", "imdsVersions"))
        accounts = text_list(document, "accounts")
        if not accounts:
            msg = "accounts: at least one is required, or the instances of everybody would be let in"
            raise ValueError(msg)
        if unknown := text_list(document, "imdsVersions") - _IMDS_VERSIONS:
            msg = f"imdsVersions: {min(unknown)!r} is not supported; v1 and v2 are"
            raise ValueError(msg)
        if document.get("iidRoots") and not document.get("iidCertificates"):
            msg = "iidRoots: is a file that this authority does not have; give base64 of its content as iidCertificates"
            raise ValueError(msg)
        own_keys = _own_keys(document.get("iidCertificates") or "")
        return cls(provisioner_id, document["name"], claims, document, accounts, rules, own_keys)

    @property
    def lookup_id(self) -> str:
        """The fragment of the audience finds it."""
        return f"aws/{self.name}"

    @property
    def fragment(self) -> str:
        """What the audience must carry."""
        return self.lookup_id

    @property
    def stamp(self) -> ProvisionerStamp:
        """Type number 4; certificates add the account and the instance."""
        return ProvisionerStamp(4, self.name)

    def key_source(self, token: UntrustedToken, *, now: datetime) -> None:
        """Nowhere: AWS's keys are known."""

    def verify(self, token: UntrustedToken, *, now: datetime, keys: KeySet | None = None) -> Grant:  # noqa: ARG002 - needs none
        """HMAC, AWS's signature over the document, issuer and times; then account, age and names of the instance.

        Raises:
            Unauthenticated: any check failed.
        """
        data, signature = _proof(token)
        _check_hmac(token, signature)
        if not any(_is_signed(data, signature, key) for key in self.own_keys or _amazon_keys()):
            raise Unauthenticated("the identity document is not signed by AWS")
        if token.text_claim("iss") != _ISSUER:
            raise Unauthenticated(f"the token's issuer is not {_ISSUER}")
        claims = read_claims(token, now=now)
        identity = _identity(data)
        if identity["accountId"] not in self.accounts:
            raise Unauthenticated("the instance's account is not one that the provisioner allows")
        self.rules.check_age(_started_at(identity), now=now)
        return instance_grant(
            self._instance(claims.subject, identity),
            claims,
            provisioner_id=self.id,
            once=self.rules.once,
            otherwise=TokenUse(token_reuse_key(self.id, token, None)),
            template=self.template,
        )

    def _instance(self, subject: str, identity: Mapping[str, Any]) -> Instance:
        instance_id, address = identity["instanceId"], identity["privateIp"]
        names = None
        if self.rules.own_names_only:
            host = f"ip-{address.replace('.', '-')}.{identity['region']}.compute.internal"
            if subject not in (instance_id, address, host):
                raise Unauthenticated("the token's subject is not a name of the instance")
            names = classify_all([host, str(_ipv4(address))])
        return Instance(
            instance_id,
            subject,
            common_names=(subject,),
            names=names,
            stamp=ProvisionerStamp(4, self.name, identity["accountId"], ("InstanceID", instance_id)),
            principal=instance_id,
        )


def _proof(token: UntrustedToken) -> tuple[bytes, bytes]:
    """The identity document and its signature, not verified."""
    amazon = token.claims.get("amazon")
    document, signature = (amazon.get("document"), amazon.get("signature")) if isinstance(amazon, dict) else ("", "")
    if not (isinstance(document, str) and document and isinstance(signature, str) and signature):
        raise Unauthenticated("the token has no identity document and signature (amazon)")
    try:
        return base64.b64decode(document, validate=True), base64.b64decode(signature, validate=True)
    except ValueError as error:
        raise Unauthenticated("the identity document or its signature is not base64") from error


def _check_hmac(token: UntrustedToken, secret: bytes) -> None:
    """What the token was made with: it holds the claims together with the document, and proves nothing by itself."""
    if token.header.get("alg") != "HS256":
        raise Unauthenticated(f"the token's algorithm {token.header.get('alg')!r} is not HS256")
    signed, _, mac = token.compact.rpartition(".")
    expected = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=")
    if not hmac.compare_digest(expected, mac.encode()):
        raise Unauthenticated("the token's signature is wrong")


def _is_signed(data: bytes, signature: bytes, key: rsa.RSAPublicKey) -> bool:
    try:
        key.verify(signature, data, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _identity(data: bytes) -> Mapping[str, Any]:
    try:
        identity = parse_object(data)
    except ValueError as error:
        raise Unauthenticated("the identity document is not a JSON object") from error
    for name in _REQUIRED:
        if not isinstance(identity.get(name), str) or not identity[name]:
            raise Unauthenticated(f"the identity document has no {name}")
    return identity


def _started_at(identity: Mapping[str, Any]) -> datetime | None:
    value = identity.get("pendingTime")
    try:
        return parse_rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _ipv4(text: str) -> ipaddress.IPv4Address:
    try:
        return ipaddress.IPv4Address(text)
    except ValueError as error:
        raise Unauthenticated("the identity document's privateIp is no IPv4 address") from error


@cache
def _amazon_keys() -> tuple[rsa.RSAPublicKey, ...]:
    """The keys that AWS publishes, one per region; their certificates' dates do not count (AWS renews no instance)."""
    pem = files("stepless.domain.provisioners").joinpath("data/aws_certificates.pem").read_bytes()
    return _rsa_keys(pem)


def _own_keys(text: str) -> tuple[rsa.RSAPublicKey, ...]:
    if not text:
        return ()
    try:
        return _rsa_keys(base64.b64decode(text, validate=True))
    except (binascii.Error, *UNREADABLE) as error:
        msg = "iidCertificates: base64 of one or more PEM certificates with RSA keys is required"
        raise ValueError(msg) from error


def _rsa_keys(pem: bytes) -> tuple[rsa.RSAPublicKey, ...]:
    keys = {}
    for certificate in x509.load_pem_x509_certificates(pem):
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            msg = "not an RSA key"
            raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
        keys[key.public_numbers()] = key  # regions share some
    return tuple(keys.values())
