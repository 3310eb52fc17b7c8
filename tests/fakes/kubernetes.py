"""A Kubernetes cluster as far as its service account tokens go: old ones of secrets, and projected ones."""

import base64
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.key_set import KeySet, read_keys
from tests.fakes.clock import NOW
from tests.fakes.jose import jws, public_jwk
from tests.fakes.private_keys import PrivateKey, rsa_key
from tests.fakes.tokens import without_missing

CLUSTER_ISSUER: Final = "https://cluster.example"
AUDIENCE: Final = "ca.example"
_AT: Final = int(NOW.timestamp())
_LEGACY: Final = "kubernetes.io/serviceaccount"


def pem_base64(*keys: PrivateKey) -> str:
    """Public keys as ``publicKeys`` holds them: base64 of concatenated PEM."""
    kind = PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(b"".join(key.public_key().public_bytes(Encoding.PEM, kind) for key in keys)).decode()


@dataclass(frozen=True)
class Cluster:
    """Signs the tokens of the service account ``build/builder``."""

    name: str = "cluster"
    issuer: str = CLUSTER_ISSUER
    key: PrivateKey = field(default_factory=rsa_key)
    algorithm: str | None = None

    @property
    def legacy_document(self) -> dict[str, Any]:
        """The provisioner for tokens of secrets, in step's JSON form."""
        return {"type": "K8sSA", "name": self.name, "publicKeys": pem_base64(self.key)}

    @property
    def bound_document(self) -> dict[str, Any]:
        """The provisioner for projected tokens, whose keys the cluster publishes."""
        return {"type": "K8sSA", "name": self.name, "issuer": self.issuer, "audience": AUDIENCE}

    @property
    def keys(self) -> KeySet:
        """What the authority reads of the cluster."""
        return KeySet(self.issuer, read_keys({"keys": [public_jwk(self.key)]}))

    def legacy_claims(self, **changes: object) -> dict[str, Any]:
        """The claims of a token out of a secret; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": "kubernetes/serviceaccount",
            f"{_LEGACY}/namespace": "build",
            f"{_LEGACY}/secret.name": "builder-token-x",
            f"{_LEGACY}/service-account.name": "builder",
            f"{_LEGACY}/service-account.uid": "42",
            "sub": "system:serviceaccount:build:builder",
            **changes,
        }
        return without_missing(claims)

    def bound_claims(self, **changes: object) -> dict[str, Any]:
        """The claims of a token that a kubelet projected; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": [AUDIENCE],
            "sub": "system:serviceaccount:build:builder",
            "iat": _AT,
            "nbf": _AT,
            "exp": _AT + 3607,
            "kubernetes.io": {
                "namespace": "build",
                "pod": {"name": "build-1", "uid": "43"},
                "serviceaccount": {"name": "builder", "uid": "42"},
            },
            **changes,
        }
        return without_missing(claims)

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims; header fields of ``None`` are left out."""
        return jws(without_missing({"kid": public_jwk(self.key)["kid"], **header}), claims, self.key, self.algorithm)

    def legacy(self, **changes: object) -> str:
        """A token out of a secret."""
        return self.sign(self.legacy_claims(**changes))

    def bound(self, **changes: object) -> str:
        """A projected token."""
        return self.sign(self.bound_claims(**changes))
