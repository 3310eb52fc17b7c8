"""The provisioners every target gets beside `admin`, in the JSON shape of step's ca.json."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

# With these a list of provisioners takes more than one page of 100.
CROWD = 101


def b64url(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_jwk() -> dict[str, str]:
    """Return a fresh P-256 public JWK; its `kid` is the RFC 7638 thumbprint."""
    numbers = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    required = {
        "crv": "P-256",
        "kty": "EC",
        "x": b64url(numbers.x.to_bytes(32, "big")),
        "y": b64url(numbers.y.to_bytes(32, "big")),
    }
    text = json.dumps(required, separators=(",", ":"), sort_keys=True)
    kid = b64url(hashlib.sha256(text.encode()).digest())
    return {**required, "use": "sig", "alg": "ES256", "kid": kid}


def extras(admin: dict[str, Any], root: Path) -> list[dict[str, Any]]:
    """Return the extra provisioners: variants of `admin` with its key, an X5C, and a crowd.

    Args:
        admin: the first provisioner, JWK, with `key` and `encryptedKey`.
        root: PEM file of the authority's root, which is also what `x5c` accepts.
    """

    def variant(name: str, **claims: object) -> dict[str, Any]:
        return {
            "type": "JWK",
            "name": name,
            "key": admin["key"],
            "encryptedKey": admin["encryptedKey"],
            "claims": claims,
        }

    crowd_key = public_jwk()
    return [
        {"type": "X5C", "name": "x5c", "roots": base64.b64encode(root.read_bytes()).decode()},
        variant("short", minTLSCertDuration="1s"),
        variant("minute", minTLSCertDuration="1s", defaultTLSCertDuration="1m10s"),
        variant("long", maxTLSCertDuration="720h", defaultTLSCertDuration="48h"),
        variant("once", disableRenewal=True),
        variant("late", minTLSCertDuration="1s", allowRenewalAfterExpiry=True),
        variant("plain", disableSmallstepExtensions=True),
        *({"type": "JWK", "name": f"crowd-{number:03}", "key": crowd_key} for number in range(CROWD)),
    ]
