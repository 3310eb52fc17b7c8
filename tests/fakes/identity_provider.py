"""An identity provider without a network: its key, its name, the tokens of people, and the port that reads its keys."""

import secrets
from dataclasses import dataclass, field
from typing import Any, Final

from stepless.domain.key_set import KeySet, KeySetSource, read_keys
from stepless.errors import IdentityProviderUnavailable
from stepless.services.ports import KeySets
from tests.fakes.clock import NOW
from tests.fakes.jose import jws, public_jwk
from tests.fakes.private_keys import PrivateKey, p256
from tests.fakes.tokens import without_missing

ISSUER: Final = "https://idp.example"
CLIENT_ID: Final = "step-client"
_AT: Final = int(NOW.timestamp())


@dataclass(frozen=True)
class IdentityProvider:
    """Signs the ID tokens of one client."""

    name: str = "people"
    issuer: str = ISSUER
    client_id: str = CLIENT_ID
    key: PrivateKey = field(default_factory=p256)
    algorithm: str | None = None

    @property
    def document(self) -> dict[str, Any]:
        """The provisioner in step's JSON form."""
        return {
            "type": "OIDC",
            "name": self.name,
            "clientID": self.client_id,
            "clientSecret": "not-so-secret",
            "configurationEndpoint": f"{self.issuer}/.well-known/openid-configuration",
        }

    @property
    def key_id(self) -> str:
        """The key's thumbprint."""
        key_id: str = public_jwk(self.key)["kid"]
        return key_id

    @property
    def published(self) -> dict[str, Any]:
        """The JWK set."""
        return {"keys": [public_jwk(self.key)]}

    @property
    def keys(self) -> KeySet:
        """What the authority reads of it."""
        return KeySet(self.issuer, read_keys(self.published))

    def claims(self, **changes: object) -> dict[str, Any]:
        """The claims of an ID token for somebody who has just logged in; ``None`` takes a claim away."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "sub": "1154",
            "aud": self.client_id,
            "iat": _AT,
            "exp": _AT + 3600,
            "nonce": secrets.token_hex(32),
            "email": "mike@x.example",
            "email_verified": True,
            **changes,
        }
        return without_missing(claims)

    def sign(self, claims: object, **header: object) -> str:
        """A token over exactly these claims; header fields of ``None`` are left out."""
        stated = without_missing({"kid": self.key_id, "typ": "JWT", **header})
        return jws(stated, claims, self.key, self.algorithm)

    def token(self, **changes: object) -> str:
        """An ID token with changed claims."""
        return self.sign(self.claims(**changes))


class MemoryKeySets:
    """The key sets of providers that a test put there. A test may look at ``asked``."""

    def __init__(self, *providers: IdentityProvider) -> None:
        self.key_sets = {f"{item.issuer}/.well-known/openid-configuration": item.keys for item in providers}
        self.asked: list[tuple[KeySetSource, str]] = []

    def key_set(self, source: KeySetSource, key_id: str) -> KeySet:
        """The key set of a provider; see the port."""
        self.asked.append((source, key_id))
        found = self.key_sets.get(source.discovery_url)
        if found is None:
            raise IdentityProviderUnavailable(f"the identity provider of provisioner {source.provisioner!r} is away")
        return found


_: type[KeySets] = MemoryKeySets
