import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.audience import Operation, audience_for, is_steps_own, parse_audience

DNS_NAMES = ("ca.example", "10.0.0.1", "::1")
LITERAL = "step-certificate-authority"


def fragment_of(text: str, operation: Operation = Operation.SIGN) -> str | None:
    """The fragment of an audience that is accepted, ``None`` for one that is not."""
    audience = audience_for([text], operation, DNS_NAMES)
    return audience.fragment if audience is not None else None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("https://ca.example/1.0/sign", id="ok/step"),
        pytest.param("https://ca.example/sign", id="ok/without-version"),
        pytest.param("https://ca.example:9000/1.0/sign", id="ok/port"),
        pytest.param("https://ca.example:443/sign", id="ok/default-port"),
        pytest.param("https://ca.example:/sign", id="ok/empty-port"),
        pytest.param("https://10.0.0.1:9000/sign", id="ok/ipv4"),
        pytest.param("https://[::1]/1.0/sign", id="ok/ipv6"),
        pytest.param("https://[::1]:9000/1.0/sign", id="ok/ipv6-with-port"),
        pytest.param("HTTPS://ca.example/sign", id="ok/scheme-in-upper-case"),
        pytest.param("https://ca.example/sign#", id="ok/empty-fragment"),
        pytest.param(LITERAL, id="ok/literal"),
    ],
)
def test_takes_this_authority_and_operation_whatever_the_port(text: str) -> None:
    assert fragment_of(text) == ""


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        pytest.param("https://ca.example/1.0/sign#x5c/clients", "x5c/clients", id="plain"),
        pytest.param("https://ca.example/1.0/sign#x5c/My CA", "x5c/My CA", id="space"),
        pytest.param("https://ca.example/1.0/sign#x5c/My%20CA", "x5c/My CA", id="escaped-space"),
        pytest.param("https://ca.example/1.0/sign#x5c%2FMy%20CA", "x5c/My CA", id="all-escaped"),
        pytest.param("https://ca.example:9000/sign#x5c/a@b", "x5c/a@b", id="at"),
        pytest.param("https://ca.example/sign#x5c/a%40b", "x5c/a@b", id="escaped-at"),
        pytest.param("https://ca.example/sign#x5c/a#b", "x5c/a#b", id="second-hash"),
        pytest.param("https://ca.example/sign#x5c/a?b", "x5c/a?b", id="question-mark"),
        pytest.param("https://ca.example/sign#x5c/Bücher", "x5c/Bücher", id="not-ascii"),
        pytest.param("https://ca.example/sign#x5c/B%C3%BCcher", "x5c/Bücher", id="escaped-utf-8"),
        pytest.param(f"{LITERAL}#x5c/clients", "x5c/clients", id="literal"),
    ],
)
def test_the_fragment_is_the_same_escaped_or_not(text: str, fragment: str) -> None:
    assert fragment_of(text) == fragment


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="fail/empty"),
        pytest.param("ca.example", id="fail/host-alone"),
        pytest.param("http://ca.example/sign", id="fail/http"),
        pytest.param("//ca.example/sign", id="fail/no-scheme"),
        pytest.param("https:/ca.example/sign", id="fail/one-slash"),
        pytest.param("https:///sign", id="fail/no-host"),
        pytest.param("https://CA.example/sign", id="fail/host-in-upper-case"),
        pytest.param("https://ca.example./sign", id="fail/trailing-dot"),
        pytest.param("https://other.example/sign", id="fail/other-host"),
        pytest.param("https://ca.example.evil.example/sign", id="fail/longer-host"),
        pytest.param("https://evil.example/ca.example/sign", id="fail/host-in-the-path"),
        pytest.param("https://ca.example@evil.example/sign", id="fail/host-as-user"),
        pytest.param("https://user@ca.example/sign", id="fail/user"),
        pytest.param("https://user:password@ca.example/sign", id="fail/user-and-password"),
        pytest.param("https://evil.example:80@ca.example/sign", id="fail/other-host-as-user"),
        pytest.param("https://evil.example\\@ca.example/sign", id="fail/backslash-and-user"),
        pytest.param("https://evil.example\\.ca.example/sign", id="fail/backslash"),
        pytest.param("https://evil.example#@ca.example/sign", id="fail/host-in-the-fragment"),
        pytest.param("https://evil.example?@ca.example/sign", id="fail/host-in-the-query"),
        pytest.param("https://ca.example:port/sign", id="fail/port-is-no-number"),
        pytest.param("https://ca.example:99999/sign", id="fail/port-too-large"),
        pytest.param("https://::1/sign", id="fail/ipv6-without-brackets"),
        pytest.param("https://[::1/sign", id="fail/half-a-bracket"),
        pytest.param("https://[::1]evil.example/sign", id="fail/text-after-the-bracket"),
        pytest.param("https://[0:0:0:0:0:0:0:1]/sign", id="fail/another-spelling-of-the-address"),
        pytest.param("https://ca.example/sign?x=1", id="fail/query"),
        pytest.param("https://ca.example/sign/", id="fail/trailing-slash"),
        pytest.param("https://ca.example//sign", id="fail/two-slashes"),
        pytest.param("https://ca.example/2.0/sign", id="fail/version"),
        pytest.param("https://ca.example/1.0/../sign", id="fail/dots"),
        pytest.param("https://ca.example/%73ign", id="fail/escaped-path"),
        pytest.param("https://ca.example/SIGN", id="fail/path-in-upper-case"),
        pytest.param("https://ca.example/1.0/revoke", id="fail/other-operation"),
        pytest.param("https://ca.exa\tmple/sign", id="fail/tab-inside"),
        pytest.param(" https://ca.example/sign", id="fail/space-before"),
        pytest.param("https://ca.example/sign\n", id="fail/line-break-after"),
        pytest.param("https://ca.example/sign#" + "x" * 2048, id="fail/too-long"),
        pytest.param(LITERAL.upper(), id="fail/literal-in-upper-case"),
        pytest.param(f"{LITERAL}/sign", id="fail/literal-with-a-path"),
    ],
)
def test_refuses_what_is_not_this_authority_and_operation(text: str) -> None:
    assert fragment_of(text) is None


