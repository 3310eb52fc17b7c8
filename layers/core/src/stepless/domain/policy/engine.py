"""A name policy and its decisions; the order of the checks is told in ``stepless.domain.policy``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from stepless.domain.names import Name, classify
from stepless.domain.policy.decision import Decision, Outcome, quoted
from stepless.domain.policy.matching import HostTarget, Target, read_target
from stepless.domain.policy.rules import Rule, RuleKind
from stepless.errors import NameNotAllowed

AUTHORITY_SCOPE: Final = "authority"


def provisioner_scope(name: str) -> str:
    """How reasons name a provisioner's policy."""
    return f"provisioner {quoted(name)}"


@dataclass(frozen=True)
class NamePolicy:
    """Allow and deny rules of one scope; without any rule it is no policy."""

    allow: tuple[Rule, ...] = ()
    deny: tuple[Rule, ...] = ()
    allow_wildcard_names: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it has no rules, and so allows everything."""
        return not self.allow and not self.deny

    @cached_property
    def _allow(self) -> Mapping[RuleKind, tuple[Rule, ...]]:
        return _by_kind(self.allow)

    @cached_property
    def _deny(self) -> Mapping[RuleKind, tuple[Rule, ...]]:
        return _by_kind(self.deny)

    def decide(self, name: Name) -> Decision:
        """Judge a subject alternative name."""
        return self._judge(RuleKind(name.type), name.value)

    def decide_common_name(self, text: str) -> Decision:
        """Judge the subject's common name: by the rules for common names, and as the name that it looks like."""
        as_common_name = self._judge(RuleKind.CN, text)
        as_name = replace(self._judge(RuleKind(classify(text).type), text), type=RuleKind.CN)
        for decision in (as_common_name, as_name):
            if decision.outcome is Outcome.DENY_RULE:
                return decision
        return as_common_name if as_common_name.outcome in (Outcome.NO_POLICY, Outcome.ALLOW_RULE) else as_name

    def _judge(self, kind: RuleKind, text: str) -> Decision:
        """Judge by the rules of one kind; without any, the name is not even read."""
        allow, deny = self._allow.get(kind, ()), self._deny.get(kind, ())
        if not allow and not deny:
            return Decision(kind, text, self._outcome_without_rules, kind)
        try:
            target = read_target(kind, text)
        except ValueError as error:
            return Decision(kind, text, Outcome.UNREADABLE, kind, problem=str(error))
        outcome, rule = self._match(target, allow, deny)
        return Decision(kind, text, outcome, kind, rule)

    @property
    def _outcome_without_rules(self) -> Outcome:
        if self.allow:
            return Outcome.TYPE_NOT_ALLOWED
        return Outcome.NO_RULE if self.deny else Outcome.NO_POLICY

    def _match(self, target: Target, allow: tuple[Rule, ...], deny: tuple[Rule, ...]) -> tuple[Outcome, Rule | None]:
        denying = next((rule for rule in deny if target.touched_by(rule)), None)
        if denying is not None:
            return Outcome.DENY_RULE, denying
        if not allow:
            return Outcome.NO_RULE, None
        allowing = next((rule for rule in allow if target.covered_by(rule)), None)
        if allowing is None:
            return Outcome.NO_ALLOW_RULE, None
        if isinstance(target, HostTarget) and target.is_wildcard and not self.allow_wildcard_names:
            return Outcome.WILDCARD_NOT_ALLOWED, allowing
        return Outcome.ALLOW_RULE, allowing


def _by_kind(rules: tuple[Rule, ...]) -> Mapping[RuleKind, tuple[Rule, ...]]:
    groups: dict[RuleKind, list[Rule]] = defaultdict(list)
    for rule in rules:
        groups[rule.kind].append(rule)
    return {kind: tuple(group) for kind, group in groups.items()}


@dataclass(frozen=True, slots=True)
class ScopedPolicy:
    """A policy and whose it is: ``AUTHORITY_SCOPE``, or a ``provisioner_scope``."""

    scope: str
    policy: NamePolicy


def explain_names(policies: Iterable[ScopedPolicy], common_name: str, names: Iterable[Name]) -> Iterator[Decision]:
    """Every policy's decision on every name, in the order of the policies, the common name last; all must allow.

    An empty common name is not judged. Without it, this is also what ACME orders and the lock-out check of
    administrators ask.
    """
    names = tuple(names)
    for scoped in policies:
        for name in names:
            yield replace(scoped.policy.decide(name), scope=scoped.scope)
        if common_name:
            yield replace(scoped.policy.decide_common_name(common_name), scope=scoped.scope)


def check_names(
    policies: Iterable[ScopedPolicy], common_name: str, names: Iterable[Name], *, has_others: bool = False
) -> None:
    """Hold the names of a certificate to every policy around it.

    ``has_others`` tells that it has names of types that no rule can speak of: under a policy they are refused.

    Raises:
        NameNotAllowed: the first refusal that ``explain_names`` gives, with the rule that decided.
    """
    policies = [scoped for scoped in policies if not scoped.policy.is_empty]
    if has_others and policies:
        raise NameNotAllowed("there is a policy, and names of other types than dns, ip, email and uri cannot be judged")
    for decision in explain_names(policies, common_name, names):
        if not decision.allowed:
            raise NameNotAllowed(decision.explanation)
