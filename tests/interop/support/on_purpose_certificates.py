"""Deliberate differences in requests, renewals, revocations and in the certificates themselves."""

from tests.interop.support.difference import (
    BAD,
    FORBIDDEN,
    ISSUED,
    LOGS,
    MESSAGE,
    Difference,
    refused,
)

ERROR = f"The certificate authority encountered an Internal Server Error.{LOGS}"
A_LABEL = (
    "is not printable ASCII without spaces of 2048 characters at most; "
    "write an internationalized name in its A-label form (xn--…)."
)
REQUESTS = (
    Difference(
        ("sign/fail/null",),
        {MESSAGE: (f"{BAD}missing csr.", f"{BAD}error decoding json.")},
        "A body that is not an object is not a request.",
    ),
    refused(
        "sign/ok/csr-under-another-label",
        f"400 {BAD}error decoding json.",
        "A PEM block labelled as a certificate is not taken for a request.",
    ),
    Difference(
        ("names/ok/token-names-twice",),
        {
            "0/body/certChain/0/extensions/2.5.29.17/1": (
                "30108206612e746573748206612e74657374",
                "30088206612e74657374",
            )
        },
        "A name stands once in a certificate.",
    ),
    refused(
        "names/ok/address-and-port-is-dns",
        f"400 {BAD}'127.0.0.1:80' is not a valid dns name.",
        "An address with a port is no DNS name (RFC 5280 §4.2.1.6).",
    ),
    refused(
        "names/space-inside",
        f"400 {BAD}the name 'a b' {A_LABEL}",
        "A DNS name holds no spaces; a common name beside other names may.",
    ),
    Difference(
        ("names/not-ascii",),
        {"0": (f"500 {ERROR}", f"400 {BAD}the name 'bücher.test' {A_LABEL}")},
        "An internationalized name is the caller's to encode, and no fault of the server.",
    ),
    refused(
        "names/trailing-dot",
        f"400 {BAD}'a.test.' is not a valid dns name.",
        "A trailing dot is not part of the preferred name syntax (RFC 5280 §4.2.1.6).",
    ),
    refused(
        "names/ok/long-common-name",
        f"400 {BAD}the common name '{'a' * 64}' is longer than 64 characters or not printable.",
        "A common name has 64 characters at most (RFC 5280 appendix A.1).",
    ),
    refused(
        "key/p-224",
        f"400 {BAD}certificate request key of type 'ECDSA secp224r1' is not supported.",
        "P-224 is under 128 bits of security.",
    ),
    refused(
        "key/rsa-2047",
        f"403 {FORBIDDEN}certificate request RSA key must be at least 2048 bits (256 bytes).",
        "The size is counted in bits, not in octets.",
    ),
    refused(
        "key/rsa-e-3",
        f"403 {FORBIDDEN}certificate request RSA public exponent must be odd, at least 65537 and below 2^256 - "
        "make a new key with the exponent 65537.",
        "With a small exponent careless verifiers take forged signatures (FIPS 186-5 §A.1.1).",
    ),
    refused(
        "key/rsa-close-primes",
        f"403 {FORBIDDEN}certificate request RSA key has primes that are close together, so anybody can factor it - "
        "make a new key with another program.",
        "Anybody can compute the private key.",
    ),
    refused(
        "key/rsa-roca",
        f"403 {FORBIDDEN}certificate request RSA key was made by a chip with the ROCA weakness (CVE-2017-15361) - "
        "make a new key elsewhere, or after updating the chip's firmware.",
        "The private key can be computed (CVE-2017-15361).",
    ),
    refused(
        "key/ed25519-of-nobody",
        f"403 {FORBIDDEN}certificate request Ed25519 key is a point of small order, so anybody can sign with it - "
        "make a new key.",
        "For a point of small order anybody can sign, without a private key.",
    ),
    Difference(
        ("key/fail/secp256k1",),
        {
            MESSAGE: (
                f"{BAD}error decoding json.",
                f"{BAD}certificate request key of type 'ECDSA secp256k1' is not supported.",
            )
        },
        "The message says that it is the key's curve.",
    ),
    refused(
        "dates/past-the-issuer",
        f"403 {FORBIDDEN}requested certificate notAfter (<time>) is after the expiration of the"
        " issuing certificate (<time>).",
        "A certificate that outlives its issuer stops to verify before its end.",
    ),
)

