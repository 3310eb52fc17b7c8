"""The order of the checks, what a refusal says, and several policies around one certificate."""

from collections.abc import Mapping

import pytest

from stepless.domain.names import Name, NameType, classify, classify_all
from stepless.domain.policy.document import parse_policy
from stepless.domain.policy.engine import (
    AUTHORITY_SCOPE,
    NamePolicy,
    ScopedPolicy,
    check_names,
    explain_names,
    provisioner_scope,
)
from stepless.domain.policy.rules import RuleKind, parse_rule
from stepless.errors import NameNotAllowed

Lists = Mapping[str, list[str]]
NO_RULES: Lists = {}
NAMES = {"dns": "a.test", "ip": "10.0.0.1", "email": "jane@a.test", "uri": "https://a.test/"}
RULES = {"dns": "a.test", "ip": "10.0.0.1", "email": "@a.test", "uri": "a.test", "cn": "someone"}


def policy_of(allow: Lists = NO_RULES, deny: Lists = NO_RULES, *, wildcards: bool = False) -> NamePolicy:
    return parse_policy({"x509": {"allow": allow, "deny": deny, "allowWildcardNames": wildcards}})


def refusal(policy: NamePolicy, common_name: str, *names: str, scope: str = AUTHORITY_SCOPE) -> str:
    with pytest.raises(NameNotAllowed) as refused:
        check_names([ScopedPolicy(scope, policy)], common_name, classify_all(names))
    return refused.value.detail


@pytest.mark.parametrize(
    ("allow", "deny", "name", "outcome"),
    [
        pytest.param({}, {}, "a.test", "no-policy", id="ok/step-1-no-rules"),
        pytest.param({"ip": ["10.0.0.1"]}, {}, "a.test", "type-not-allowed", id="fail/step-2-allow-of-another-type"),
        pytest.param({"cn": ["someone"]}, {}, "a.test", "type-not-allowed", id="fail/step-2-allow-of-common-names"),
        pytest.param({}, {"ip": ["10.0.0.1"]}, "a.test", "no-rule", id="ok/step-2-deny-of-another-type"),
        pytest.param({}, {"dns": ["a.test"]}, "a.test", "deny-rule", id="fail/step-3-denied"),
        pytest.param({"dns": ["a.test"]}, {"dns": ["a.test"]}, "a.test", "deny-rule", id="fail/step-3-deny-wins"),
        pytest.param({"dns": ["a.test"]}, {"dns": ["*.test"]}, "a.test", "deny-rule", id="fail/step-3-wide-deny-wins"),
        pytest.param({"dns": ["*.test"]}, {"dns": ["b.test"]}, "a.test", "allow-rule", id="ok/step-4-allowed"),
        pytest.param({"dns": ["b.test"]}, {}, "a.test", "no-allow-rule", id="fail/step-4-no-allow-rule"),
        pytest.param({}, {"dns": ["b.test"]}, "a.test", "no-rule", id="ok/step-4-deny-rules-alone"),
        pytest.param(
            {"ip": ["10.0.0.1"]}, {"dns": ["b.test"]}, "a.test", "no-rule", id="ok/deny-rules-open-their-type-again"
        ),
        pytest.param({"ip": ["10.0.0.1"]}, {"dns": ["a.test"]}, "a.test", "deny-rule", id="fail/and-deny-in-it"),
        pytest.param({}, {"uri": ["b.test"]}, "a..test", "no-rule", id="ok/unreadable-without-rules-of-its-type"),
        pytest.param({}, {"dns": ["b.test"]}, "a..test", "unreadable", id="fail/unreadable-with-deny-rules"),
        pytest.param({"dns": ["*.test"]}, {}, "a..test", "unreadable", id="fail/unreadable-with-allow-rules"),
        pytest.param({"dns": ["*.test"]}, {}, "*.test", "wildcard-not-allowed", id="fail/wildcard"),
        pytest.param({"dns": ["*.test"]}, {}, "*.other", "no-allow-rule", id="fail/wildcard-of-no-rule"),
        pytest.param({}, {"dns": ["a.test"]}, "*.test", "deny-rule", id="fail/wildcard-over-a-denied-name"),
    ],
)
def test_the_steps_come_in_their_order(allow: Lists, deny: Lists, name: str, outcome: str) -> None:
    assert policy_of(allow, deny).decide(classify(name)).outcome == outcome


