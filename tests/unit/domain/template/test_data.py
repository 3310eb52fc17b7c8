from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from stepless.domain.template import TemplateRequest
from stepless.domain.template.data import template_data
from stepless.domain.template.engine import render
from stepless.errors import MalformedRequest, TemplateFailed
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import CLIENT_PROFILE, make_ca, sign_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, p256
from tests.unit.domain.template.samples import request


def text_of(template: str, wanted: TemplateRequest | None = None, configured: dict[str, Any] | None = None) -> str:
    return render(template, template_data(wanted or request(), configured or {}), now=NOW)


def test_numbers_are_floats_as_go_reads_json() -> None:
    token = {"exp": 1_795_447_857, "on": True, "list": [1, {"a": 2}], "none": None}
    assert template_data(request(token=token), {})["Token"] == {
        "exp": 1795447857.0,
        "on": True,
        "list": [1.0, {"a": 2.0}],
        "none": None,
    }
    assert text_of("{{ .Token.exp }} {{ toJson .Token.exp }}", request(token=token)) == "1.795447857e+09 1795447857"


def test_a_number_beyond_floats_is_refused() -> None:
    with pytest.raises(MalformedRequest):
        template_data(request(token={"n": 10**400}), {})


def test_configured_variables_replace_and_join_but_never_what_is_insecure() -> None:
    configured = {"Subject": {"commonName": "configured"}, "ou": ["IT"], "Insecure": {"User": {"x": 1}}, "Webhooks": 1}
    text = text_of(
        "{{ .Subject.commonName }} {{ .ou }} {{ .Insecure.User }} {{ .Insecure.CR.Subject.CommonName }}",
        None,
        configured,
    )
    assert text == "configured [IT] <no value> leaf.example"


def test_variables_of_the_configuration_are_not_changed_by_a_template() -> None:
    configured = {"d": {"a": 1}}
    assert text_of('{{ $_ := set .d "b" 2 }}{{ .d }}', None, configured) == "map[a:1 b:2]"
    assert configured == {"d": {"a": 1}}


@pytest.mark.parametrize(
    ("user", "text"),
    [(None, "false null"), ({}, "true {}"), ([1], "true {}"), ("x", "true {}"), ({"a": 1}, 'true {"a":1}')],
)
def test_the_users_data_is_an_object_or_an_empty_one_or_missing(user: object, text: str) -> None:
    assert text_of('{{ hasKey .Insecure "User" }} {{ toJson .Insecure.User }}', request(user=user)) == text


def test_what_a_provisioner_takes_from_the_request_is_no_variable() -> None:
    assert text_of("{{ toJson .Subject }} {{ toJson .SANs }}", request(subject=None, names=None)) == "null null"


def test_names_are_in_the_order_of_step() -> None:
    wanted = request(csr=make_csr("x"), names=request().names)
    assert (
        text_of("{{ toJson .SANs }}", wanted)
        == '[{"type":"dns","value":"leaf.example"},{"type":"ip","value":"10.0.0.1"}]'
    )


@pytest.mark.parametrize(
    ("kind", "go_type", "size"),
    [
        ("RSA-2048", "*rsa.PublicKey", "256"),
        ("P-256", "*ecdsa.PublicKey", None),
        ("P-521", "*ecdsa.PublicKey", None),
        ("Ed25519", "ed25519.PublicKey", None),
    ],
)
def test_keys_have_the_types_of_go(kind: str, go_type: str, size: str | None) -> None:
    wanted = request(csr=make_csr("x", key=SUBJECT_KEYS[kind]()))
    assert text_of("{{ typeOf .Insecure.CR.PublicKey }}", wanted) == go_type
    if size is None:
        with pytest.raises(TemplateFailed, match="can't evaluate field Size"):
            text_of("{{ .Insecure.CR.PublicKey.Size }}", wanted)
    else:
        assert text_of("{{ .Insecure.CR.PublicKey.Size }}", wanted) == size


def test_a_request_shows_its_wishes() -> None:
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Org"),
        x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@b.example"),
    ]
    wanted = request(csr=make_csr("cn", ["a.example", "2001:db8::1"], subject=subject))
    fields = ("Subject", "DNSNames", "IPAddresses", "URIs")
    template = " ".join(f"{{{{ toJson .Insecure.CR.{field} }}}}" for field in fields)
    extra = '"extraNames":[{"type":"1.2.840.113549.1.9.1","value":"a@b.example"}]'
    assert text_of(template, wanted) == (
        f'{{"organization":["Org"],"commonName":"cn",{extra}}} ["a.example"] ["2001:db8::1"] null'
    )


def test_the_certificate_of_the_token_is_there_with_its_fields() -> None:
    credential = sign_leaf(make_ca().issuing, p256(), extensions=CLIENT_PROFILE)
    wanted = request(authorization=credential)
    fields = ("SerialNumber", "KeyUsage", "ExtKeyUsage", "IsCA")
    template = " ".join(f"{{{{ .AuthorizationCrt.{field} }}}}" for field in fields)
    assert text_of(template, wanted) == f"{credential.serial_number} 1 [2] false"
    assert (
        text_of("{{ formatTime .AuthorizationCrt.NotAfter }}", wanted)
        == f"{credential.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
    )
    with pytest.raises(TemplateFailed):
        text_of("{{ toJson .AuthorizationCrt }}", wanted)


def test_webhooks_are_there_by_name() -> None:
    assert text_of("{{ .Webhooks.a.b }} {{ toJson .Webhooks.c }}", request(webhooks={"a": {"b": 7}})) == "7 null"
