"""Conformance rows 5 to 7: provisioners, their escrowed keys, and tokens."""

import json

import pytest

from tests.interop.support.http_client import Caller
from tests.interop.support.provisioners import CROWD
from tests.interop.support.step_client import StepClient


def _kid(caller: Caller) -> str:
    kid: str = caller.get("/provisioners?limit=1").json()["provisioners"][0]["key"]["kid"]
    return kid


def test_every_provisioner_is_listed_once_when_there_are_over_a_hundred(
    client: StepClient,
) -> None:
    """Row 5."""
    listed = json.loads(client.step("ca", "provisioner", "list").succeed().stdout)
    names = [provisioner["name"] for provisioner in listed]
    assert names[0] == "admin"
    assert len(names) == len(set(names)) > 100
    assert [name for name in names if name.startswith("crowd-")] == [f"crowd-{number:03}" for number in range(CROWD)]


@pytest.mark.parametrize("limit", [1, 7, 20, 100])
def test_pages_join_to_the_whole_list_when_cursor_is_followed(caller: Caller, limit: int) -> None:
    """Row 5, raw, with every page size a client may choose."""
    seen: list[str] = []
    cursor = ""
    for _ in range(200):
        query = f"?cursor={cursor}&limit={limit}" if cursor else f"?limit={limit}"
        page = caller.get(f"/provisioners{query}").json()
        assert 1 <= len(page["provisioners"]) <= limit
        seen += [provisioner["name"] for provisioner in page["provisioners"]]
        cursor = page["nextCursor"]
        if not cursor or len(seen) >= 30 * limit:
            break
    assert len(seen) == len(set(seen))
    assert seen[0] == "admin"
    if limit >= 7:
        assert cursor == ""
        assert len(seen) > 100


def test_private_key_is_recovered_when_password_is_right(client: StepClient, caller: Caller) -> None:
    """Row 6."""
    kid = _kid(caller)
    jwe = client.step("ca", "provisioner", "jwe-key", kid).succeed().stdout
    password = client.authority.password_file
    command = ("crypto", "jwe", "decrypt", "--password-file", password)
    jwk = json.loads(client.step(*command, stdin=jwe).succeed().stdout)
    assert jwk.keys() >= {"use", "kty", "kid", "crv", "alg", "x", "y", "d"}
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["kid"]) == ("EC", "P-256", "ES256", kid)


def test_private_key_stays_closed_when_password_is_wrong(client: StepClient, caller: Caller) -> None:
    """Row 6, the other way."""
    jwe = client.step("ca", "provisioner", "jwe-key", _kid(caller)).succeed().stdout
    client.path("wrong").write_text("wrong")
    command = ("crypto", "jwe", "decrypt", "--password-file", "wrong")
    assert client.step(*command, stdin=jwe).refuse().stdout == ""


def test_key_is_not_found_when_kid_is_unknown(client: StepClient) -> None:
    """Row 6."""
    outcome = client.step("ca", "provisioner", "jwe-key", "unknown").refuse()
    assert "not found" in outcome.stderr or "not be found" in outcome.stderr
    assert outcome.stdout == ""


def test_token_has_steps_claims_when_made_by_the_client(client: StepClient, caller: Caller) -> None:
    """Row 7."""
    token = client.token("foo.test")
    inspected = client.step("crypto", "jwt", "inspect", "--insecure", stdin=token).succeed()
    parts = json.loads(inspected.stdout)
    assert parts["header"] == {"alg": "ES256", "kid": _kid(caller), "typ": "JWT"}
    claims = parts["payload"]
    assert claims["aud"] == f"{client.authority.url}/1.0/sign"
    assert (claims["iss"], claims["sub"], claims["sans"]) == ("admin", "foo.test", ["foo.test"])
    assert claims["sha"] == client.authority.fingerprint
    assert claims["exp"] - claims["nbf"] == 300
    assert len(claims["jti"]) == 64
