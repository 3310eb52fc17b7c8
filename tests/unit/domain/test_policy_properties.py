"""What holds of every policy and every name: mostly that deny rules only ever take away."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from stepless.domain.names import Name, NameType, classify
from stepless.domain.policy.decision import Decision, Outcome
from stepless.domain.policy.document import parse_policy, policy_document
from stepless.domain.policy.engine import NamePolicy, ScopedPolicy, check_names, explain_names
from stepless.domain.policy.matching import read_target
from stepless.domain.policy.rules import Rule, RuleKind, parse_rule
from stepless.errors import NameNotAllowed

# A small world, so that rules and names meet.
_LABELS = st.sampled_from(["a", "b", "test", "xn--bcher-kva", "_s"])
_HOSTS = st.lists(_LABELS, min_size=1, max_size=3).map(".".join)
_WILDCARDS = st.lists(_LABELS, min_size=1, max_size=2).map(lambda labels: ".".join(["*", *labels]))
_LOCALS = st.sampled_from(["jane", "Jane", "joan"])
_ADDRESSES = st.sampled_from(["10.0.0.1", "10.9.0.1", "11.0.0.1", "::1", "2001:db8::1", "::ffff:10.0.0.1"])
_COMMON_NAMES = st.sampled_from(["Jane Doe", "jane doe", " jane doe", "root", "a..b", "*"]) | _HOSTS | _ADDRESSES
_NAMES = st.one_of(
    _HOSTS,
    _WILDCARDS,
    _ADDRESSES,
    st.builds("{}@{}".format, _LOCALS, _HOSTS),
    st.builds("https://{}/{}".format, _HOSTS, _LABELS),
    st.sampled_from(["urn:a", "https://10.0.0.1", "a..b"]),
).map(classify)
_RULE_TEXTS = {
    RuleKind.CN: st.sampled_from(["Jane Doe", "root", "a.test"]) | _HOSTS,
    RuleKind.DNS: _HOSTS | _WILDCARDS | st.just("*.Bücher"),
    RuleKind.IP: _ADDRESSES | st.sampled_from(["10.0.0.0/8", "0.0.0.0/0", "::/0", "::ffff:10.0.0.0/112"]),
    RuleKind.EMAIL: st.builds("{}@{}".format, _LOCALS | st.just(""), _HOSTS),
    RuleKind.URI: _HOSTS | _WILDCARDS,
}
_RULES = st.sampled_from(RuleKind).flatmap(lambda kind: _RULE_TEXTS[kind].map(lambda text: parse_rule(kind, text)))
_SIDES = st.lists(_RULES, max_size=4).map(tuple)
_POLICIES = st.builds(NamePolicy, _SIDES, _SIDES, st.booleans())


def decisions(policy: NamePolicy, name: Name, common_name: str) -> tuple[Decision, Decision]:
    return policy.decide(name), policy.decide_common_name(common_name)


def kinds(policy: NamePolicy) -> set[RuleKind]:
    return {rule.kind for rule in (*policy.allow, *policy.deny)}


@given(_POLICIES, _RULES, _NAMES, _COMMON_NAMES)
def test_one_more_deny_rule_never_allows_more(policy: NamePolicy, rule: Rule, name: Name, common_name: str) -> None:
    # The first rule of a type beside allow rules of others is the exception that step-ca's code makes.
    assume(rule.kind in kinds(policy) or not policy.allow)
    stricter = replace(policy, deny=(*policy.deny, rule))
    for before, after in zip(decisions(policy, name, common_name), decisions(stricter, name, common_name), strict=True):
        assert before.allowed or not after.allowed


@given(_POLICIES, _RULES, _NAMES, _COMMON_NAMES)
def test_one_more_allow_rule_never_refuses_more_of_a_type_that_has_some(
    policy: NamePolicy, rule: Rule, name: Name, common_name: str
) -> None:
    assume(any(rule.kind is own.kind for own in policy.allow))
    wider = replace(policy, allow=(*policy.allow, rule))
    for before, after in zip(decisions(policy, name, common_name), decisions(wider, name, common_name), strict=True):
        assert after.allowed or not before.allowed


@given(_POLICIES, _SIDES, st.booleans(), _NAMES, _COMMON_NAMES)
def test_a_denied_name_stays_denied_whatever_is_allowed(
    policy: NamePolicy,
    allow: tuple[Rule, ...],
    wildcards: bool,  # noqa: FBT001 - hypothesis gives it
    name: Name,
    common_name: str,
) -> None:
    other = replace(policy, allow=allow, allow_wildcard_names=wildcards)
    for before, after in zip(decisions(policy, name, common_name), decisions(other, name, common_name), strict=True):
        assert (before.outcome is Outcome.DENY_RULE) is (after.outcome is Outcome.DENY_RULE)


@given(_POLICIES, _NAMES, _COMMON_NAMES)
def test_the_order_of_the_rules_decides_nothing(policy: NamePolicy, name: Name, common_name: str) -> None:
    other = replace(policy, allow=policy.allow[::-1], deny=policy.deny[::-1])
    for one, two in zip(decisions(policy, name, common_name), decisions(other, name, common_name), strict=True):
        assert one.outcome is two.outcome


@given(_POLICIES, _HOSTS | _WILDCARDS, st.data())
def test_case_decides_nothing_for_dns_names_and_for_hosts(policy: NamePolicy, host: str, data: st.DataObject) -> None:
    upper = data.draw(st.lists(st.booleans(), min_size=len(host), max_size=len(host)))
    other = "".join(letter.upper() if up else letter for letter, up in zip(host, upper, strict=True))
    for kind, form in [(NameType.DNS, "{}"), (NameType.EMAIL, "jane@{}"), (NameType.URI, "https://{}/")]:
        one, two = (policy.decide(Name(kind, form.format(text))) for text in (host, other))
        assert (one.outcome, one.rule) == (two.outcome, two.rule)
    assert policy.decide_common_name(host).outcome is policy.decide_common_name(other).outcome


@given(_SIDES, st.sampled_from(["test", "a.test", "b", "b.b"]))
def test_a_wildcard_is_denied_exactly_where_a_name_is_that_it_stands_for(deny: tuple[Rule, ...], host: str) -> None:
    policy = NamePolicy(deny=(*deny, parse_rule(RuleKind.DNS, "a.b.test")))
    labels = {"fresh", *(rule.text.partition(".")[0] for rule in policy.deny if rule.kind is RuleKind.DNS)} - {"*"}
    names = [Name(NameType.DNS, f"{label}.{host}") for label in labels]
    denied = any(policy.decide(name).outcome is Outcome.DENY_RULE for name in names)
    assert (policy.decide(Name(NameType.DNS, f"*.{host}")).outcome is Outcome.DENY_RULE) is denied


@given(_POLICIES, _LABELS, _HOSTS)
def test_where_a_wildcard_is_allowed_every_name_is_that_it_stands_for(
    policy: NamePolicy, label: str, host: str
) -> None:
    policy = replace(policy, allow=(*policy.allow, parse_rule(RuleKind.DNS, f"*.{host}")), allow_wildcard_names=True)
    if policy.decide(Name(NameType.DNS, f"*.{host}")).allowed:
        assert policy.decide(Name(NameType.DNS, f"{label}.{host}")).allowed


@given(_RULES, st.data())
def test_what_a_rule_would_allow_it_would_deny(rule: Rule, data: st.DataObject) -> None:
    text = data.draw(_COMMON_NAMES if rule.kind is RuleKind.CN else _NAMES.map(lambda name: name.value))
    try:
        target = read_target(rule.kind, text)
    except ValueError:
        return
    assert target.touched_by(rule) or not target.covered_by(rule)


@given(_POLICIES, _NAMES, _COMMON_NAMES)
def test_a_policy_decides_the_same_after_the_way_through_its_document(
    policy: NamePolicy, name: Name, common_name: str
) -> None:
    stored = parse_policy(policy_document(policy))
    for one, two in zip(decisions(policy, name, common_name), decisions(stored, name, common_name), strict=True):
        assert one.outcome is two.outcome


@given(st.lists(_POLICIES, max_size=3), st.lists(_NAMES, max_size=3), _COMMON_NAMES | st.just(""))
def test_names_pass_when_every_explanation_says_so(
    policies: list[NamePolicy], names: list[Name], common_name: str
) -> None:
    scoped = [ScopedPolicy(f"scope {number}", policy) for number, policy in enumerate(policies)]
    explained = list(explain_names(scoped, common_name, names))
    assert len(explained) == len(policies) * (len(names) + bool(common_name))
    refused = [decision for decision in explained if not decision.allowed]
    try:
        check_names(scoped, common_name, names)
    except NameNotAllowed as error:
        detail = error.detail
    else:
        detail = ""
    assert detail == (refused[0].explanation if refused else "")


@given(_POLICIES, st.sampled_from(NameType), st.text(), st.text())
def test_any_text_gets_a_decision_with_a_reason(
    policy: NamePolicy, kind: NameType, text: str, common_name: str
) -> None:
    for decision in decisions(policy, Name(kind, text), common_name):
        assert decision.reason
        assert decision.explanation.isprintable()
