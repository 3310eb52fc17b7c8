"""Deliberate differences for people with the token of an identity provider."""

from tests.interop.support.difference import BAD, ISSUED, UNAUTHORIZED, Difference, refused

PEOPLE = (
    Difference(
        ("people/same-request-again",),
        {"1": (f"401 {UNAUTHORIZED}", "201 the same certificate again")},
        "A client that lost the answer repeats the very same request and gets the same certificate.",
    ),
    refused(
        "people/unverified-address",
        f"401 {UNAUTHORIZED}",
        "An e-mail address that the provider did not verify is nobody's, so it is of no allowed domain.",
    ),
    refused(
        "people/no-address",
        f"401 {UNAUTHORIZED}",
        "Where domains are allowed, nobody without an e-mail address is of one.",
    ),
    refused(
        "people/admin-names-nobody",
        f"400 {BAD}invalid csr: it names nobody.",
        "A certificate is for somebody.",
    ),
    refused(
        "people/admin-address-as-dns-name",
        f"400 {BAD}invalid csr: '10.0.0.1' is not a name of the type that it is given as.",
        "The names that an administrator asks for keep to the rules for a token's (RFC 5280 §4.2.1.6).",
    ),
    Difference(
        ("people/admin-organization",),
        {"0/body/certChain/0/subject": ("CN=host.test,O=Example", "CN=host.test")},
        "Beside names nothing is taken from a request without a template that says so.",
    ),
    Difference(
        ("people/renew",),
        {"0": (ISSUED, f"401 {UNAUTHORIZED}")},
        "People sign in again; their certificates are renewed only where the claims say disableRenewal: false.",
    ),
)
