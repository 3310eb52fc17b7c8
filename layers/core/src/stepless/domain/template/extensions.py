"""The extensions of a template's output that step has words for (X ``x509util/extensions.go``)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtensionOID

from stepless.domain.provisioner_extension import PROVISIONER_OID
from stepless.domain.template.output import Fields
from stepless.domain.template.reencode import parse_extension
from stepless.domain.template.usages import KEY_USAGE_BY_WORD, KEY_USAGE_NAMES, PURPOSE_BY_WORD, plain
from stepless.errors import BadTemplateOutput

_Value = TypeVar("_Value")
Extension: TypeAlias = tuple[x509.ExtensionType, bool]
MAX_EXTENSIONS: Final = 32
_MAX_KEY_IDENTIFIER: Final = 64
# These say who issued: the authority writes them, whatever a template says.
_OURS: Final = frozenset({ExtensionOID.AUTHORITY_KEY_IDENTIFIER, PROVISIONER_OID})


def key_usage(fields: Fields) -> list[Extension]:
    """``keyUsage``, critical; none when it is empty."""
    names = {_word(fields, "keyUsage", text, KEY_USAGE_BY_WORD) for text in fields.texts("keyUsage")}
    try:
        usage = x509.KeyUsage(**{name: name in names for name in KEY_USAGE_NAMES})
    except ValueError as error:
        raise BadTemplateOutput(f"keyUsage: {error}") from error
    return [(usage, True)] if names else []


def purposes(fields: Fields) -> list[Extension]:
    """``extKeyUsage`` and then ``unknownExtKeyUsage``."""
    oids = [_word(fields, "extKeyUsage", text, PURPOSE_BY_WORD) for text in fields.texts("extKeyUsage")]
    oids += fields.oids("unknownExtKeyUsage")
    return [(x509.ExtendedKeyUsage(list(dict.fromkeys(oids))), False)] if oids else []


def _word(fields: Fields, key: str, text: str, known: Mapping[str, _Value]) -> _Value:
    if plain(text) not in known:
        raise BadTemplateOutput(f"{fields.at(key)}: {text[:64]!r} is not known")
    return known[plain(text)]


def basic_constraints(fields: Fields) -> list[Extension]:
    """``basicConstraints``, critical; a negative ``maxPathLen`` is no limit, and only that of a CA counts."""
    value = fields.get("basicConstraints")
    if value is None:
        return []
    given = Fields.of(value, "basicConstraints")
    length = given.number("maxPathLen")
    ca = given.flag("isCA")
    return [(x509.BasicConstraints(ca=ca, path_length=length if ca and length >= 0 else None), True)]


def subject_key_identifier(fields: Fields) -> x509.SubjectKeyIdentifier | None:
    """``subjectKeyId``, ``None`` to leave it to the public key."""
    digest = fields.data("subjectKeyId")
    if len(digest) > _MAX_KEY_IDENTIFIER:
        raise BadTemplateOutput(f"subjectKeyId: longer than {_MAX_KEY_IDENTIFIER} octets")
    return x509.SubjectKeyIdentifier(digest) if digest else None


def authority_access(fields: Fields) -> list[Extension]:
    """``ocspServer`` and then ``issuingCertificateURL``."""
    methods = {
        "ocspServer": AuthorityInformationAccessOID.OCSP,
        "issuingCertificateURL": AuthorityInformationAccessOID.CA_ISSUERS,
    }
    access = [x509.AccessDescription(oid, url) for key, oid in methods.items() for url in _urls(fields, key)]
    return [(x509.AuthorityInformationAccess(access), False)] if access else []


def crl_distribution_points(fields: Fields) -> list[Extension]:
    """``crlDistributionPoints``: a point for each address."""
    points = [x509.DistributionPoint([url], None, None, None) for url in _urls(fields, "crlDistributionPoints")]
    return [(x509.CRLDistributionPoints(points), False)] if points else []


def _urls(fields: Fields, key: str) -> list[x509.UniformResourceIdentifier]:
    def read(text: str) -> x509.UniformResourceIdentifier:
        if not urlsplit(text).scheme or not text.isprintable() or " " in text:
            raise ValueError(text)
        return x509.UniformResourceIdentifier(text)

    return [fields.read(key, text, read) for text in fields.texts(key)]


def policies(fields: Fields) -> list[Extension]:
    """``policyIdentifiers``."""
    found = [x509.PolicyInformation(oid, None) for oid in fields.oids("policyIdentifiers")]
    return [(x509.CertificatePolicies(found), False)] if found else []


def name_constraints(fields: Fields) -> list[Extension]:
    """``nameConstraints``, as critical as the template says; none when it constrains nothing."""
    value = fields.get("nameConstraints")
    if value is None:
        return []
    given = Fields.of(value, "nameConstraints")
    permitted, excluded = (_subtrees(given, word) or None for word in ("permitted", "excluded"))
    if permitted is None and excluded is None:
        return []
    try:
        return [(x509.NameConstraints(permitted, excluded), given.flag("critical"))]
    except ValueError as error:
        raise BadTemplateOutput(f"nameConstraints: {error}") from error


def _subtrees(given: Fields, word: str) -> list[x509.GeneralName]:
    readers: dict[str, Callable[[str], x509.GeneralName]] = {
        "DNSDomains": x509.DNSName,
        "IPRanges": lambda text: x509.IPAddress(ipaddress.ip_network(text, strict=False)),
        "EmailAddresses": x509.RFC822Name,
        "URIDomains": x509.UniformResourceIdentifier,
    }
    subtrees: list[x509.GeneralName] = []
    for kind, reader in readers.items():
        key = f"{word}{kind}"
        subtrees += [given.read(key, text, reader) for text in given.texts(key)]
    return subtrees


def _parsed(oid: x509.ObjectIdentifier, value: bytes, _: str) -> x509.ExtensionType:
    return parse_extension(oid, value)


def own_extensions(fields: Fields) -> list[Extension]:
    """``extensions``: what the template encoded itself, in its order, without those that are the authority's to write.

    Those of known types must parse. What the library does not know is taken as it is.

    Raises:
        BadTemplateOutput: too many, one twice, or one that does not parse.
    """
    found: dict[x509.ObjectIdentifier, Extension] = {}
    for item in fields.objects("extensions"):
        for oid in item.oids("id")[:1]:
            if oid in found:
                raise BadTemplateOutput(f"{item.path}: {oid.dotted_string} is there twice")
            value = item.data("value")
            item.read("value", item.text("value"), partial(_parsed, oid, value))
            if oid not in _OURS:
                found[oid] = (x509.UnrecognizedExtension(oid, value), item.flag("critical"))
    if len(found) > MAX_EXTENSIONS:
        raise BadTemplateOutput(f"{len(found)} extensions, {MAX_EXTENSIONS} is the most")
    return list(found.values())
