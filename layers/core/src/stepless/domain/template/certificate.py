"""From a template's output to the certificate that it describes (step's JSON schema, X ``x509util/certificate.go``)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from cryptography import x509

from stepless.domain.durations import TimeDuration, parse_rfc3339
from stepless.domain.names import name_of
from stepless.domain.profile import DesignedCertificate
from stepless.domain.provisioner_extension import ProvisionerStamp, encode_stamp
from stepless.domain.public_keys import SubjectPublicKey
from stepless.domain.serial import MAX_SERIAL, parse_serial
from stepless.domain.template import extensions as read
from stepless.domain.template.alternative_names import AlternativeNames, read_alternative_names, standard_names
from stepless.domain.template.extensions import Extension
from stepless.domain.template.output import Fields
from stepless.domain.template.reencode import parse_extension
from stepless.domain.template.subject import read_subject
from stepless.domain.validity import RequestedValidity
from stepless.errors import BadTemplateOutput, MalformedRequest

_GO_ZERO_TIME: Final = "0001-01-01T00:00:00Z"
_ALGORITHMS: Final = {
    name.lower(): name
    for name in (
        *(f"SHA{bits}-RSA{padding}" for padding in ("", "PSS") for bits in (256, 384, 512)),
        *(f"ECDSA-SHA{bits}" for bits in (256, 384, 512)),
        "Ed25519",
    )
}
_Kind = TypeVar("_Kind", bound=x509.ExtensionType)


def design_certificate(
    output: str,
    *,
    public_key: SubjectPublicKey,
    authority_key: x509.AuthorityKeyIdentifier,
    stamp: ProvisionerStamp | None,
    allow_ca: bool,
) -> DesignedCertificate:
    """Read what a template rendered.

    The public key, the authority key identifier and the provisioner's extension are the authority's, whatever the
    template says. Stricter than step-ca: a certificate of a CA (``isCA``, or the usage ``certSign``) needs
    ``allow_ca``; names are checked as those of tokens are; what would not parse, or is there twice, is refused.

    Raises:
        BadTemplateOutput: not JSON, a field of a wrong type or value, or a certificate that may not be made.
        MalformedRequest: a name that no certificate may carry, which came from the request as a rule.
    """
    fields = Fields.of_text(output)
    subject, common_name = read_subject(fields)
    names = read_alternative_names(fields)
    own = read.own_extensions(fields)
    own_names = _parsed(own, x509.SubjectAlternativeName)
    if not list(subject) and not names.general and own_names is None:
        raise BadTemplateOutput("neither a subject nor names")
    written = _arranged(fields, own, names, public_key, authority_key, subject_is_empty=not list(subject))
    is_ca = _check_ca(written, allow_ca=allow_ca)
    if stamp is not None:
        written.append((encode_stamp(stamp), False))
    return DesignedCertificate(
        subject=subject,
        public_key=public_key,
        extensions=tuple(written),
        names=names.standard if own_names is None else standard_names(own_names),
        common_name=common_name,
        validity=RequestedValidity(_time(fields, "notBefore"), _time(fields, "notAfter")),
        serial_number=_serial(fields),
        signature_algorithm=_algorithm(fields),
        is_ca=is_ca,
        has_other_names=names.by_hand if own_names is None else None in map(name_of, own_names),
        output=output,
    )


def _arranged(
    fields: Fields,
    own: list[Extension],
    names: AlternativeNames,
    public_key: SubjectPublicKey,
    authority_key: x509.AuthorityKeyIdentifier,
    *,
    subject_is_empty: bool,
) -> list[Extension]:
    """All extensions in Go's order; one that the template encoded itself replaces the one that would be made."""
    san: list[Extension] = []
    if names.general:
        san = [(x509.SubjectAlternativeName(names.general), subject_is_empty)]
    identifier = read.subject_key_identifier(fields) or x509.SubjectKeyIdentifier.from_public_key(public_key)
    made: list[Extension] = [
        *read.key_usage(fields),
        *read.purposes(fields),
        *read.basic_constraints(fields),
        (identifier, False),
        (authority_key, False),
        *read.authority_access(fields),
        *([] if names.by_hand else san),
        *read.policies(fields),
        *read.name_constraints(fields),
        *read.crl_distribution_points(fields),
        *(san if names.by_hand else []),
    ]
    replaced = {value.oid for value, _ in own}
    return [*((value, critical) for value, critical in made if value.oid not in replaced), *own]


def _parsed(extensions: Iterable[Extension], kind: type[_Kind]) -> _Kind | None:
    """The extension of a kind, whether it was made or encoded by the template."""
    for value, _ in extensions:
        if value.oid == kind.oid:
            parsed = parse_extension(value.oid, value.value) if isinstance(value, x509.UnrecognizedExtension) else value
            return parsed if isinstance(parsed, kind) else None
    return None


def _check_ca(written: list[Extension], *, allow_ca: bool) -> bool:
    constraints, usage = _parsed(written, x509.BasicConstraints), _parsed(written, x509.KeyUsage)
    is_ca = constraints is not None and constraints.ca
    signs = usage is not None and usage.key_cert_sign
    if (is_ca or signs) and not allow_ca:
        raise BadTemplateOutput("a certificate of a CA, which the provisioner's options.x509.allowCA does not permit")
    if signs and not is_ca:
        raise BadTemplateOutput("keyUsage: certSign is for a CA alone (RFC 5280 §4.2.1.3)")
    return is_ca


def _time(fields: Fields, key: str) -> TimeDuration | None:
    text = fields.text(key)
    if fields.get(key) is None or text == _GO_ZERO_TIME:
        return None
    return TimeDuration(instant=fields.read(key, text, parse_rfc3339))


def _serial(fields: Fields) -> int | None:
    value = fields.get("serialNumber")
    if value is None:
        return None
    try:
        serial = parse_serial(value) if isinstance(value, str) else fields.number("serialNumber")
    except MalformedRequest as error:
        raise BadTemplateOutput(f"serialNumber: {error.detail}") from error
    if not 0 < serial < MAX_SERIAL:
        raise BadTemplateOutput("serialNumber: a positive number of at most 20 octets is required")
    return serial


def _algorithm(fields: Fields) -> str | None:
    text = fields.text("signatureAlgorithm")
    if text and text.lower() not in _ALGORITHMS:
        raise BadTemplateOutput(f"signatureAlgorithm: {text[:64]!r} is not offered")
    return _ALGORITHMS.get(text.lower())
