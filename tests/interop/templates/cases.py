"""One template with what it reads, and how the product and the reference may differ over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509

TOKEN: Mapping[str, Any] = {
    "iss": "admin",
    "sub": "leaf.example",
    "aud": "https://ca.example/1.0/sign",
    "exp": 1795447857,
    "nbf": 1795447557,
    "iat": 1795447557,
    "jti": "0123456789abcdef",
    "sha": "abcdef",
    "email": "jane@leaf.example",
    "sans": ["leaf.example", "10.0.0.1"],
    "user": {"ou": "Sales & <Support>", "level": 7, "ratio": 0.25, "on": True, "nothing": None},
    "realm_access": {"roles": ["admin", "dev"]},
    "step": {"ra": {"authorityId": "a"}},
}


@dataclass(frozen=True)
class Case:
    """A template, and the variables that are not the usual ones.

    ``key`` names one of ``tests.fakes.private_keys``; ``differs`` says why the product refuses what the reference
    issues, or the other way round.
    """

    id: str
    template: str
    common_name: str = "leaf.example"
    sans: tuple[str, ...] = ("leaf.example", "10.0.0.1", "jane@leaf.example", "https://leaf.example/a?b=c")
    token: Mapping[str, Any] = field(default_factory=lambda: TOKEN)
    user: Mapping[str, Any] | None = None
    template_data: Mapping[str, Any] = field(default_factory=dict)
    webhooks: Mapping[str, Any] = field(default_factory=dict)
    key: str = "P-256"
    csr_subject: tuple[x509.NameAttribute[str], ...] = ()
    csr_names: tuple[str, ...] = ("leaf.example", "10.0.0.1", "a@leaf.example", "spiffe://leaf.example/job")
    csr_extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    x5c: bool = False
    allow_ca: bool = False
    differs: str = ""
