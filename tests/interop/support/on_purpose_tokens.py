"""Deliberate differences in what everybody may read, and in tokens."""

from tests.interop.support.difference import (
    ISSUED,
    LOGS,
    MESSAGE,
    NOT_FOUND,
    UNAUTHORIZED,
    Difference,
    refused,
)

READING = (
    Difference(
        (
            *("read/root/", "read/root", "read/health/", "read/unknown", "read/", "read/1.0"),
            *("read/1.0/unknown", "read/2.0/health", "read//health", "read/HEALTH"),
            *("read/health%20", "read/%68ealth"),
        ),
        {
            "0/body": ("404 page not found\n", {"status": 404, "message": NOT_FOUND}),
            "0/type": ("text/plain", "application/json"),
        },
        "A client prints the message of a JSON error, and stumbles over text.",
    ),
    Difference(
        (
            *("read/sign by GET", "read/health by POST", "read/health by DELETE"),
            *("read/health by OPTIONS", "read/revoke by PUT"),
        ),
        {
            "0/body": ("", {"status": 405, "message": "The request method is not allowed here."}),
            "0/type": ("", "application/json"),
        },
        "Every error says what is wrong.",
    ),
    Difference(
        ("read/version",),
        {"0/body/version": ("N/A", "0.1.0")},
        "Each server tells its own version.",
    ),
    Difference(
        ("read/crl",),
        {
            MESSAGE: (
                "The certificate authority received an unexpected HTTP status code - '404'." + LOGS,
                NOT_FOUND,
            )
        },
        "There is no CRL yet, and nobody sent us a status.",
    ),
    Difference(
        (
            "read/provisioners/unknown/encrypted-key",
            "read/1.0/provisioners/unknown/encrypted-key",
        ),
        {
            MESSAGE: (
                NOT_FOUND,
                "provisioner with kid 'unknown' was not found or has no encrypted key",
            )
        },
        "The message names what was not found.",
    ),
    Difference(
        ("provisioners",),
        {
            "2: ca provisioner jwe-key nobody/stderr": (
                f"{NOT_FOUND}\nRe-run with STEPDEBUG=1 for more info.\n",
                (
                    "provisioner with kid 'nobody' was not found or has no encrypted key"
                    "\nRe-run with STEPDEBUG=1 for more info.\n"
                ),
            )
        },
        "The message names what was not found, here in the client.",
    ),
)

TOKENS = (
    Difference(
        ("sign/token/same-request-again", "token/no-jti-twice", "renew/token-twice"),
        {"1": (f"401 {UNAUTHORIZED}", "201 the same certificate again")},
        "A client that lost the answer repeats the very same request and gets the same certificate.",
    ),
    Difference(
        ("revoke/token-twice",),
        {"1": (f"401 {UNAUTHORIZED}", "200 status")},
        "The very same revocation again is the same revocation, not another.",
    ),
    Difference(
        ("sign/token/after-refusal",),
        {"1": (f"401 {UNAUTHORIZED}", ISSUED)},
        "A token is spent together with what it bought; a refused request costs nothing.",
    ),
    refused(
        "token/json-serialisation",
        f"401 {UNAUTHORIZED}",
        "Tokens are compact JWS; no client sends the JSON form.",
    ),
    refused(
        "token/no-expiry",
        f"401 {UNAUTHORIZED}",
        "A token must expire, or it would have to be remembered as spent for ever.",
    ),
    refused(
        "token/lives-a-day",
        f"401 {UNAUTHORIZED}",
        "A token lives an hour at most, as the client makes them.",
    ),
    refused(
        "token/ok/aud-ssh-sign",
        f"401 {UNAUTHORIZED}",
        "A token for an SSH certificate does not buy an X.509 one.",
    ),
    refused(
        "binding/unknown-method",
        f"401 {UNAUTHORIZED}",
        "A binding that is not understood cannot be checked, so it is refused.",
    ),
)
