from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.token import UntrustedToken, check_times, read_claims, read_foreign_claims, read_lasting_claims
from stepless.errors import CAError, Unauthenticated
from tests.fakes.clock import NOW

AT = int(NOW.timestamp())
GOOD: dict[str, Any] = {"iss": "admin", "sub": "leaf.example", "iat": AT, "nbf": AT, "exp": AT + 300}


def token(**changes: object) -> UntrustedToken:
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    return UntrustedToken("a.b.c", {}, claims)


def test_reads_the_claims_of_a_token_of_step() -> None:
    claims = read_claims(token(sans=["a.example", "b.example"], user={}, sha="00"), now=NOW)
    assert (claims.issuer, claims.subject) == ("admin", "leaf.example")
    assert claims.sans == ("a.example", "b.example")
    assert claims.expires_at == datetime.fromtimestamp(AT + 300, UTC)
    assert claims.confirmation is None
    assert claims.all["sha"] == "00"


@pytest.mark.parametrize("sans", [..., None, [], "", False, 0])
def test_missing_names_mean_the_subject(sans: object) -> None:
    assert read_claims(token(sans=sans), now=NOW).sans == ("leaf.example",)


@pytest.mark.parametrize("sans", ["a.example", ["a.example", 1], [None], {"a": "b"}, 7, True, [["a"]]])
def test_refuses_names_that_are_not_a_list_of_texts(sans: object) -> None:
    with pytest.raises(Unauthenticated, match="sans"):
        read_claims(token(sans=sans), now=NOW)


@pytest.mark.parametrize("subject", [..., None, "", 1, ["leaf.example"]])
def test_refuses_a_token_without_subject(subject: object) -> None:
    with pytest.raises(Unauthenticated, match="no subject"):
        read_claims(token(sub=subject), now=NOW)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"exp": ...}, r"no expiry \(exp\)", id="fail/missing-exp"),
        pytest.param({"exp": None}, r"no expiry \(exp\)", id="fail/null-exp"),
        pytest.param({"exp": AT - 61}, r"^token is expired \(exp\)$", id="fail/expired"),
        pytest.param({"exp": 0}, "expired", id="fail/epoch"),
        pytest.param({"nbf": AT + 62}, r"^token not valid yet \(nbf\)$", id="fail/not-yet"),
        pytest.param({"iat": AT + 62}, r"^token issued in the future \(iat\)$", id="fail/issued-in-the-future"),
        pytest.param({"exp": AT + 3601}, "lives longer than 1:00:00", id="fail/more-than-an-hour"),
        pytest.param({"exp": AT + 10**9}, "lives longer", id="fail/thirty-years"),
        pytest.param({"iat": ..., "nbf": ..., "exp": AT + 3602}, "lives longer", id="fail/long-without-start"),
        pytest.param({"iat": AT - 7200, "nbf": ..., "exp": AT + 60}, "lives longer", id="fail/issued-long-ago"),
        pytest.param({"exp": "soon"}, "exp is not a date", id="fail/text"),
        pytest.param({"exp": str(AT + 300)}, "exp is not a date", id="fail/number-as-text"),
        pytest.param({"exp": True}, "exp is not a date", id="fail/boolean"),
        pytest.param({"exp": [AT]}, "exp is not a date", id="fail/list"),
        pytest.param({"exp": -1}, "exp is not a date", id="fail/negative"),
        pytest.param({"exp": 10**30}, "exp is not a date", id="fail/beyond-the-calendar"),
        pytest.param({"exp": 1e400}, "exp is not a date", id="fail/infinity"),
        pytest.param({"exp": float("nan")}, "exp is not a date", id="fail/not-a-number"),
        pytest.param({"nbf": "now"}, "nbf is not a date", id="fail/nbf-text"),
        pytest.param({"iat": {}}, "iat is not a date", id="fail/iat-object"),
    ],
)
def test_refuses_a_token_by_its_times(changes: dict[str, object], text: str) -> None:
    with pytest.raises(Unauthenticated, match=text):
        read_claims(token(**changes), now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"exp": AT - 59}, id="ok/expired-within-the-leeway"),
        pytest.param({"nbf": AT + 60, "exp": AT + 300}, id="ok/not-yet-within-the-leeway"),
        pytest.param({"iat": AT + 60}, id="ok/issued-in-the-future-within-the-leeway"),
        pytest.param({"exp": AT + 3600}, id="ok/an-hour"),
        pytest.param({"iat": AT - 1800, "nbf": AT, "exp": AT + 3600}, id="ok/an-hour-after-its-start"),
        pytest.param({"iat": ..., "nbf": ...}, id="ok/only-exp"),
        pytest.param({"exp": AT + 300.75, "iat": AT - 0.5}, id="ok/fractions"),
    ],
)
def test_takes_a_token_within_its_times(changes: dict[str, object]) -> None:
    read_claims(token(**changes), now=NOW)


def test_a_renew_token_may_lack_its_expiry() -> None:
    assert check_times(token(exp=...), now=NOW, require_expiry=False) == NOW + timedelta(hours=1)


