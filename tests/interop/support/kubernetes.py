"""A Kubernetes cluster as far as its service account tokens go: it signs, and its public key is configured."""

import base64
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.interop.support.tokens import now_seconds, sign_es256

ISSUER = "https://kubernetes.default.svc.cluster.local"
AUDIENCE = "stepless.test"
_ACCOUNT = "kubernetes.io/serviceaccount"


@cache
def key() -> ec.EllipticCurvePrivateKey:
    """Return the cluster's key, the same one for all authorities of a session."""
    return ec.generate_private_key(ec.SECP256R1())


def _public_keys() -> str:
    pem = key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(pem).decode()


def cluster() -> dict[str, Any]:
    """Return the provisioner that step-ca knows too."""
    return {"type": "K8sSA", "name": "cluster", "publicKeys": _public_keys()}


def pods() -> dict[str, Any]:
    """Return the provisioner that only stepless has: step-ca would take it for the same one again."""
    return {**cluster(), "name": "pods", "issuer": ISSUER, "audience": AUDIENCE, "namespaces": ["build"]}


def secret_token(**changes: object) -> str:
    """Return the token of a secret."""
    claims = {
        "iss": "kubernetes/serviceaccount",
        f"{_ACCOUNT}/namespace": "build",
        f"{_ACCOUNT}/secret.name": "builder-token-x",
        f"{_ACCOUNT}/service-account.name": "builder",
        f"{_ACCOUNT}/service-account.uid": "42",
        "sub": "system:serviceaccount:build:builder",
        **changes,
    }
    return sign_es256(key(), {"alg": "ES256", "kid": "k"}, claims)


def pod_token(namespace: str = "build", **changes: object) -> str:
    """Return the token that a kubelet projects into a pod."""
    at = now_seconds()
    claims = {
        "iss": ISSUER,
        "aud": [AUDIENCE],
        "sub": f"system:serviceaccount:{namespace}:builder",
        "iat": at,
        "nbf": at,
        "exp": at + 3607,
        "jti": "3f2c",
        "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": "builder", "uid": "42"}},
        **changes,
    }
    return sign_es256(key(), {"alg": "ES256", "kid": "k"}, claims)
