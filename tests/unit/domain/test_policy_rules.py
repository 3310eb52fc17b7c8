import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.policy.rules import Rule, RuleKind, parse_rule

CN, DNS, IP, EMAIL, URI = RuleKind.CN, RuleKind.DNS, RuleKind.IP, RuleKind.EMAIL, RuleKind.URI


@pytest.mark.parametrize(
    ("kind", "text", "normal"),
    [
        pytest.param(DNS, "host.example.com", "host.example.com", id="ok/dns"),
        pytest.param(DNS, "localhost", "localhost", id="ok/dns-of-one-label"),
        pytest.param(DNS, "*.example.com", "*.example.com", id="ok/dns-wildcard"),
        pytest.param(DNS, " *.Example.COM\t", "*.example.com", id="ok/dns-case-and-spaces"),
        pytest.param(DNS, "_acme.example.com", "_acme.example.com", id="ok/dns-underscore"),
        pytest.param(DNS, "*.BÜCHER.example", "*.xn--bcher-kva.example", id="ok/dns-u-label"),
        pytest.param(DNS, "XN--BCHER-KVA.example", "xn--bcher-kva.example", id="ok/dns-a-label"),
        pytest.param(DNS, "a。例.jp", "a.xn--fsq.jp", id="ok/dns-ideographic-dot"),
        pytest.param(DNS, "faß.example", "xn--fa-hia.example", id="ok/dns-sharp-s-is-kept"),
        pytest.param(IP, "10.1.2.3", "10.1.2.3", id="ok/ip"),
        pytest.param(IP, "10.1.2.3/32", "10.1.2.3", id="ok/ip-as-range-of-one"),
        pytest.param(IP, "10.0.0.0/8", "10.0.0.0/8", id="ok/ip-range"),
        pytest.param(IP, "10.1.2.3/8", "10.0.0.0/8", id="ok/ip-bits-behind-the-prefix"),
        pytest.param(IP, " ::1 ", "::1", id="ok/ipv6-and-spaces"),
        pytest.param(IP, "2001:DB8:0::/32", "2001:db8::/32", id="ok/ipv6-range"),
        pytest.param(IP, "::ffff:10.1.2.3", "10.1.2.3", id="ok/ipv4-mapped"),
        pytest.param(IP, "::ffff:10.0.0.0/104", "10.0.0.0/8", id="ok/ipv4-mapped-range"),
        pytest.param(IP, "::ffff:0:0/96", "0.0.0.0/0", id="ok/all-ipv4-mapped"),
        pytest.param(IP, "::/0", "::/0", id="ok/all-ipv6"),
        pytest.param(EMAIL, "jane@example.com", "jane@example.com", id="ok/email"),
        pytest.param(EMAIL, " Jane@Example.COM ", "jane@example.com", id="ok/email-case-and-spaces"),
        pytest.param(EMAIL, "@example.com", "@example.com", id="ok/email-host"),
        pytest.param(EMAIL, "example.com", "@example.com", id="ok/email-host-without-at"),
        pytest.param(EMAIL, "@bücher.example", "@xn--bcher-kva.example", id="ok/email-u-label"),
        pytest.param(EMAIL, "a@bücher.example", "a@xn--bcher-kva.example", id="ok/email-with-u-label"),
        pytest.param(URI, "host.example.com", "host.example.com", id="ok/uri"),
        pytest.param(URI, "*.Example.com", "*.example.com", id="ok/uri-wildcard"),
        pytest.param(URI, "bücher.example", "xn--bcher-kva.example", id="ok/uri-u-label"),
        pytest.param(CN, " Jane Doe ", "jane doe", id="ok/cn"),
        pytest.param(CN, "*.example.com", "*.example.com", id="ok/cn-is-no-pattern"),
        pytest.param(CN, "Bücher & Co", "bücher & co", id="ok/cn-not-ascii"),
    ],
)
def test_a_rule_has_one_normal_form(kind: RuleKind, text: str, normal: str) -> None:
    rule = parse_rule(kind, text)
    assert rule == Rule(kind, normal)
    assert parse_rule(kind, rule.text) == rule


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        pytest.param(DNS, "", "it is empty", id="fail/dns-empty"),
        pytest.param(DNS, "  ", "it is empty", id="fail/dns-spaces"),
        pytest.param(DNS, ".", "star", id="fail/dns-dot"),
        pytest.param(DNS, ".example.com", "star", id="fail/dns-leading-dot"),
        pytest.param(DNS, "a..example.com", "not a valid dns name", id="fail/dns-empty-label"),
        pytest.param(DNS, "example.com.", "not a valid dns name", id="fail/dns-trailing-dot"),
        pytest.param(DNS, "*", "not a valid dns name", id="fail/dns-star-alone"),
        pytest.param(DNS, "*.*.example.com", "not a valid dns name", id="fail/dns-two-stars"),
        pytest.param(DNS, "a.*.example.com", "not a valid dns name", id="fail/dns-star-inside"),
        pytest.param(DNS, "*a.example.com", "not a valid dns name", id="fail/dns-star-in-a-label"),
        pytest.param(DNS, "a b.example.com", "not a valid dns name", id="fail/dns-space"),
        pytest.param(DNS, "a" * 64 + ".example", "not a valid dns name", id="fail/dns-label-of-64"),
        pytest.param(DNS, "10.0.0.1", "reads as ip", id="fail/dns-address"),
        pytest.param(DNS, "jane@example.com", "reads as email", id="fail/dns-email"),
        pytest.param(DNS, "https://example.com", "reads as uri", id="fail/dns-uri"),
        pytest.param(DNS, "ü\uff0a.example", "A-label", id="fail/dns-wide-star"),
        pytest.param(DNS, "☃.example", "A-label", id="fail/dns-no-a-label"),
        pytest.param(DNS, "\ud800.example", "A-label", id="fail/dns-surrogate"),
        pytest.param(IP, "", "neither", id="fail/ip-empty"),
        pytest.param(IP, "host.example.com", "neither", id="fail/ip-name"),
        pytest.param(IP, "10.0.0.1/33", "neither", id="fail/ip-prefix-too-long"),
        pytest.param(IP, "010.0.0.1", "neither", id="fail/ip-octal"),
        pytest.param(IP, "10.0.0.0/255.0.0.0", "leading bits", id="fail/ip-mask"),
        pytest.param(IP, "10.0.0.0/", "leading bits", id="fail/ip-no-prefix"),
        pytest.param(IP, "10.0.0.0/²", "leading bits", id="fail/ip-superscript"),
        pytest.param(IP, "10.0.0.0-10.0.0.9", "neither", id="fail/ip-from-to"),
        pytest.param(IP, "fe80::1%eth0", "one machine", id="fail/ip-scoped"),
        pytest.param(EMAIL, "", "it is empty", id="fail/email-empty"),
        pytest.param(EMAIL, "@", "no host", id="fail/email-at-alone"),
        pytest.param(EMAIL, "jane@", "no host", id="fail/email-without-host"),
        pytest.param(EMAIL, "*@example.com", "no wildcards", id="fail/email-star"),
        pytest.param(EMAIL, "@*.example.com", "no wildcards", id="fail/email-star-host"),
        pytest.param(EMAIL, "@.example.com", "not a valid dns name", id="fail/email-leading-dot"),
        pytest.param(EMAIL, "a@b@example.com", "not a valid email name", id="fail/email-two-ats"),
        pytest.param(EMAIL, "@@example.com", "not a valid email name", id="fail/email-two-ats-before-a-host"),
        pytest.param(EMAIL, "jané@example.com", "not a valid email name", id="fail/email-not-ascii"),
        pytest.param(EMAIL, "jane@10.0.0.1", "reads as ip", id="fail/email-at-an-address"),
        pytest.param(URI, "", "it is empty", id="fail/uri-empty"),
        pytest.param(URI, "https://example.com", "not matched", id="fail/uri-scheme"),
        pytest.param(URI, "example.com:8443", "not matched", id="fail/uri-port"),
        pytest.param(URI, "example.com/path", "not matched", id="fail/uri-path"),
        pytest.param(URI, "[::1]", "not matched", id="fail/uri-brackets"),
        pytest.param(URI, "10.0.0.1", "reads as ip", id="fail/uri-address"),
        pytest.param(URI, ".example.com", "star", id="fail/uri-leading-dot"),
        pytest.param(URI, "*", "not a valid dns name", id="fail/uri-star-alone"),
        pytest.param(CN, "", "it is empty", id="fail/cn-empty"),
        pytest.param(CN, " * ", "no wildcards", id="fail/cn-star"),
        pytest.param(CN, "x" * 65, "64 characters", id="fail/cn-of-65"),
        pytest.param(CN, "a\nb", "not printable", id="fail/cn-line-break"),
    ],
)
def test_a_wrong_rule_is_refused_with_what_to_write_instead(kind: RuleKind, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="is not a rule for") as refused:
        parse_rule(kind, text)
    message = str(refused.value)
    assert message.startswith(f"{text[:64]!r} is not a rule for {kind} names: ")
    assert problem in message
    assert "; write " in message


_RULE_LIKE = st.text(st.sampled_from("aZ09.-_@:/*%[] üß。İﬁ\uff0a"), max_size=20)


@given(st.sampled_from(RuleKind), st.text() | _RULE_LIKE | st.ip_addresses(network="::ffff:0:0/96").map(str))
def test_any_text_is_a_rule_or_a_value_error_and_its_normal_form_stays(kind: RuleKind, text: str) -> None:
    try:
        rule = parse_rule(kind, text)
    except ValueError:
        return
    assert parse_rule(kind, rule.text) == rule
    assert parse_rule(kind, f" {rule.text.upper()} ") == rule or kind is CN