@pytest.mark.parametrize("confirmation", [..., None, {}, [], "", False])
def test_an_empty_confirmation_confirms_nothing(confirmation: object) -> None:
    assert read_claims(token(cnf=confirmation), now=NOW).confirmation is None


def test_reads_the_fingerprint_of_the_request() -> None:
    claims = read_claims(token(cnf={"x5rt#S256": "abc", "other": 1}), now=NOW)
    assert claims.confirmation == "abc"


@pytest.mark.parametrize(
    "confirmation",
    [
        pytest.param({"x5rt#S256": ""}, id="fail/empty"),
        pytest.param({"x5rt#S256": None}, id="fail/null"),
        pytest.param({"x5rt#S256": 1}, id="fail/number"),
        pytest.param({"x5rt#S256": ["abc"]}, id="fail/list"),
        pytest.param({"X5RT#S256": "abc"}, id="fail/case"),
        pytest.param({"kid": "abc"}, id="fail/another-method"),
        pytest.param({"jwk": {"kty": "EC"}}, id="fail/key"),
        pytest.param("abc", id="fail/text"),
        pytest.param(["abc"], id="fail/list-of-texts"),
        pytest.param(1, id="fail/number-alone"),
        pytest.param(True, id="fail/boolean"),
    ],
)
def test_refuses_a_confirmation_that_it_does_not_understand(confirmation: object) -> None:
    with pytest.raises(Unauthenticated, match="cnf"):
        read_claims(token(cnf=confirmation), now=NOW)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.integers(AT - 9000, AT + 9000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "sans", "exp", "nbf", "iat", "cnf", "aud"]), _VALUES))
def test_any_claims_are_read_or_refused(changes: dict[str, object]) -> None:
    try:
        claims = read_claims(token(**changes), now=NOW)
    except CAError:
        return
    assert claims.subject
    assert claims.expires_at <= NOW + timedelta(hours=1, minutes=1)
    assert all(isinstance(san, str) for san in claims.sans)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        pytest.param({}, 300, id="ok/short"),
        pytest.param({"exp": AT + 86_400}, 3600, id="ok/a-day"),
        pytest.param({"exp": AT + 10**9}, 3600, id="ok/thirty-years"),
        pytest.param({"iat": AT - 3600, "exp": AT + 86_400}, 0, id="ok/issued-an-hour-ago"),
        pytest.param({"iat": AT - 3659, "exp": AT + 86_400}, -59, id="ok/an-hour-ago-within-the-leeway"),
        pytest.param({"iat": AT - 86_400 * 3, "nbf": ..., "exp": AT + 60}, None, id="fail/issued-days-ago"),
        pytest.param({"iat": AT - 3662, "exp": AT + 86_400}, None, id="fail/issued-more-than-an-hour-ago"),
        pytest.param({"iat": ...}, None, id="fail/not-told"),
        pytest.param({"iat": None}, None, id="fail/null"),
        pytest.param({"iat": True}, None, id="fail/boolean"),
        pytest.param({"exp": ...}, None, id="fail/no-expiry"),
        pytest.param({"nbf": AT + 120}, None, id="fail/not-yet"),
    ],
)
def test_the_token_of_an_identity_provider_counts_in_its_first_hour(
    changes: dict[str, object], seconds: int | None
) -> None:
    if seconds is None:
        with pytest.raises(Unauthenticated):
            read_foreign_claims(token(**changes), now=NOW)
        return
    expires_at = read_foreign_claims(token(**changes), now=NOW).expires_at
    assert expires_at == datetime.fromtimestamp(AT + seconds, UTC)


@pytest.mark.parametrize("require_expiry", [False, True])
@pytest.mark.parametrize(
    ("changes", "remembered"),
    [
        ({"exp": AT + 600}, timedelta(minutes=10)),
        ({"exp": AT + 10**8}, timedelta(hours=1)),
        ({"exp": AT + 10**8, "iat": AT - 10**8, "nbf": AT - 10**8}, timedelta(hours=1)),
    ],
)
def test_a_lasting_token_counts_until_it_expires_however_old(
    changes: dict[str, Any], remembered: timedelta, *, require_expiry: bool
) -> None:
    claims = read_lasting_claims(token(**{"iat": None, "nbf": None, **changes}), now=NOW, require_expiry=require_expiry)
    assert timedelta(0) <= NOW + remembered - claims.expires_at < timedelta(seconds=1)


def test_a_lasting_token_needs_an_end_only_where_one_is_required() -> None:
    endless = token(exp=None)
    assert read_lasting_claims(endless, now=NOW, require_expiry=False).expires_at == NOW + timedelta(hours=1)
    with pytest.raises(Unauthenticated, match="no expiry"):
        read_lasting_claims(endless, now=NOW, require_expiry=True)
    for changes in ({"exp": AT - 62}, {"nbf": AT + 120}, {"sub": ""}):
        with pytest.raises(Unauthenticated):
            read_lasting_claims(token(**changes), now=NOW, require_expiry=False)
