"""Bodies that cannot be read, on every route that reads one: the documented refusal, and no record."""

import json
from typing import Any

import pytest

from tests.functions.support.authority import Issued, MotoAuthority
from tests.support.bad_bodies import BadBody, large, odd_texts, unreadable, wrong_types
from tests.support.forge import make_csr, pem
from tests.support.refusal import check_refusal

TEXTS = {"/sign": ("csr", "ott", "notBefore", "notAfter"), "/rekey": ("csr",), "/revoke": ("serial", "ott", "reason")}
FOLDER = {"/sign": "issue", "/rekey": "renew", "/revoke": "revoke"}
# Texts that are anybody's to choose.
FREE = {("/revoke", "reason")}


@pytest.fixture(scope="module")
def owner(authority: MotoAuthority) -> Issued:
    return authority.issue("owner.test")


def good_body(path: str, authority: MotoAuthority) -> dict[str, Any]:
    """A body that would succeed, once."""
    if path == "/sign":
        return authority.forge.sign_body("bad.test")
    return {"csr": pem(make_csr("x.test"))} if path == "/rekey" else authority.forge.revoke_body(4711)


def refuse(path: str, case: BadBody, authority: MotoAuthority, owner: Issued) -> None:
    certificate = owner.certificate if path == "/rekey" else None
    answer = authority.warm(FOLDER[path]).call("POST", path, case.data, certificate=certificate)
    check_refusal(answer, case.statuses, case.name)


@pytest.mark.parametrize("path", TEXTS)
def test_what_cannot_be_read_is_refused(path: str, authority: MotoAuthority, owner: Issued) -> None:
    before = authority.counts()
    for case in unreadable(good_body(path, authority)):
        refuse(path, case, authority, owner)
    assert authority.counts() == before


@pytest.mark.parametrize("path", TEXTS)
def test_a_member_of_the_wrong_type_is_refused(path: str, authority: MotoAuthority, owner: Issued) -> None:
    before = authority.counts()
    for case in wrong_types(good_body(path, authority), TEXTS[path]):
        refuse(path, case, authority, owner)
    assert authority.counts() == before


@pytest.mark.parametrize("path", TEXTS)
def test_a_member_with_odd_text_is_refused(path: str, authority: MotoAuthority, owner: Issued) -> None:
    members = tuple(member for member in TEXTS[path] if (path, member) not in FREE)
    before = authority.counts()
    for case in odd_texts(good_body(path, authority), members):
        refuse(path, case, authority, owner)
    assert authority.counts() == before


@pytest.mark.parametrize("megabytes", [1, 10, 11])
@pytest.mark.parametrize("path", [*TEXTS, "/renew"])
def test_a_large_body_is_refused(path: str, megabytes: int, authority: MotoAuthority, owner: Issued) -> None:
    if path == "/renew":  # has no body: a large one changes nothing
        answer = authority.warm("renew").call("POST", path, large(megabytes).data)
        check_refusal(answer, (400, 413))
        return
    refuse(path, large(megabytes), authority, owner)


def test_the_last_of_repeated_members_counts(authority: MotoAuthority) -> None:
    """As Go's decoder has it; for a token that means: the one that is verified is the one that is spent."""
    good = authority.forge.sign_body("twice.test")
    ott, csr = json.dumps(good["ott"]), json.dumps(good["csr"])
    client = authority.warm("issue")
    check_refusal(client.call("POST", "/sign", f'{{"csr":{csr},"ott":{ott},"ott":"x"}}'.encode()), (401,))
    check_refusal(client.call("POST", "/sign", f'{{"csr":{csr},"ott":{ott},"OTT":"x"}}'.encode()), (401,))
    assert client.call("POST", "/sign", f'{{"csr":{csr},"ott":"x","oTT":{ott}}}'.encode()).status == 201