@pytest.mark.parametrize("ruled", RULES)
@pytest.mark.parametrize("asked", NAMES)
def test_an_allow_rule_shuts_every_other_type_and_a_deny_rule_none(ruled: str, asked: str) -> None:
    name = classify(NAMES[asked])
    assert policy_of({ruled: [RULES[ruled]]}).decide(name).allowed is (ruled == asked)
    assert policy_of({}, {ruled: [RULES[ruled]]}).decide(name).allowed is (ruled != asked)


def test_the_switch_alone_decides_nothing() -> None:
    assert parse_policy({"x509": {"allowWildcardNames": False}}).decide(classify("*.test")).outcome == "no-policy"


@pytest.mark.parametrize(
    ("allow", "deny", "common_name", "outcome", "judged_as"),
    [
        pytest.param({}, {}, "a.test", "no-policy", "cn", id="ok/no-rules"),
        pytest.param({"dns": ["*.test"]}, {}, "a.test", "allow-rule", "dns", id="ok/as-dns"),
        pytest.param({"dns": ["*.test"]}, {}, "a.b.test", "no-allow-rule", "dns", id="fail/as-dns"),
        pytest.param({"ip": ["10.0.0.0/8"]}, {}, "10.0.0.1", "allow-rule", "ip", id="ok/as-ip"),
        pytest.param({"email": ["@a.test"]}, {}, "jane@a.test", "allow-rule", "email", id="ok/as-email"),
        pytest.param({"uri": ["a.test"]}, {}, "https://a.test", "allow-rule", "uri", id="ok/as-uri"),
        pytest.param({"dns": ["xn--bcher-kva.test"]}, {}, "Bücher.test", "allow-rule", "dns", id="ok/as-idn"),
        pytest.param({"dns": ["*.test"]}, {}, "Jane Doe", "unreadable", "dns", id="fail/no-dns-name"),
        pytest.param({"ip": ["10.0.0.1"]}, {}, "a.test", "type-not-allowed", "dns", id="fail/type-not-allowed"),
        pytest.param({"dns": ["*.test"]}, {}, "*.test", "wildcard-not-allowed", "dns", id="fail/wildcard"),
        pytest.param({}, {"dns": ["a.test"]}, "a.test", "deny-rule", "dns", id="fail/denied-as-dns"),
        pytest.param({}, {"ip": ["10.0.0.1"]}, "Jane Doe", "no-rule", "dns", id="ok/deny-of-another-type"),
        pytest.param({"cn": ["Jane Doe"]}, {}, "jane doe", "allow-rule", "cn", id="ok/allowed"),
        pytest.param({"cn": ["Jane Doe"]}, {}, "Joan", "type-not-allowed", "dns", id="fail/not-among-the-allowed"),
        pytest.param(
            {"cn": ["Jane Doe"], "dns": ["*.test"]},
            {},
            "a.test",
            "allow-rule",
            "dns",
            id="ok/not-among-them-but-as-dns",
        ),
        pytest.param({}, {"cn": ["root"]}, "Root", "deny-rule", "cn", id="fail/denied"),
        pytest.param({"cn": ["root"]}, {"cn": ["root"]}, "root", "deny-rule", "cn", id="fail/deny-wins"),
        pytest.param({"dns": ["root"]}, {"cn": ["root"]}, "root", "deny-rule", "cn", id="fail/deny-wins-over-dns"),
        pytest.param({"cn": ["a.test"]}, {"dns": ["a.test"]}, "a.test", "deny-rule", "dns", id="fail/deny-dns-wins"),
        pytest.param(
            {}, {"cn": ["x"], "dns": ["a.test"]}, "a.test", "deny-rule", "dns", id="fail/other-deny-rules-hold"
        ),
        pytest.param(
            {}, {"cn": ["x"], "dns": ["a.test"]}, "*.test", "deny-rule", "dns", id="fail/wildcard-over-denied"
        ),
        pytest.param({}, {"cn": ["root"]}, "Jane Doe", "no-rule", "dns", id="ok/deny-rules-alone"),
        pytest.param(
            {"dns": ["*.test"]},
            {"cn": ["root"]},
            "b.example",
            "no-allow-rule",
            "dns",
            id="fail/deny-rules-open-nothing",
        ),
    ],
)
def test_a_common_name_is_judged_by_its_own_rules_and_as_what_it_looks_like(
    allow: Lists, deny: Lists, common_name: str, outcome: str, judged_as: str
) -> None:
    decision = policy_of(allow, deny).decide_common_name(common_name)
    assert (decision.outcome, str(decision.judged_as)) == (outcome, judged_as)
    assert (decision.type, decision.name) == ("cn", common_name)