AFTER = "2.5.29.17 1.3.6.1.4.1.37476.9000.64.1"
REKEYED = (
    f"2.5.29.14 2.5.29.35 2.5.29.15 2.5.29.37 {AFTER}",
    f"2.5.29.35 2.5.29.15 2.5.29.37 2.5.29.14 {AFTER}",
)

RENEWALS = (
    Difference(
        ("renew/ok/leaf-alone",),
        {"0": ("401 error validating renew token", ISSUED)},
        "The authority knows its own intermediates; a file with the leaf alone is renewed.",
    ),
    Difference(
        ("renew/fail/another-key",),
        {"0": ("500 error validating renew token", "401 error validating renew token")},
        "A forged signature is the caller's fault, not the server's.",
    ),
    Difference(
        ("renew/fail/aud-sign", "renew/fail/aud-another-host"),
        {
            "0": (
                "500 error validating renew token: invalid audience claim (aud)",
                "401 error validating renew token: invalid audience claim (aud)",
            )
        },
        "A wrong audience is the caller's fault, not the server's.",
    ),
    Difference(
        ("renew/fail/iss",),
        {
            "0/body/detail": ("unauthorized", "absent"),
            "0/body/type": ("unauthorized", "absent"),
            "0/body/status": ("absent", 401),
        },
        "Every step error has the same two members.",
    ),
    Difference(
        ("renew a stranger's",),
        {
            "2: ca renew a.crt a.key --force/stderr": (
                f"{BAD}missing client certificate.\nRe-run with STEPDEBUG=1 for more info.\n",
                "error renewing certificate: client POST https://<authority>/renew failed: <refused>\n",
            )
        },
        "The local gateway cannot tell a client whose certificates it takes, so the client shows"
        " any, and the handshake ends there.",
    ),
    Difference(
        ("rekey/ok/plain", "rekey/ok/names-are-ignored", "rekey/ok/versioned", "rekey/ok/p-384"),
        {"0/body/certChain/0/order": REKEYED},
        "The key identifier of the new key stands where that of the old one stood.",
    ),
    Difference(
        ("rekey",),
        {"a.crt/1/0/order": REKEYED, "b.crt/1/0/order": REKEYED},
        "The key identifier of the new key stands where that of the old one stood, in the files.",
    ),
    Difference(
        ("rekey/rsa-1024",),
        {
            "0": (
                ISSUED,
                f"403 {FORBIDDEN}certificate request RSA key must be at least 2048 bits (256 bytes).",
            )
        },
        "Renewal and rekeying keep to the key rules of issuance.",
    ),
    Difference(
        ("revoke/negative-serial",),
        {
            "0": (
                "200 status",
                (
                    f"400 {BAD}'-1' is not a valid serial number - use a base 10 representation or a"
                    " base 16 representation with '0x' prefix."
                ),
            )
        },
        "A serial is positive (RFC 5280 §4.1.2.2).",
    ),
)

STRINGS = ("PrintableString", "UTF8String")
TWO_STRINGS = ("PrintableString PrintableString", "UTF8String UTF8String")
SERIAL = ("up to 16", "up to 20")
# Ten years, and ten years with a minute before them.
AUTHORITY_SPAN = (315360000.0, 315360060.0)
PROFILES = (
    Difference(
        ("profile/root", "profile/intermediate"),
        {
            "encoding/issuer": TWO_STRINGS,
            "encoding/subject": TWO_STRINGS,
            "encoding/octets of serial": SERIAL,
            "span": AUTHORITY_SPAN,
        },
        "Names are UTF8String (RFC 5280 §4.1.2.4), serials have 19 octets, and a new authority is"
        " backdated by a minute as its certificates are.",
    ),
    Difference(
        ("profile/endpoint", "profile/leaf"),
        {
            "encoding/issuer": TWO_STRINGS,
            "encoding/subject": STRINGS,
            "encoding/octets of serial": SERIAL,
        },
        "Names are UTF8String (RFC 5280 §4.1.2.4); serials have 19 octets, of which the first nine tell the lineage.",
    ),
)