def test_null_is_a_member_that_is_missing(authority: MotoAuthority) -> None:
    client = authority.warm("issue")
    check_refusal(client.call("POST", "/sign", {**authority.forge.sign_body("null.test"), "csr": None}), (400,))
    body = {**authority.forge.sign_body("null.test"), "notAfter": None, "notBefore": None, "templateData": None}
    assert client.call("POST", "/sign", body).status == 201


@pytest.mark.parametrize("code", [-1, 11, 2**31, 2**63, 10**30, 1.5, "1", True, [], {}])
def test_a_reason_code_that_is_none_is_refused(code: Any, authority: MotoAuthority) -> None:
    body = authority.forge.revoke_body(4711, reasonCode=code)
    check_refusal(authority.warm("revoke").call("POST", "/revoke", body), (400,))


@pytest.mark.parametrize(
    "serial",
    ["", " ", "-1", "+1", "1.5", "1e3", "0x", "0xg", "08", "x", "1" * 5_000, "0x" + "f" * 41, "١٢٣", "1\n", "1_"],
)
def test_a_serial_that_is_none_is_refused(serial: str, authority: MotoAuthority) -> None:
    body = authority.forge.revoke_body(4711, serial=serial)
    check_refusal(authority.warm("revoke").call("POST", "/revoke", body), (400,))


@pytest.mark.parametrize("reason", ["x" * 1_025, "x" * 100_000])
def test_a_reason_that_is_too_long_is_refused(reason: str, authority: MotoAuthority) -> None:
    body = authority.forge.revoke_body(4711, reason=reason)
    check_refusal(authority.warm("revoke").call("POST", "/revoke", body), (400,))


def test_a_reason_may_be_any_text(authority: MotoAuthority) -> None:
    for reason in ("", "\0", "\r\n", "{}%s", "\U0001f512", "<script>"):
        serial = authority.issue("reason.test").certificate.serial_number
        body = authority.forge.revoke_body(serial, reason=reason)
        assert authority.warm("revoke").call("POST", "/revoke", body).status == 200, repr(reason)


def test_active_revocation_is_not_offered(authority: MotoAuthority) -> None:
    body = authority.forge.revoke_body(4711, passive=False)
    check_refusal(authority.warm("revoke").call("POST", "/revoke", body), (501,))


@pytest.mark.parametrize("query", ["limit=x", "limit=1.5", "limit=", "limit=" + "9" * 5_000, "limit=%00", "limit=0x10"])
def test_a_limit_that_is_no_integer_is_refused(query: str, authority: MotoAuthority) -> None:
    answer = authority.warm("ca_info").call("GET", f"/provisioners?{query}")
    if query == "limit=":
        assert answer.status == 200
    else:
        check_refusal(answer, (400,))


@pytest.mark.parametrize(
    "query", ["cursor=%00", "cursor=zzzz", "cursor=" + "f" * 5_000, "cursor=%ed%a0%80", "limit=-5", "a=b"]
)
def test_a_cursor_that_nobody_gave_is_an_end_or_a_start(query: str, authority: MotoAuthority) -> None:
    answer = authority.warm("ca_info").call("GET", f"/provisioners?{query}")
    assert answer.status == 200
    assert answer.json()["nextCursor"] == ""


@pytest.mark.parametrize("value", ["%00", "x" * 5_000, "..", "%2e%2e%2f", "%ed%a0%80", "%ff", "{}", "'%20or%201=1"])
@pytest.mark.parametrize("path", ["/root/{}", "/provisioners/{}/encrypted-key"])
def test_what_the_path_names_and_nobody_has_is_not_found(path: str, value: str, authority: MotoAuthority) -> None:
    check_refusal(authority.warm("ca_info").call("GET", path.replace("{}", value)), (404,))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "bearer x",
        "Bearer x y",
        "Bearer " + "a" * 9_000,
        "Bearer \xff\xfe",
        "Bearer eyJ.e30.",
        "x",
    ],
)
def test_an_authorization_that_is_none_is_refused(value: str, authority: MotoAuthority) -> None:
    answer = authority.warm("renew").call("POST", "/renew", headers={"Authorization": value})
    check_refusal(answer, (400, 401))
