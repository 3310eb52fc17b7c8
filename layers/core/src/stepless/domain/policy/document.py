"""Name policies in step's JSON form: strict on the way in, one spelling on the way out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from stepless.domain.policy.engine import NamePolicy
from stepless.domain.policy.rules import Rule, RuleKind, parse_rule

MAX_RULES: Final = 1_000
# Key in lower case → what it means: ca.json's spelling, the admin API's, and the latter in the singular.
_KINDS: Final[Mapping[str, RuleKind]] = {
    "cn": RuleKind.CN,
    "commonname": RuleKind.CN,
    "commonnames": RuleKind.CN,
    "dns": RuleKind.DNS,
    "ip": RuleKind.IP,
    "ips": RuleKind.IP,
    "email": RuleKind.EMAIL,
    "emails": RuleKind.EMAIL,
    "uri": RuleKind.URI,
    "uris": RuleKind.URI,
}
_TOP: Final[Mapping[str, str]] = {"x509": "x509", "ssh": "ssh"}
_X509: Final[Mapping[str, str]] = {"allow": "allow", "deny": "deny", "allowwildcardnames": "allowWildcardNames"}
_MAX_SHOWN: Final = 64
_Meaning = TypeVar("_Meaning", bound=str)


def parse_policy(document: object) -> NamePolicy:
    """Read ``{"x509": {"allow": {"dns": ["*.example.com"], …}, "deny": {…}, "allowWildcardNames": false}}``.

    Keys may be in any case, in ``ca.json``'s spelling or in the admin API's (``ips``, ``commonNames``); ``null`` counts
    as left out. The ``ssh`` half may be there as long as it has no rules.

    Raises:
        ValueError: it names the field, its value, and what to write instead.
    """
    top = _fields("policy", document, _TOP)
    _refuse_ssh_rules("ssh", top.get("ssh"))
    x509 = _fields("x509", top.get("x509"), _X509)
    wildcards = x509.get("allowWildcardNames")
    if wildcards is not None and not isinstance(wildcards, bool):
        msg = f"x509.allowWildcardNames: must be true or false, got {_shown(wildcards)}"
        raise ValueError(msg)
    policy = NamePolicy(
        allow=_rules("x509.allow", x509.get("allow")),
        deny=_rules("x509.deny", x509.get("deny")),
        allow_wildcard_names=bool(wildcards),
    )
    count = len(policy.allow) + len(policy.deny)
    if count > MAX_RULES:
        msg = f"x509: {count} rules, {MAX_RULES} is the most; write wildcards and ranges instead of single names"
        raise ValueError(msg)
    return policy


def policy_document(policy: NamePolicy) -> dict[str, Any]:
    """A parsed policy in ``ca.json``'s form, without what is empty; ``parse_policy`` makes an equal one of it again."""
    x509: dict[str, Any] = {}
    for side, rules in (("allow", policy.allow), ("deny", policy.deny)):
        lists = {str(kind): [rule.text for rule in rules if rule.kind is kind] for kind in RuleKind}
        if rules:
            x509[side] = {key: texts for key, texts in lists.items() if texts}
    if policy.allow_wildcard_names:
        x509["allowWildcardNames"] = True
    return {"x509": x509} if x509 else {}


def _fields(field: str, value: object, known: Mapping[str, _Meaning]) -> dict[_Meaning, Any]:
    """An object's members by what their keys mean; a key of no meaning, or two of the same, are refused."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        msg = f"{field}: must be an object such as {{}}, got {_shown(value)}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    members: dict[_Meaning, Any] = {}
    for key, member in value.items():
        meaning = known.get(str(key).lower())
        if meaning is None:
            msg = f"{field}: {_shown(key)} is not known here; write {', '.join(dict.fromkeys(known.values()))}"
            raise ValueError(msg)
        if meaning in members:
            msg = f"{field}: {_shown(key)} says {meaning} a second time; write one list"
            raise ValueError(msg)
        members[meaning] = member
    return members


def _rules(field: str, value: object) -> tuple[Rule, ...]:
    """The rules of one side, in the order of their kinds; a repeated one counts once."""
    lists = _fields(field, value, _KINDS)
    rules = (
        _rule(f"{field}.{kind}[{index}]", kind, text)
        for kind in RuleKind
        for index, text in enumerate(_texts(f"{field}.{kind}", lists.get(kind)))
    )
    return tuple(dict.fromkeys(rules))


def _texts(field: str, value: object) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        msg = f'{field}: must be a list such as ["…"], got {_shown(value)}'
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    return value


def _rule(field: str, kind: RuleKind, value: object) -> Rule:
    if not isinstance(value, str):
        msg = f"{field}: must be a text, got {_shown(value)}"
        raise ValueError(msg)  # noqa: TRY004 - one kind of error for a wrong document
    try:
        return parse_rule(kind, value)
    except ValueError as error:
        msg = f"{field}: {error}"
        raise ValueError(msg) from error


def _refuse_ssh_rules(field: str, value: object) -> None:
    """Let pass the empty skeleton that ``step ca policy`` sends first; a rule that is ignored would protect nothing."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_ssh_rules(f"{field}.{key}", inner)
    elif value is not None and value != []:
        msg = f"{field}: rules for SSH certificates are not supported yet; leave {_shown(value)} out"
        raise ValueError(msg)


def _shown(value: object) -> str:
    return repr(value)[:_MAX_SHOWN]
