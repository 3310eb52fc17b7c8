"""Turns what a server or client showed into something two servers can be compared by.

Only what must differ is replaced: ports, keys, serials, instants, tokens and paths.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.interop.support.certificate_facts import facts
from tests.interop.support.http_client import Answer
from tests.interop.support.process import Outcome
from tests.interop.support.stage import Target

PATTERNS = (
    (r"-----BEGIN ([A-Z ]+)-----(?s:.*?)-----END \1-----(\n|\\n)?", r"<\1>"),
    (r'"(x|y|kid|encryptedKey|roots|nextCursor)":(\s*)"[^"]+"', r'"\1":\2"<\1>"'),
    # How a client learns that a handshake was refused is a matter of timing: an alert, or the end.
    (r"(?<=failed: )(readLoopPeekFailLocked: |write tcp |read tcp |remote error: |EOF).*", "<refused>"),
    (r"eyJ[\w-]{10,}(\.[\w-]*){2,4}", "<token>"),
    (r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?( \+0000 UTC|Z)( m=\S+)?", "<time>"),
    (r"expires in \S+", "expires in <time>"),
    (r"\b\d{36,48}\b", "<serial>"),
    # Go counts to 292 years, and from there on the same.
    (r"requested duration of \d{5,}h[\d.ms]+", "requested duration of <centuries>"),
    (r"localhost:\d+", "<authority>"),
    (r"127\.0\.0\.1:\d{4,5}", "<address>"),
)


def plain(text: str, target: Target, directory: Path | None = None) -> str:
    """Return the text with everything of this one authority and test replaced."""
    known = {
        target.key.kid: "<kid>",
        target.authority.fingerprint: "<fingerprint>",
        str(target.authority.password_file): "<password>",
        str(target.authority.root): "<root>",
    }
    if directory is not None:
        known[str(directory)] = "<directory>"
    for value, label in known.items():
        text = text.replace(value, label)
    for pattern, label in PATTERNS:
        text = re.sub(pattern, label, text)
    return text


def chain_facts(certs: list[x509.Certificate], target: Target) -> list[dict[str, object]]:
    """Return the facts of a leaf, and who else is in its chain (see `test_same_profiles.py`)."""
    issuers = [*certs[1:], target.authority.root_certificate]
    others: list[dict[str, object]]
    others = [{"subject": cert.subject.rfc4514_string()} for cert in certs[1:]]
    return [facts(certs[0], issuers[0]), *others]


def _signed(document: dict[str, Any], target: Target) -> dict[str, object]:
    chain = [x509.load_pem_x509_certificate(pem.encode()) for pem in document["certChain"]]
    return {
        **document,
        "crt": "first of chain" if document["crt"] == document["certChain"][0] else "other",
        "ca": "second of chain" if document["ca"] == document["certChain"][1] else "other",
        "certChain": chain_facts(chain, target),
    }


def of_answer(answer: Answer, target: Target) -> dict[str, object]:
    """Return status, content type and body of an HTTP answer."""
    text = answer.body.decode("utf-8", "backslashreplace")
    seen: dict[str, object] = {
        "status": answer.status,
        "type": answer.headers.get("content-type", "").replace("; charset=utf-8", ""),
        "body": plain(text, target),
    }
    if seen["type"] == "application/json" and answer.body:
        document = json.loads(answer.body)
        if "certChain" in document:
            seen["body"] = _signed(document, target)
        else:
            seen["body"] = json.loads(plain(json.dumps(document), target))
    return seen


def of_outcome(outcome: Outcome, target: Target, directory: Path) -> dict[str, object]:
    """Return exit code and messages of a finished `step`."""
    return {
        "exit code": outcome.exit_code,
        "stdout": plain(outcome.stdout, target, directory),
        "stderr": plain(outcome.stderr, target, directory),
    }


def _file(path: Path, target: Target, directory: Path) -> object:
    text = path.read_text()
    if text.startswith("-----BEGIN CERTIFICATE-----"):
        certs = x509.load_pem_x509_certificates(text.encode())
        if certs == [target.authority.root_certificate]:
            return "root"
        return chain_facts(certs, target)
    if "PRIVATE KEY-----" in text:
        key = load_pem_private_key(text.encode(), None)
        return (text.splitlines()[0], type(key).__name__)
    return plain(text, target, directory)


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in sorted(directory.rglob("*")) if path.is_file())


def of_directory(directory: Path, target: Target) -> dict[str, object]:
    """Return each file's mode and content, certificates taken apart."""
    return {
        str(path.relative_to(directory)): (
            oct(path.stat().st_mode & 0o777),
            _file(path, target, directory),
        )
        for path in _files(directory)
    }
