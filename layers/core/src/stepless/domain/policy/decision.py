"""What a policy decided on a name, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from stepless.domain.policy.rules import Rule, RuleKind


class Outcome(StrEnum):
    """How a decision came about."""

    NO_POLICY = "no-policy"
    NO_RULE = "no-rule"
    ALLOW_RULE = "allow-rule"
    DENY_RULE = "deny-rule"
    NO_ALLOW_RULE = "no-allow-rule"
    TYPE_NOT_ALLOWED = "type-not-allowed"
    WILDCARD_NOT_ALLOWED = "wildcard-not-allowed"
    UNREADABLE = "unreadable"


_ALLOWED: Final = frozenset({Outcome.NO_POLICY, Outcome.NO_RULE, Outcome.ALLOW_RULE})
_WHY: Final = {
    Outcome.NO_POLICY: "there are no rules",
    Outcome.NO_RULE: "no rule is against it, and {kind} names have no allow rules",
    Outcome.ALLOW_RULE: "the rule x509.allow.{kind} {rule} allows it",
    Outcome.DENY_RULE: "the rule x509.deny.{kind} {rule} denies it",
    Outcome.NO_ALLOW_RULE: "no rule of x509.allow.{kind} matches it",
    Outcome.TYPE_NOT_ALLOWED: "there are allow rules, and none for {kind} names",
    Outcome.WILDCARD_NOT_ALLOWED: "x509.allowWildcardNames is not set",
    Outcome.UNREADABLE: "it cannot be compared with the rules for {kind} names: {problem}",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """One policy's answer to one name.

    Attributes:
        type: what the name is in the certificate.
        name: the name as it was asked for.
        outcome: how it was decided.
        judged_as: whose rules decided; of a common name those of ``cn``, or those of the type that it looks like.
        rule: the rule that matched.
        problem: why the name is unreadable.
        scope: whose policy it is.
    """

    type: RuleKind
    name: str
    outcome: Outcome
    judged_as: RuleKind
    rule: Rule | None = None
    problem: str = ""
    scope: str = ""

    @property
    def allowed(self) -> bool:
        """Whether this policy lets the name pass."""
        return self.outcome in _ALLOWED

    @property
    def reason(self) -> str:
        """Whose policy decided so, by which rule or for want of which: a sentence without a final dot."""
        rule = quoted(self.rule.text) if self.rule else ""
        why = _WHY[self.outcome].format(kind=self.judged_as, rule=rule, problem=self.problem)
        if self.judged_as is not self.type:
            why = f"as a name of type {self.judged_as}, {why}"
            if not self.allowed and self.outcome is not Outcome.DENY_RULE:
                why = f"no rule of x509.allow.cn matches it, and {why}"
        return f"{self.scope} policy: {why}".lstrip()

    @property
    def explanation(self) -> str:
        """The name, the decision and the reason; for a refusal it begins with step-ca's text."""
        verdict = "allowed" if self.allowed else "not allowed"
        return f"{self.type} name {quoted(self.name)} {verdict}: {self.reason}"


def quoted(text: str) -> str:
    """A text in double quotes as Go's ``%q`` writes it: nothing in it can break out or hide."""
    return json.dumps(text, ensure_ascii=not text.isprintable())
