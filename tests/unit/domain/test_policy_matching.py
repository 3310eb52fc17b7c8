"""Which requested names a rule covers, and which it denies: the table of each type."""

import pytest

from stepless.domain.names import classify
from stepless.domain.policy.document import parse_policy
from stepless.domain.policy.engine import NamePolicy

ALLOWED, REFUSED = True, False


def policy_of(side: str, kind: str, rule: str, *, wildcards: bool = False) -> NamePolicy:
    return parse_policy({"x509": {side: {kind: [rule]}, "allowWildcardNames": wildcards}})


COVERED = [
    ("dns", "host.example", "host.example"),
    ("dns", "host.example", "HOST.Example"),
    ("dns", "localhost", "localhost"),
    ("dns", "*.example", "a.example"),
    ("dns", "*.example", "A.EXAMPLE"),
    ("dns", "*.example", "_service.example"),
    ("dns", "*.bücher.example", "a.xn--bcher-kva.example"),
    ("dns", "xn--bcher-kva.example", "XN--BCHER-KVA.example"),
    ("ip", "10.0.0.1", "10.0.0.1"),
    ("ip", "10.0.0.0/8", "10.255.255.255"),
    ("ip", "10.0.0.0/8", "::ffff:10.0.0.1"),
    ("ip", "::ffff:10.0.0.0/104", "10.0.0.1"),
    ("ip", "::ffff:10.0.0.1", "10.0.0.1"),
    ("ip", "2001:db8::/32", "2001:DB8:0::5"),
    ("ip", "0.0.0.0/0", "192.0.2.1"),
    ("ip", "::/0", "::1"),
    ("email", "jane@example.com", "jane@example.com"),
    ("email", "jane@example.com", "jane@EXAMPLE.com"),
    ("email", "Jane@example.com", "jane@example.com"),
    ("email", "@example.com", "Jane.Doe@example.com"),
    ("email", "example.com", "jane@example.com"),
    ("email", "@bücher.example", "jane@xn--bcher-kva.example"),
    ("uri", "host.example", "https://host.example/path?q#f"),
    ("uri", "host.example", "spiffe://HOST.example/workload"),
    ("uri", "host.example", "https://user:secret@host.example:8443"),
    ("uri", "*.example", "https://a.example"),
]
NOT_COVERED = [
    ("dns", "host.example", "other.example"),
    ("dns", "host.example", "a.host.example"),
    ("dns", "host.example", "example"),
    ("dns", "*.example", "example"),
    ("dns", "*.example", "a.b.example"),
    ("dns", "*.example", "a.other"),
    ("dns", "*.example", "aexample"),
    ("ip", "10.0.0.1", "10.0.0.2"),
    ("ip", "10.0.0.0/8", "11.0.0.0"),
    ("ip", "::/0", "10.0.0.1"),
    ("ip", "0.0.0.0/0", "::1"),
    ("ip", "64:ff9b::/96", "10.0.0.1"),
    ("email", "jane@example.com", "joan@example.com"),
    ("email", "jane@example.com", "jane+tag@example.com"),
    ("email", "@example.com", "jane@www.example.com"),
    ("email", "@example.com", "jane@badexample.com"),
    ("uri", "host.example", "https://www.host.example"),
    ("uri", "*.example", "https://a.b.example"),
    ("uri", "user", "https://user@host.example"),
    ("uri", "path", "https://host.example/path"),
]


@pytest.mark.parametrize(("kind", "rule", "name"), COVERED)
def test_a_covered_name_is_allowed_by_the_rule_and_denied_by_it(kind: str, rule: str, name: str) -> None:
    assert policy_of("allow", kind, rule).decide(classify(name)).allowed
    assert not policy_of("deny", kind, rule).decide(classify(name)).allowed


@pytest.mark.parametrize(("kind", "rule", "name"), NOT_COVERED)
def test_another_name_is_neither_allowed_by_the_rule_nor_denied_by_it(kind: str, rule: str, name: str) -> None:
    assert not policy_of("allow", kind, rule).decide(classify(name)).allowed
    assert policy_of("deny", kind, rule).decide(classify(name)).allowed


@pytest.mark.parametrize(
    ("rule", "text", "matches"),
    [
        pytest.param("Jane Doe", "Jane Doe", True, id="ok/same"),
        pytest.param("Jane Doe", "JANE DOE", True, id="ok/case"),
        pytest.param("Bücher & Co", "BÜCHER & CO", True, id="ok/case-not-ascii"),
        pytest.param("Jane", "Jane Doe", False, id="fail/part"),
        pytest.param("Jane Doe", "Jane", False, id="fail/more"),
        pytest.param("*.example", "a.example", False, id="fail/a-star-is-a-star"),
    ],
)
def test_a_common_name_is_compared_whole_and_without_case(rule: str, text: str, *, matches: bool) -> None:
    assert policy_of("allow", "cn", rule).decide_common_name(text).allowed is matches
    assert policy_of("deny", "cn", rule).decide_common_name(text).allowed is not matches


