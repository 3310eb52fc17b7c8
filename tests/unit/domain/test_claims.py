from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.claims import Claims, merge_claims

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def durations(claims: Claims) -> tuple[timedelta, timedelta, timedelta]:
    return claims.min_tls_duration, claims.default_tls_duration, claims.max_tls_duration


def test_the_defaults_are_those_of_step() -> None:
    claims = Claims()
    assert durations(claims) == (5 * MINUTE, DAY, DAY)
    assert not claims.disable_renewal
    assert not claims.allow_renewal_after_expiry
    assert not claims.disable_smallstep_extensions


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(None, (5 * MINUTE, DAY, DAY), id="ok/no-claims"),
        pytest.param({}, (5 * MINUTE, DAY, DAY), id="ok/empty"),
        pytest.param({"defaultTLSCertDuration": None}, (5 * MINUTE, DAY, DAY), id="ok/null-is-unset"),
        pytest.param({"defaultTLSCertDuration": "1h"}, (5 * MINUTE, HOUR, DAY), id="ok/default-inside-of-the-bounds"),
        pytest.param({"defaultTLSCertDuration": "1m"}, (MINUTE, MINUTE, DAY), id="ok/default-below-moves-the-minimum"),
        pytest.param(
            {"defaultTLSCertDuration": "48h"}, (5 * MINUTE, 2 * DAY, 2 * DAY), id="ok/default-above-moves-the-maximum"
        ),
        pytest.param({"maxTLSCertDuration": "720h"}, (5 * MINUTE, DAY, 30 * DAY), id="ok/maximum-above-the-outer-one"),
        pytest.param(
            {"minTLSCertDuration": "1s", "defaultTLSCertDuration": "2s", "maxTLSCertDuration": "3s"},
            (timedelta(seconds=1), timedelta(seconds=2), timedelta(seconds=3)),
            id="ok/all-three",
        ),
        pytest.param({"enableSSHCA": True, "unknown": 1}, (5 * MINUTE, DAY, DAY), id="ok/other-claims"),
    ],
)
def test_the_nearer_scope_wins_field_by_field(
    document: dict[str, Any] | None, expected: tuple[timedelta, timedelta, timedelta]
) -> None:
    assert durations(merge_claims(Claims(), document)) == expected


def test_the_rule_for_defaults_holds_between_any_two_scopes() -> None:
    authority = merge_claims(Claims(), {"minTLSCertDuration": "1h", "maxTLSCertDuration": "100h"})
    shorter = merge_claims(authority, {"defaultTLSCertDuration": "10m"})
    assert durations(shorter) == (10 * MINUTE, 10 * MINUTE, 100 * HOUR)
    longer = merge_claims(authority, {"defaultTLSCertDuration": "200h"})
    assert durations(longer) == (HOUR, 200 * HOUR, 200 * HOUR)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"maxTLSCertDuration": "1h"}, id="fail/maximum-below-the-outer-default"),
        pytest.param({"minTLSCertDuration": "25h"}, id="fail/minimum-above-the-outer-default"),
        pytest.param({"defaultTLSCertDuration": "0"}, id="fail/zero"),
        pytest.param({"defaultTLSCertDuration": "-1h"}, id="fail/negative"),
        pytest.param({"minTLSCertDuration": "0s"}, id="fail/minimum-zero"),
        pytest.param(
            {"defaultTLSCertDuration": "1m", "minTLSCertDuration": "2m"}, id="fail/minimum-set-above-the-default"
        ),
        pytest.param(
            {"defaultTLSCertDuration": "48h", "maxTLSCertDuration": "24h"}, id="fail/maximum-set-below-the-default"
        ),
        pytest.param({"defaultTLSCertDuration": ""}, id="fail/empty-text"),
        pytest.param({"defaultTLSCertDuration": 3600}, id="fail/number"),
        pytest.param({"defaultTLSCertDuration": ["1h"]}, id="fail/list"),
        pytest.param({"disableRenewal": "true"}, id="fail/text-for-a-switch"),
        pytest.param({"disableRenewal": 1}, id="fail/number-for-a-switch"),
    ],
)
def test_refuses_claims_that_contradict_themselves_or_are_of_the_wrong_type(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"claims|duration"):
        merge_claims(Claims(), document)


@pytest.mark.parametrize(
    ("key", "attribute"),
    [
        ("disableRenewal", "disable_renewal"),
        ("allowRenewalAfterExpiry", "allow_renewal_after_expiry"),
        ("disableSmallstepExtensions", "disable_smallstep_extensions"),
    ],
)
def test_a_switch_is_inherited_until_a_nearer_scope_sets_it(key: str, attribute: str) -> None:
    outer = merge_claims(Claims(), {key: True})
    assert getattr(outer, attribute) is True
    assert getattr(merge_claims(outer, {}), attribute) is True
    assert getattr(merge_claims(outer, {key: None}), attribute) is True
    assert getattr(merge_claims(outer, {key: False}), attribute) is False


_KEYS = ["minTLSCertDuration", "maxTLSCertDuration", "defaultTLSCertDuration", "disableRenewal", "other"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(_JSON | st.dictionaries(st.sampled_from(_KEYS), _JSON | st.sampled_from(["1s", "1h", "24h", "-1h"]), max_size=5))
def test_any_json_is_merged_or_a_value_error(document: Any) -> None:
    try:
        claims = merge_claims(Claims(), document)
    except ValueError:
        return
    shortest, default, longest = durations(claims)
    assert timedelta(0) < shortest <= default <= longest
