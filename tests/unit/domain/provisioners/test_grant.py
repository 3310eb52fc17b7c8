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
    return replace(GRANT, request_names=names, common_names=())


def request(common_name: str, *names: str | x509.GeneralName) -> CertificateRequest:
    return verify_csr(make_csr(common_name, names))


def test_compared_names_must_be_those_of_the_token() -> None:
    for fitting in (request("subject", "a.example"), request("", "m@x.example"), request("")):
        assert GRANT.for_request(fitting) is GRANT
    for other in (request("other"), request("subject", "b.example"), request("", "a.example", "b.example")):
        with pytest.raises(Forbidden):
            GRANT.for_request(other)


def test_names_among_those_of_the_token_get_all_of_them() -> None:
    grant = replace(GRANT, request_names=RequestNames.AMONG, common_names=("subject", "other"))
    for fitting in (request("other"), request("subject", "a.example"), request("", "m@x.example", "a.example")):
        settled = grant.for_request(fitting)
        assert (settled.subject, settled.names) == (fitting.common_name, NAMES)
        assert settled.template_subject == settled.subject
    for other in (request("evil"), request("", "b.example"), request("", "a.example", "10.0.0.1")):
        with pytest.raises(Forbidden):
            grant.for_request(other)


@pytest.mark.parametrize("names", [RequestNames.IGNORED, RequestNames.GRANTED])
def test_the_common_name_is_held_to_the_allowed_ones_where_there_are_any(names: RequestNames) -> None:
    grant = replace(GRANT, request_names=names)
    grant.for_request(request("subject", "b.example"))
    grant.for_request(request("", "b.example"))
    with pytest.raises(Forbidden, match="valid common name"):
        grant.for_request(request("evil", "b.example"))


def test_a_template_is_told_what_the_token_vouches_for() -> None:
    assert (GRANT.template_subject, GRANT.template_names) == ("subject", NAMES)
    account = replace(GRANT, vouched_subject="builder", vouches_for_names=False)
    assert (account.template_subject, account.template_names) == ("builder", None)


def test_a_reusable_token_is_spent_by_nothing_but_the_same_request() -> None:
    assert GRANT.spend_key(b"1") == GRANT.spend_key(b"2") == "key"
    reusable = replace(GRANT, reusable=True)
    assert reusable.spend_key(b"1") == reusable.spend_key(b"1")
    assert len({reusable.spend_key(b"1"), reusable.spend_key(b"2"), reusable.reuse_key}) == 3


def test_a_right_ends_with_its_token_unless_it_outlives_it() -> None:
    assert GRANT.spend_until == GRANT.claims.expires_at
    later = NOW + timedelta(days=1)
    assert replace(GRANT, spent_until=later).spend_until == later


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
