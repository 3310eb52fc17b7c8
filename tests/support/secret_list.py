"""What must never be found in a log: secrets that tests know of, and the shapes of those that they do not.

Every gateway that a test starts is searched when it has stopped (`tests.support.gateway.running`).
A suite that makes secrets by other means (the `step` client, say) may note them here; most are found
by their shape anyway.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

MIN_LENGTH = 12

# Shapes are of content, so that a log may say "Authorization" or "private key" in words.
SHAPES = {
    "a token or another JOSE object": re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"),
    "a private key in PEM": re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"),
    "a private key in DER": re.compile(rb"\x02\x01[\x00\x01](?:\x30\x13\x06\x07\x2a\x86\x48\xce|\x04\x20)"),
    "the private part of a JWK": re.compile(rb"""\\?["']d\\?["']\s*:\s*\\?["'][A-Za-z0-9_-]{20,}"""),
    "a Bearer header": re.compile(rb"(?i)bearer\s+[A-Za-z0-9._~+/=-]{8,}"),
    "an Authorization header": re.compile(rb"""(?i)authorization\\?["']?\s*[:=,]\s*\\?["']?\s*\S{8,}"""),
    "an AWS session token": re.compile(rb"(?i)(?:x-amz-security-token|session_?token)\W{1,6}[A-Za-z0-9/+=]{16,}"),
    "a certificate request": re.compile(rb"-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Where a secret is; never the secret itself."""

    file: Path
    offset: int
    what: str


@dataclass(slots=True)
class SecretList:
    """Literal secrets of this test process."""

    _known: set[str] = field(default_factory=set)

    def note(self, secret: str) -> str:
        """Remember a secret, and return it. Short ones would be found by chance, and are no secrets.

        Raises:
            ValueError: shorter than `MIN_LENGTH`.
        """
        if len(secret) < MIN_LENGTH:
            msg = f"a secret of {len(secret)} characters cannot be searched for"
            raise ValueError(msg)
        self._known.add(secret)
        return secret

    def find_in(self, files: Iterable[Path]) -> list[Finding]:
        """Every secret in some files, by literal text and by shape."""
        return [finding for file in files for finding in self._find(file, file.read_bytes())]

    def _find(self, file: Path, content: bytes) -> Iterator[Finding]:
        for secret in self._known:
            # A token's signature is what makes it usable, and log lines may hold a part of a text.
            for part in {secret, *(piece for piece in secret.split(".") if len(piece) >= 40)}:
                offset = content.find(part.encode())
                if offset >= 0:
                    yield Finding(file, offset, "a secret that a test noted")
        for what, shape in SHAPES.items():
            for match in shape.finditer(content):
                yield Finding(file, match.start(), what)


SECRETS = SecretList()