def test_an_empty_common_name_is_not_judged() -> None:
    check_names([ScopedPolicy(AUTHORITY_SCOPE, policy_of({"dns": ["a.test"]}))], "", classify_all(["a.test"]))


@pytest.mark.parametrize(
    ("allow", "deny", "name", "expected"),
    [
        pytest.param(
            {"dns": ["*.test"]},
            {},
            "a.b.test",
            'dns name "a.b.test" not allowed: authority policy: no rule of x509.allow.dns matches it',
            id="no-allow-rule",
        ),
        pytest.param(
            {"dns": ["*.test"]},
            {},
            "10.0.0.1",
            'ip name "10.0.0.1" not allowed: authority policy: there are allow rules, and none for ip names',
            id="type",
        ),
        pytest.param(
            {"dns": ["*.test"]},
            {},
            "*.test",
            'dns name "*.test" not allowed: authority policy: x509.allowWildcardNames is not set',
            id="wildcard",
        ),
        pytest.param(
            {},
            {"uri": ["*.TEST"]},
            "https://a.test/x",
            'uri name "https://a.test/x" not allowed: authority policy: the rule x509.deny.uri "*.test" denies it',
            id="deny-rule",
        ),
        pytest.param(
            {},
            {"uri": ["*.test"]},
            "https://10.0.0.1/",
            'uri name "https://10.0.0.1/" not allowed: authority policy: it cannot be compared with the rules for uri '
            "names: its host '10.0.0.1' is not a DNS name",
            id="unreadable",
        ),
    ],
)
def test_a_refusal_begins_as_step_ca_says_it_and_goes_on_with_policy_and_rule(
    allow: Lists, deny: Lists, name: str, expected: str
) -> None:
    assert refusal(policy_of(allow, deny), "", name) == expected


@pytest.mark.parametrize(
    ("allow", "deny", "common_name", "reason"),
    [
        pytest.param({}, {"cn": ["root"]}, "Root", 'the rule x509.deny.cn "root" denies it', id="deny-cn"),
        pytest.param(
            {},
            {"dns": ["*.test"]},
            "a.test",
            'as a name of type dns, the rule x509.deny.dns "*.test" denies it',
            id="deny-dns",
        ),
        pytest.param(
            {"dns": ["*.test"]},
            {},
            "a.b.test",
            "no rule of x509.allow.cn matches it, and as a name of type dns, no rule of x509.allow.dns matches it",
            id="no-allow-rule",
        ),
        pytest.param(
            {"dns": ["*.test"]},
            {},
            "Jane Doe",
            "no rule of x509.allow.cn matches it, and as a name of type dns, it cannot be compared with the rules for "
            "dns names: it is not a valid dns name",
            id="unreadable",
        ),
    ],
)
def test_a_refused_common_name_says_what_it_was_taken_for(
    allow: Lists, deny: Lists, common_name: str, reason: str
) -> None:
    expected = f'cn name "{common_name}" not allowed: authority policy: {reason}'
    assert refusal(policy_of(allow, deny), common_name) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [('a"b\\', r'"a\"b\\"'), ("Jürgen", '"Jürgen"'), ("a\u202eb", r'"a\u202eb"'), ("a\nb", r'"a\nb"')],
)
def test_nothing_in_a_name_breaks_out_of_its_quotes_or_hides(text: str, shown: str) -> None:
    decision = policy_of({"dns": ["a.test"]}).decide_common_name(text)
    assert decision.explanation.startswith(f"cn name {shown} not allowed: ")