@pytest.mark.parametrize("name", ["Jane@example.com", "JANE@EXAMPLE.COM"])
def test_the_part_before_the_at_counts_its_case_to_be_allowed_and_not_to_be_denied(name: str) -> None:
    assert not policy_of("allow", "email", "jane@example.com").decide(classify(name)).allowed
    assert not policy_of("deny", "email", "jane@example.com").decide(classify(name)).allowed


@pytest.mark.parametrize("text", [" root", "root ", "\uff32\uff2f\uff2f\uff34", "roo\u1d40"])
def test_what_looks_like_a_common_name_is_denied_with_it_and_not_allowed_with_it(text: str) -> None:
    assert not policy_of("deny", "cn", "root").decide_common_name(text).allowed
    assert not policy_of("allow", "cn", "root").decide_common_name(text).allowed


@pytest.mark.parametrize(
    ("rule", "without_switch", "with_switch"),
    [
        pytest.param("*.example", REFUSED, ALLOWED, id="ok/the-same-wildcard"),
        pytest.param("*.EXAMPLE", REFUSED, ALLOWED, id="ok/case"),
        pytest.param("a.example", REFUSED, REFUSED, id="fail/one-of-its-names"),
        pytest.param("example", REFUSED, REFUSED, id="fail/what-it-hangs-on"),
        pytest.param("*.a.example", REFUSED, REFUSED, id="fail/one-label-more"),
        pytest.param("*.other", REFUSED, REFUSED, id="fail/another"),
    ],
)
def test_a_wildcard_needs_the_same_wildcard_among_the_rules_and_the_switch(
    rule: str, *, without_switch: bool, with_switch: bool
) -> None:
    wildcard = classify("*.example")
    assert policy_of("allow", "dns", rule).decide(wildcard).allowed is without_switch
    assert policy_of("allow", "dns", rule, wildcards=True).decide(wildcard).allowed is with_switch


@pytest.mark.parametrize("switch", [True, False])
@pytest.mark.parametrize(
    ("rule", "verdict"),
    [
        pytest.param("*.example", REFUSED, id="fail/the-same-wildcard"),
        pytest.param("*.EXAMPLE", REFUSED, id="fail/case"),
        pytest.param("a.example", REFUSED, id="fail/one-of-its-names"),
        pytest.param("example", ALLOWED, id="ok/what-it-hangs-on"),
        pytest.param("a.b.example", ALLOWED, id="ok/two-labels-below"),
        pytest.param("*.a.example", ALLOWED, id="ok/wildcard-below"),
        pytest.param("a.other", ALLOWED, id="ok/another"),
    ],
)
def test_a_wildcard_is_denied_when_any_name_that_it_stands_for_is(rule: str, *, verdict: bool, switch: bool) -> None:
    # Without allow rules a wildcard passes as every DNS name does: step-ca's code, not its documentation.
    assert policy_of("deny", "dns", rule, wildcards=switch).decide(classify("*.example")).allowed is verdict


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("dns", "a..example", id="fail/empty-label"),
        pytest.param("dns", "a.example.", id="fail/trailing-dot"),
        pytest.param("dns", "*", id="fail/star-alone"),
        pytest.param("dns", "f*.example", id="fail/star-in-a-label"),
        pytest.param("dns", "*.*.example", id="fail/two-stars"),
        pytest.param("dns", "a b.example", id="fail/space"),
        pytest.param("dns", "☃.example", id="fail/no-a-label"),
        pytest.param("dns", "127.0.0.1:80", id="fail/address-with-port"),
        pytest.param("email", "jane@", id="fail/no-host"),
        pytest.param("email", '"jane"@example', id="fail/quoted"),
        pytest.param("email", "jane@*.example", id="fail/email-at-a-wildcard"),
        pytest.param("email", "jane@10.0.0.1", id="fail/email-at-an-address"),
        pytest.param("uri", "urn:uuid:1", id="fail/no-authority"),
        pytest.param("uri", "mailto:jane@example", id="fail/mailto"),
        pytest.param("uri", "localhost:8080", id="fail/host-and-port"),
        pytest.param("uri", "https:///path", id="fail/empty-host"),
        pytest.param("uri", "https:/example/path", id="fail/one-slash"),
        pytest.param("uri", "https://10.0.0.1/", id="fail/ipv4-host"),
        pytest.param("uri", "https://[::1]/", id="fail/ipv6-host"),
        pytest.param("uri", "https://*.example/", id="fail/wildcard-host"),
        pytest.param("uri", "https://example./", id="fail/uri-trailing-dot"),
        pytest.param("uri", "https://ex%61mple/", id="fail/escaped-host"),
        pytest.param("uri", "https://example\\@evil/", id="fail/backslash"),
        pytest.param("uri", "https://example@evil@other/", id="fail/two-ats"),
        pytest.param("uri", "https://example:80:90/", id="fail/two-ports"),
    ],
)
@pytest.mark.parametrize("side", ["allow", "deny"])
def test_a_name_that_cannot_be_compared_is_refused_with_the_reason(side: str, kind: str, name: str) -> None:
    assert classify(name).type == kind
    decision = policy_of(side, kind, "example").decide(classify(name))
    assert not decision.allowed
    assert decision.explanation.startswith(f"{kind} name ")
    assert f" not allowed: policy: it cannot be compared with the rules for {kind} names: " in decision.explanation
