from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from stepless.domain.csr import CertificateRequest, verify_csr
from stepless.domain.names import Name, NameType
from stepless.domain.provisioners import Grant
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.token import SignedClaims
from stepless.errors import BadCSR, CAError, Forbidden, MalformedRequest
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW

NAMES = (Name(NameType.DNS, "a.example"), Name(NameType.EMAIL, "m@x.example"))
GRANT = Grant(
    claims=SignedClaims("issuer", "subject", (), NOW + timedelta(minutes=5), None, {}),
    reuse_key="key",
    common_names=("subject",),
    names=NAMES,
)


def granting(names: RequestNames) -> Grant:
    return replace(GRANT, request_names=names)


def request(common_name: str, *names: str | x509.GeneralName) -> CertificateRequest:
    return verify_csr(make_csr(common_name, names))


def test_compared_names_must_be_those_of_the_token() -> None:
    for fitting in (request("subject", "a.example"), request("", "m@x.example"), request("")):
        assert GRANT.for_request(fitting) is GRANT
    for other in (request("other"), request("subject", "b.example"), request("", "a.example", "b.example")):
        with pytest.raises(Forbidden):
            GRANT.for_request(other)


def test_ignored_names_do_not_matter() -> None:
    grant = granting(RequestNames.IGNORED)
    settled = grant.for_request(request("evil", "evil.example", x509.DNSName("not a name")))
    assert settled is grant
    assert (settled.subject, settled.names) == ("subject", NAMES)


def test_granted_names_are_those_of_the_request_in_the_order_of_a_certificate() -> None:
    wanted = request("host", "spiffe://x/y", "10.0.0.1", "z.example", "m@y.example", "a.example", "::1")
    settled = granting(RequestNames.GRANTED).for_request(wanted)
    assert settled.subject == "host"
    assert [name.value for name in settled.names] == [
        *("z.example", "a.example", "m@y.example", "10.0.0.1", "::1", "spiffe://x/y")
    ]
    assert settled.claims is GRANT.claims
    assert settled.reuse_key == "key"


def test_nothing_of_the_token_is_left_in_granted_names() -> None:
    settled = granting(RequestNames.GRANTED).for_request(request("", "b.example"))
    assert (settled.subject, settled.names) == ("", (Name(NameType.DNS, "b.example"),))
    settled = granting(RequestNames.GRANTED).for_request(request("host"))
    assert (settled.subject, settled.names) == ("host", ())


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        pytest.param(request(""), BadCSR, id="fail/nobody"),
        pytest.param(request("h", x509.DNSName("-a")), MalformedRequest, id="fail/not-a-dns-name"),
        pytest.param(request("h", x509.DNSName("")), BadCSR, id="fail/empty"),
        pytest.param(request("h", x509.DNSName("10.0.0.1")), BadCSR, id="fail/address-as-dns-name"),
        pytest.param(request("h", x509.DNSName("m@x.example")), BadCSR, id="fail/email-as-dns-name"),
        pytest.param(request("h", x509.DNSName("https://x.example")), BadCSR, id="fail/uri-as-dns-name"),
        pytest.param(request("h", x509.RFC822Name("x.example")), BadCSR, id="fail/dns-name-as-email"),
        pytest.param(request("h", x509.UniformResourceIdentifier("x.example")), BadCSR, id="fail/dns-name-as-uri"),
        pytest.param(request("h", "spiffe://x/%zz"), MalformedRequest, id="fail/broken-uri"),
    ],
)
def test_granted_names_keep_to_the_rules_for_names(wanted: CertificateRequest, kind: type[CAError]) -> None:
    with pytest.raises(kind) as refused:
        granting(RequestNames.GRANTED).for_request(wanted)
    assert type(refused.value) is kind