@pytest.mark.parametrize("operation", Operation)
def test_an_audience_is_of_one_operation_alone(operation: Operation) -> None:
    accepted = {other for other in Operation if fragment_of(f"https://ca.example/1.0/{operation}", other) is not None}
    assert accepted == {operation}


def test_a_renew_token_must_name_the_authority() -> None:
    assert fragment_of(LITERAL, Operation.REVOKE) == ""
    assert fragment_of(LITERAL, Operation.RENEW) is None


def test_the_first_that_fits_of_several_counts() -> None:
    audiences = ["https://other.example/sign", "https://ca.example/sign#x5c/a", "https://ca.example/sign"]
    found = audience_for(audiences, Operation.SIGN, DNS_NAMES)
    assert found is not None
    assert found.fragment == "x5c/a"
    assert audience_for([], Operation.SIGN, DNS_NAMES) is None


@given(st.text(), st.text(st.sampled_from("htps:/ca.exmple@#?[]%0\\1 \t"), max_size=40))
def test_any_text_is_an_audience_or_none(anything: str, like_a_url: str) -> None:
    for text in (anything, f"https://{anything}", like_a_url, f"https://{like_a_url}"):
        audience = parse_audience(text)
        assert audience is None or len(audience.target) in {1, 2}
        if "ca.example/sign" not in text.lower() and "ca.example/1.0/sign" not in text:
            assert fragment_of(text) is None


@pytest.mark.parametrize(
    ("audience", "expected"),
    [
        (LITERAL, True),
        (f"{LITERAL}#x", True),
        ("https://other.example/sign", True),
        ("https://other.example:1/1.0/revoke", True),
        ("https://other.example/1.0/renew#x", True),
        ("https://management.azure.com/", False),
        ("https://other.example", False),
        ("https://other.example/design", False),
        ("ca.example", False),
        ("", False),
    ],
)
def test_tells_which_audiences_could_name_an_authority(audience: str, *, expected: bool) -> None:
    assert is_steps_own(audience) is expected
