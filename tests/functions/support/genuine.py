"""Genuine credentials for each handler that asks for some, new ones on every call where they can be used but once."""

import secrets
from collections.abc import Callable

from tests.functions.support.authority import URL, Issued, MotoAuthority
from tests.functions.support.credentials import Attempt
from tests.support.forge import make_csr, pem, renew_token

Way = Callable[[MotoAuthority, Issued], Attempt]


def by_token_to_sign(authority: MotoAuthority, _: Issued) -> Attempt:
    return Attempt(authority.forge.sign_body("genuine.test"))


def by_certificate(_: MotoAuthority, owner: Issued) -> Attempt:
    return Attempt(certificate=owner.certificate)


def by_token_to_renew(_: MotoAuthority, owner: Issued) -> Attempt:
    return Attempt(headers={"Authorization": f"Bearer {renew_token(owner.certificate, owner.key, URL)}"})


def by_certificate_to_rekey(_: MotoAuthority, owner: Issued) -> Attempt:
    return Attempt({"csr": pem(make_csr("genuine.test"))}, certificate=owner.certificate)


def by_token_to_revoke(authority: MotoAuthority, _: Issued) -> Attempt:
    """Of a serial that nobody has: it is recorded all the same."""
    return Attempt(authority.forge.revoke_body(secrets.randbits(128)))


def by_certificate_to_revoke(authority: MotoAuthority, _: Issued) -> Attempt:
    certificate = authority.issue("revoked.test").certificate
    return Attempt({"serial": str(certificate.serial_number), "passive": True}, certificate=certificate)


# Ways to prove that one may use a handler; the others are open to everyone.
WAYS: dict[str, tuple[Way, ...]] = {
    "post_sign": (by_token_to_sign,),
    "post_renew": (by_certificate, by_token_to_renew),
    "post_rekey": (by_certificate_to_rekey,),
    "post_revoke": (by_token_to_revoke, by_certificate_to_revoke),
}
