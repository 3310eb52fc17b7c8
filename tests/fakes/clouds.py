"""Machines in clouds, and what their metadata servers say of them: AWS, GCP and Azure."""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.key_set import KeySet, read_keys
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import make_ca, sign_leaf
from tests.fakes.jose import hmac_jws, jws, public_jwk
from tests.fakes.private_keys import PrivateKey, rsa_key
from tests.fakes.tokens import HOST, TOKEN_SECONDS, without_missing

_AT: Final = int(NOW.timestamp())
TENANT: Final = "7e7f8a1c-0000-4000-8000-000000000001"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass(frozen=True)
class Amazon:
    """Signs the identity document of instance ``i-0abc`` of account ``123456789012``."""

    name: str = "amazon"
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)

    @property
    def certificates(self) -> str:
        """What verifies its documents, as ``iidCertificates`` holds it."""
        return _base64(sign_leaf(make_ca().issuing, self.key).public_bytes(Encoding.PEM))

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form."""
        return {
            "type": "AWS",
            "name": self.name,
            "accounts": ["123456789012"],
            "disableCustomSANs": False,
            "disableTrustOnFirstUse": False,
            "iidCertificates": self.certificates,
        }

    def identity(self, **changes: object) -> bytes:
        """An identity document, written as AWS does; ``None`` takes a member away."""
        identity = {
            "accountId": "123456789012",
            "architecture": "x86_64",
            "availabilityZone": "eu-west-1a",
            "billingProducts": None,
            "imageId": "ami-0abc",
            "instanceId": "i-0abc",
            "instanceType": "t3.micro",
            "kernelId": None,
            "pendingTime": "2026-02-01T09:30:30Z",
            "privateIp": "10.1.2.3",
            "region": "eu-west-1",
            "version": "2017-09-30",
            **changes,
        }
        return json.dumps(without_missing(identity), indent=2).encode()

    def signature(self, identity: bytes) -> bytes:
        """AWS's signature over a document."""
        return self.key.sign(identity, padding.PKCS1v15(), hashes.SHA256())

    def claims(self, identity: bytes, signature: bytes, **changes: object) -> dict[str, Any]:
        """The claims that step writes on the instance; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": "ec2.amazonaws.com",
            "sub": "vm.example",
            "aud": [f"https://{HOST}/1.0/sign#aws/{self.name}"],
            "iat": _AT,
            "nbf": _AT,
            "exp": _AT + TOKEN_SECONDS,
            "jti": hashlib.sha256(f"aws/{self.name}.i-0abc".encode()).hexdigest(),
            "amazon": {"document": _base64(identity), "signature": _base64(signature)},
            **changes,
        }
        return {**without_missing(claims), "sans": None}

    def token(self, identity: bytes | None = None, **changes: object) -> str:
        """The token that step makes on the instance."""
        data = self.identity() if identity is None else identity
        signature = self.signature(data)
        return hmac_jws({"typ": "JWT"}, self.claims(data, signature, **changes), signature)


@dataclass(frozen=True)
class _Signer:
    """A cloud that signs tokens itself, and publishes its key."""

    name: str = "cloud"
    key: PrivateKey = field(default_factory=rsa_key)

    @property
    def key_id(self) -> str:
        """The key's thumbprint."""
        key_id: str = public_jwk(self.key)["kid"]
        return key_id

    def key_set(self, issuer: str) -> KeySet:
        """What the authority reads of it."""
        return KeySet(issuer, read_keys({"keys": [public_jwk(self.key)]}))

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims; header fields of ``None`` are left out."""
        return jws(without_missing({"kid": self.key_id, "typ": "JWT", **header}), claims, self.key)


@dataclass(frozen=True)
class Google(_Signer):
    """Signs the identity tokens of instance ``vm`` in project ``shop``."""

    name: str = "google"
    issuer: str = "https://accounts.google.com"

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form."""
        return {"type": "GCP", "name": self.name, "projectIDs": ["shop"]}

    @property
    def keys(self) -> KeySet:
        """What the authority reads of Google."""
        return self.key_set(self.issuer)

    def engine(self, **changes: object) -> dict[str, Any]:
        """What a token says of the instance."""
        engine = {
            "instance_id": "8087716956832600000",
            "instance_name": "vm",
            "instance_creation_timestamp": _AT - 1800,
            "project_id": "shop",
            "project_number": 123,
            "zone": "europe-west1-b",
            **changes,
        }
        return without_missing(engine)

    def claims(self, engine: Mapping[str, Any] | None = None, **changes: object) -> dict[str, Any]:
        """The claims of the metadata server; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "113",
            "azp": "113",
            "aud": f"https://{HOST}/1.0/sign#gcp/{self.name}",
            "email": "vm@shop.iam.example",
            "email_verified": True,
            "iat": _AT,
            "exp": _AT + 3600,
            "google": {"compute_engine": engine or self.engine()},
            **changes,
        }
        return without_missing(claims)

    def token(self, engine: Mapping[str, Any] | None = None, **changes: object) -> str:
        """An instance's identity token."""
        return self.sign(self.claims(engine, **changes))


@dataclass(frozen=True)
class Azure(_Signer):
    """Signs the access tokens of virtual machine ``vm`` in resource group ``shop``."""

    name: str = "azure"
    issuer: str = f"https://sts.windows.net/{TENANT}/"

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form."""
        return {"type": "Azure", "name": self.name, "tenantID": TENANT}

    @property
    def keys(self) -> KeySet:
        """What the authority reads of the tenant."""
        return self.key_set(self.issuer)

    def resource(self, name: str = "vm", kind: str = "Microsoft.Compute/virtualMachines") -> str:
        """The path of a resource."""
        return f"/subscriptions/s-1/resourcegroups/shop/providers/{kind}/{name}"

    def claims(self, **changes: object) -> dict[str, Any]:
        """The claims of an access token, which Azure hands out for a day; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "o-1",
            "aud": "https://management.azure.com/",
            "iat": _AT - 40_000,
            "nbf": _AT - 40_000,
            "exp": _AT + 46_400,
            "oid": "o-1",
            "tid": TENANT,
            "appid": "a-1",
            "xms_mirid": self.resource(),
            **changes,
        }
        return without_missing(claims)

    def token(self, **changes: object) -> str:
        """A machine's access token."""
        return self.sign(self.claims(**changes))
