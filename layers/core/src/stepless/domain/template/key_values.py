"""Public keys, addresses and names as Go's types."""

from __future__ import annotations

import ipaddress
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stepless.domain.template.go_values import GoStruct, slice_of

_CURVES: Final = {"secp224r1": "P-224", "secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
# Go's numbers of usages and purposes.
KEY_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def key_value(key: object) -> GoStruct:
    """A public key: ``typeIs "*rsa.PublicKey"`` holds, and ``.Size`` is the octets of an RSA modulus."""
    match key:
        case rsa.RSAPublicKey():
            numbers = key.public_numbers()
            fields = {"N": _big(numbers.n), "E": numbers.e, "Size": (key.key_size + 7) // 8}
            return GoStruct("*rsa.PublicKey", fields)
        case ec.EllipticCurvePublicKey():
            point = key.public_numbers()
            name = _CURVES.get(key.curve.name, key.curve.name)
            params = GoStruct("*elliptic.CurveParams", {"Name": name, "BitSize": key.curve.key_size})
            curve = GoStruct("elliptic.Curve", {"Params": params})
            return GoStruct(
                "*ecdsa.PublicKey", {"Curve": curve, "Params": params, "X": _big(point.x), "Y": _big(point.y)}
            )
        case ed25519.Ed25519PublicKey():
            text = f"[{' '.join(map(str, key.public_bytes(Encoding.Raw, PublicFormat.Raw)))}]"
            return GoStruct("ed25519.PublicKey", {}, text=text)
    return GoStruct("interface {}", {})


def _big(number: int) -> GoStruct:
    return GoStruct("*big.Int", {"BitLen": number.bit_length(), "String": str(number)}, json=number, text=str(number))


def key_algorithm(key: object) -> GoStruct:
    """``x509.PublicKeyAlgorithm``, which prints as its name."""
    match key:
        case rsa.RSAPublicKey():
            number, name = 1, "RSA"
        case ec.EllipticCurvePublicKey():
            number, name = 3, "ECDSA"
        case ed25519.Ed25519PublicKey():
            number, name = 4, "Ed25519"
        case _:
            number, name = 0, "0"
    return GoStruct("x509.PublicKeyAlgorithm", {"String": name}, json=number, text=name)


def names_by_type(extensions: x509.Extensions) -> dict[str, list[Any]]:
    """The alternative names of a certificate or request in Go's four fields."""
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return {
        "DNSNames": slice_of(names.get_values_for_type(x509.DNSName)),
        "EmailAddresses": slice_of(names.get_values_for_type(x509.RFC822Name)),
        "IPAddresses": slice_of([_address(value) for value in names.get_values_for_type(x509.IPAddress)]),
        "URIs": slice_of([_url(value) for value in names.get_values_for_type(x509.UniformResourceIdentifier)]),
    }


def _address(value: object) -> GoStruct:
    mapped = value.ipv4_mapped if isinstance(value, ipaddress.IPv6Address) else None
    text = str(mapped or value)
    return GoStruct("net.IP", {"String": text}, json=text, text=text)


def _url(text: str) -> GoStruct:
    """``*url.URL``; in JSON it is its text, which is what a template's ``uris`` need."""
    parts = urlsplit(text)
    opaque = "" if parts.netloc or parts.path.startswith("/") else parts.path
    fields = {
        "Scheme": parts.scheme,
        "Opaque": opaque,
        "Host": parts.netloc.rpartition("@")[2],
        "Hostname": parts.hostname or "",
        "Port": parts.netloc.rpartition("]")[2].partition(":")[2],
        "Path": "" if opaque else parts.path,
        "RawQuery": parts.query,
        "Fragment": parts.fragment,
        "String": text,
    }
    return GoStruct("*url.URL", fields, json=text, text=text)