PROVISIONER = ScopedPolicy(provisioner_scope('the "p"'), policy_of({"dns": ["*.test"]}))
AUTHORITY = ScopedPolicy(AUTHORITY_SCOPE, policy_of({"dns": ["a.test", "b.other"]}))


def test_what_every_policy_allows_passes() -> None:
    check_names([PROVISIONER, AUTHORITY], "a.test", classify_all(["a.test"]))
    check_names([], "anything", classify_all(["a.test", "10.0.0.1"]))


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        pytest.param("b.test", "authority", id="fail/the-outer-refuses"),
        pytest.param("b.other", r'provisioner "the \"p\""', id="fail/the-inner-refuses"),
        pytest.param("c.other", r'provisioner "the \"p\""', id="fail/both-refuse-and-the-inner-speaks"),
    ],
)
def test_all_policies_must_allow_and_the_first_that_refuses_is_named(name: str, scope: str) -> None:
    with pytest.raises(NameNotAllowed) as refused:
        check_names([PROVISIONER, AUTHORITY], "", classify_all([name]))
    expected = f'dns name "{name}" not allowed: {scope} policy: no rule of x509.allow.dns matches it'
    assert refused.value.detail == expected


def test_every_decision_is_explained_policy_by_policy_and_the_common_name_last() -> None:
    decisions = list(explain_names([PROVISIONER, AUTHORITY], "10.0.0.1", classify_all(["a.test", "b.test"])))
    assert [(decision.scope, decision.type, decision.name, decision.allowed) for decision in decisions] == [
        (PROVISIONER.scope, "dns", "a.test", True),
        (PROVISIONER.scope, "dns", "b.test", True),
        (PROVISIONER.scope, "cn", "10.0.0.1", False),
        (AUTHORITY.scope, "dns", "a.test", True),
        (AUTHORITY.scope, "dns", "b.test", False),
        (AUTHORITY.scope, "cn", "10.0.0.1", False),
    ]
    assert decisions[0].rule == parse_rule(RuleKind.DNS, "*.test")
    assert decisions[0].explanation == (
        r'dns name "a.test" allowed: provisioner "the \"p\"" policy: the rule x509.allow.dns "*.test" allows it'
    )


def test_what_passes_without_a_rule_says_so() -> None:
    deny_only = policy_of({}, {"dns": ["b.test"]})
    assert (
        deny_only.decide(classify("a.test")).reason
        == "policy: no rule is against it, and dns names have no allow rules"
    )
    assert (
        NamePolicy().decide(classify("a.test")).explanation == 'dns name "a.test" allowed: policy: there are no rules'
    )
    assert deny_only.decide_common_name("a.test").reason.startswith(
        "policy: as a name of type dns, no rule is against it"
    )


def test_a_name_of_a_wrong_type_is_refused_and_no_fault() -> None:
    policy = policy_of({"dns": ["*.test"], "ip": ["10.0.0.0/8"]})
    for name in (Name(NameType.IP, "a.test"), Name(NameType.DNS, "10.0.0.1"), Name(NameType.DNS, "")):
        assert policy.decide(name).outcome == "unreadable"
