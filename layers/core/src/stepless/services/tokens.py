"""How the services that take tokens of provisioners verify them."""

from __future__ import annotations

from datetime import datetime

from stepless.domain.provisioners import Grant, Provisioner
from stepless.domain.token import UntrustedToken
from stepless.services.ports import KeySets


def verify_token(provisioner: Provisioner, token: UntrustedToken, key_sets: KeySets, *, now: datetime) -> Grant:
    """What a token grants; keys that are published elsewhere are asked for when the token is worth it.

    Raises:
        Unauthenticated: it does not hold.
        IdentityProviderUnavailable: the keys cannot be had now.
    """
    source = provisioner.key_source(token, now=now)
    keys = None if source is None else key_sets.key_set(source, token.key_id)
    return provisioner.verify(token, now=now, keys=keys)
