import base64
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepless.domain.claims import Claims
from stepless.domain.key_set import KeySet, KeySetSource, read_keys
from stepless.domain.names import Name, NameType
from stepless.domain.provisioner_extension import ProvisionerStamp
from stepless.domain.provisioners import Grant, Provisioner, UnusableProvisioner, parse_provisioner, read_provisioner
from stepless.domain.provisioners.model import RequestNames
from stepless.domain.token import parse_token
from stepless.errors import CAError, MalformedRequest, Unauthenticated
from tests.fakes.clock import NOW
from tests.fakes.identity_provider import CLIENT_ID, ISSUER, IdentityProvider
from tests.fakes.jose import assemble, hmac_jws, jws, public_jwk, unsigned_jws
from tests.fakes.private_keys import SUBJECT_KEYS, p256, rsa_key
from tests.fakes.tokens import HOST

IDP = IdentityProvider()
OTHER = IdentityProvider()
AT = int(NOW.timestamp())
EMAIL = Name(NameType.EMAIL, "mike@x.example")
URI = Name(NameType.URI, f"{ISSUER}#1154")


def provisioner_of(idp: IdentityProvider = IDP, **changes: object) -> Provisioner:
    return parse_provisioner("id-1", {**idp.document, **changes}, Claims())


def verify(token: str, idp: IdentityProvider = IDP, keys: KeySet | None = None, **changes: object) -> Grant:
    """Both steps, as a service takes them."""
    provisioner, parsed = provisioner_of(idp, **changes), parse_token(token)
    assert provisioner.key_source(parsed, now=NOW) is not None
    return provisioner.verify(parsed, now=NOW, keys=idp.keys if keys is None else keys)


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [
        ("P-256", "ES256"),
        ("P-384", "ES384"),
        ("P-521", "ES512"),
        ("Ed25519", "EdDSA"),
        ("RSA-2048", "RS256"),
        ("RSA-2048", "PS256"),
        ("RSA-2048", "RS512"),
    ],
)
def test_verifies_the_tokens_of_a_key_of_every_kind(kind: str, algorithm: str) -> None:
    idp = IdentityProvider(key=SUBJECT_KEYS[kind](), algorithm=algorithm)
    keys = KeySet(ISSUER, read_keys({"keys": [public_jwk(idp.key, alg=algorithm)]}))
    assert verify(idp.token(), idp, keys).claims.subject == "1154"


def test_grants_a_person_what_the_provider_says_of_them() -> None:
    grant = verify(IDP.token(sans=["evil.example"]))
    assert grant.subject == "1154"
    assert grant.names == (EMAIL, URI)
    assert grant.request_names is RequestNames.IGNORED
    assert not grant.may_revoke
    assert grant.credential is None


@pytest.mark.parametrize(
    ("subject", "fragment"),
    [
        ("auth0|5f7c", "auth0%7C5f7c"),
        ("a b", "a%20b"),
        ("a#b?c/d", "a%23b?c/d"),
        ("100%", "100%25"),
        ("it's", "it%27s"),
        ("$&+,/:;=?@!()*-._~", "$&+,/:;=?@!()*-._~"),
        ('<">[]{}\\^`', "%3C%22%3E%5B%5D%7B%7D%5C%5E%60"),
        ("ü", "%C3%BC"),
    ],
)
def test_writes_the_subject_into_the_uri_as_go_does(subject: str, fragment: str) -> None:
    # Taken from Go: (&url.URL{Scheme: "https", Host: "idp.example", Fragment: subject}).String()
    assert verify(IDP.token(sub=subject)).names[1].value == f"{ISSUER}#{fragment}"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"aud": ["other", CLIENT_ID]}, id="ok/one-of-several-audiences"),
        pytest.param({"azp": CLIENT_ID}, id="ok/authorized-party"),
        pytest.param({"exp": AT + 86_400}, id="ok/lives-a-day"),
        pytest.param({"exp": AT + 10**9}, id="ok/lives-thirty-years"),
        pytest.param({"exp": AT - 59}, id="ok/expired-within-the-leeway"),
        pytest.param({"iat": AT + 59}, id="ok/issued-in-the-future-within-the-leeway"),
        pytest.param({"iat": AT - 3600}, id="ok/issued-an-hour-ago"),
        pytest.param({"nbf": AT + 59}, id="ok/not-yet-within-the-leeway"),
        pytest.param({"email_verified": None}, id="ok/nothing-said-of-the-email"),
        pytest.param({"email_verified": "true"}, id="ok/verified-in-text"),
    ],
)
def test_takes_a_token_that_holds(changes: dict[str, Any]) -> None:
    assert verify(IDP.token(**changes)).names == (EMAIL, URI)


def _with_header(**header: object) -> str:
    return IDP.sign(IDP.claims(), **header)


_PEM_SECRETS = {
    "jwk": json.dumps(public_jwk(IDP.key)).encode(),
    "jwk-canonical": json.dumps(public_jwk(IDP.key), sort_keys=True, separators=(",", ":")).encode(),
    "empty": b"",
}
_RSA = rsa_key()
BAD_TOKENS = {
    "unsigned": unsigned_jws({"kid": IDP.key_id}, IDP.claims()),
    "unsigned-in-another-case": unsigned_jws({"kid": IDP.key_id, "alg": "nOnE"}, IDP.claims()),
    **{
        f"hmac-with-{name}": hmac_jws({"kid": IDP.key_id}, IDP.claims(), secret)
        for name, secret in _PEM_SECRETS.items()
    },
    "key-type-swapped": assemble({"alg": "RS256", "kid": IDP.key_id}, IDP.claims(), _RSA, "RS256"),
    "algorithm-lies": assemble({"alg": "ES384", "kid": IDP.key_id}, IDP.claims(), IDP.key, "ES256"),
    "another-key-under-its-id": jws({"kid": IDP.key_id}, IDP.claims(), p256()),
    "key-in-the-header": jws({"kid": "mine", "jwk": public_jwk(OTHER.key)}, IDP.claims(), OTHER.key),
    "key-in-the-header-under-its-id": jws({"kid": IDP.key_id, "jwk": public_jwk(OTHER.key)}, IDP.claims(), OTHER.key),
    "key-at-an-address": jws({"kid": IDP.key_id, "jku": "https://evil.example"}, IDP.claims(), OTHER.key),
    "unknown-kid": _with_header(kid="other"),
    "no-kid": _with_header(kid=None),
    "kid-is-a-number": _with_header(kid=7),
    "kid-is-a-path": _with_header(kid="../../dev/null"),
    "no-algorithm": assemble({"kid": IDP.key_id}, IDP.claims(), IDP.key, "ES256"),
    "algorithm-is-a-list": assemble({"alg": "x", "kid": IDP.key_id}, IDP.claims(), IDP.key, "ES256"),
    "another-issuer": IDP.token(iss="https://evil.example"),
    "issuer-with-a-slash": IDP.token(iss=f"{ISSUER}/"),
    "issuer-in-another-case": IDP.token(iss=ISSUER.upper()),
    "no-issuer": IDP.token(iss=None),
    "another-audience": IDP.token(aud="other"),
    "audience-in-another-case": IDP.token(aud=CLIENT_ID.upper()),
    "audience-is-the-authority": IDP.token(aud=f"https://{HOST}/1.0/sign"),
    "no-audience": IDP.token(aud=None),
    "empty-audience": IDP.token(aud=[]),
    "another-authorized-party": IDP.token(azp="other"),
    "another-authorized-party-and-both-audiences": IDP.token(aud=["other", CLIENT_ID], azp="other"),
    "empty-authorized-party": IDP.token(azp=""),
    "authorized-parties": IDP.token(azp=[CLIENT_ID]),
    "no-expiry": IDP.token(exp=None),
    "expired": IDP.token(exp=AT - 62),
    "expiry-is-text": IDP.token(exp=str(AT + 60)),
    "far-future-start": IDP.token(nbf=AT + 10**8, exp=AT + 2 * 10**8),
    "starts-in-two-minutes": IDP.token(nbf=AT + 120),
    "issued-in-the-future": IDP.token(iat=AT + 120),
    "issued-long-ago": IDP.token(iat=AT - 3662),
    "not-told-when-issued": IDP.token(iat=None),
    "no-subject": IDP.token(sub=None),
    "empty-subject": IDP.token(sub=""),
    "subject-is-a-number": IDP.token(sub=1154),
    "bound-to-a-key": IDP.token(cnf={"jkt": "thumbprint"}),
}


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_refuses_a_token_that_does_not_hold(case: str) -> None:
    parsed = parse_token(BAD_TOKENS[case])
    with pytest.raises(Unauthenticated):
        provisioner_of().verify(parsed, now=NOW, keys=IDP.keys)


@pytest.mark.parametrize("name", ["crit", "b64"])
def test_a_token_that_demands_an_extension_does_not_even_get_that_far(name: str) -> None:
    with pytest.raises(Unauthenticated, match="extension"):
        parse_token(_with_header(**{name: ["exp"]}))


def test_refuses_a_token_whose_payload_was_changed() -> None:
    header, _, signature = IDP.token().split(".")
    claims = base64.urlsafe_b64encode(json.dumps(IDP.claims(email="root@x.example")).encode()).decode().rstrip("=")
    with pytest.raises(Unauthenticated, match="signature"):
        verify(f"{header}.{claims}.{signature}")


# What can be seen without the provider's keys; the rest of the bad ones need them.
_UNSEEN = {
    *("key-type-swapped", "algorithm-lies", "another-key-under-its-id", "key-in-the-header"),
    *("key-in-the-header-under-its-id", "key-at-an-address", "unknown-kid", "no-kid", "kid-is-a-number"),
    *("kid-is-a-path", "another-issuer", "issuer-with-a-slash", "issuer-in-another-case", "no-issuer"),
}


@pytest.mark.parametrize("case", [case for case in BAD_TOKENS if case not in _UNSEEN])
def test_garbage_does_not_make_it_ask_for_keys(case: str) -> None:
    with pytest.raises(Unauthenticated):
        provisioner_of().key_source(parse_token(BAD_TOKENS[case]), now=NOW)


@pytest.mark.parametrize("case", sorted(_UNSEEN))
def test_what_needs_keys_to_be_seen_asks_for_them(case: str) -> None:
    source = provisioner_of().key_source(parse_token(BAD_TOKENS[case]), now=NOW)
    assert source == KeySetSource("people", f"{ISSUER}/.well-known/openid-configuration")


def test_refuses_when_there_are_no_keys() -> None:
    with pytest.raises(Unauthenticated, match="no keys"):
        provisioner_of().verify(parse_token(IDP.token()), now=NOW)
    with pytest.raises(Unauthenticated, match="no key of the token's key id"):
        verify(IDP.token(), keys=KeySet(ISSUER, ()))


def test_one_of_several_keys_of_an_id_may_have_signed() -> None:
    shared = [{**public_jwk(key), "kid": "same"} for key in (rsa_key(), OTHER.key, IDP.key)]
    keys = KeySet(ISSUER, read_keys({"keys": shared}))
    for key in (rsa_key(), OTHER.key, IDP.key):
        verify(jws({"kid": "same"}, IDP.claims(), key), keys=keys)
    with pytest.raises(Unauthenticated):
        verify(jws({"kid": "same"}, IDP.claims(), p256()), keys=keys)


def test_a_token_without_key_id_finds_a_key_without_one() -> None:
    nameless = {name: value for name, value in public_jwk(IDP.key).items() if name != "kid"}
    verify(_with_header(kid=None), keys=KeySet(ISSUER, read_keys({"keys": [nameless]})))


def test_a_key_is_used_with_the_algorithm_that_it_states() -> None:
    keys = KeySet(ISSUER, read_keys({"keys": [public_jwk(_RSA, alg="PS256")]}))
    kid = public_jwk(_RSA)["kid"]
    verify(jws({"kid": kid}, IDP.claims(), _RSA, "PS256"), keys=keys)
    with pytest.raises(Unauthenticated, match="algorithm"):
        verify(jws({"kid": kid}, IDP.claims(), _RSA, "RS256"), keys=keys)


def test_the_tenant_has_its_place_in_the_issuer() -> None:
    keys = replace(IDP.keys, issuer="https://login.example/{tenantid}/v2.0")
    token = IDP.token(iss="https://login.example/t-1/v2.0")
    grant = verify(token, keys=keys, tenantID="t-1")
    assert grant.names[1].value == "https://login.example/t-1/v2.0#1154"
    for tenant in ("t-2", "", None):
        with pytest.raises(Unauthenticated, match="issuer"):
            verify(token, keys=keys, tenantID=tenant)


# --- who may have a certificate


@pytest.mark.parametrize("domains", [["x.example"], ["other.example", "x.example"], ["X.Example"]])
def test_a_domain_lets_its_people_in(domains: list[str]) -> None:
    for email in ("mike@x.example", "mike@X.EXAMPLE", "Mike@x.example"):
        assert verify(IDP.token(email=email), domains=domains).names[0].value == email


NO_EMAIL: dict[str, dict[str, Any]] = {
    "none": {"email": None},
    "empty": {"email": ""},
    "not-verified": {"email_verified": False},
    "not-verified-in-text": {"email_verified": "false"},
    "verified-is-zero": {"email_verified": 0},
    "verified-is-an-object": {"email_verified": {"x": 1}},
    "verified-is-a-list": {"email_verified": [True]},
    "number": {"email": 5},
    "list": {"email": ["mike@x.example"]},
    "without-at": {"email": "x.example"},
    "uri": {"email": "mailto:mike@x.example"},
}


@pytest.mark.parametrize("case", NO_EMAIL)
def test_what_is_no_verified_email_is_none(case: str) -> None:
    token = IDP.token(**NO_EMAIL[case])
    assert verify(token).names == (URI,)
    with pytest.raises(Unauthenticated, match="e-mail"):
        verify(token, domains=["x.example"])
    assert verify(token, admins=["mike@x.example"]).request_names is RequestNames.IGNORED


@pytest.mark.parametrize(
    "email",
    ["mike@y.example", "mike@evil-x.example", "mike@sub.x.example", "x.example@evil.example", "mike@x.example.evil"],
)
def test_a_domain_keeps_others_out(email: str) -> None:
    with pytest.raises(Unauthenticated, match="domain"):
        verify(IDP.token(email=email), domains=["x.example"])


@pytest.mark.parametrize(
    "email", ["a b@x.example", "mike@evil.example@x.example", '"mike"@x.example', "müller@x.example", "mike@-x"]
)
def test_an_address_that_no_certificate_carries_is_refused(email: str) -> None:
    with pytest.raises(MalformedRequest):
        verify(IDP.token(email=email))
    with pytest.raises(MalformedRequest):
        verify(IDP.token(email=email), domains=["x.example"])


def test_a_group_lets_its_people_in() -> None:
    assert verify(IDP.token(groups=["a", "b"]), groups=["b", "c"]).names == (EMAIL, URI)


@pytest.mark.parametrize("groups", [None, [], ["B"], ["bb"], "b", {"b": 1}, [["b"]], [None], 5])
def test_a_group_keeps_others_out(groups: object) -> None:
    with pytest.raises(Unauthenticated, match="group"):
        verify(IDP.token(groups=groups), groups=["b"])


def test_every_rule_must_hold() -> None:
    rules: dict[str, Any] = {"domains": ["x.example"], "groups": ["b"]}
    assert verify(IDP.token(groups=["b"]), **rules).names == (EMAIL, URI)
    with pytest.raises(Unauthenticated, match="group"):
        verify(IDP.token(), **rules)
    with pytest.raises(Unauthenticated, match="domain"):
        verify(IDP.token(groups=["b"], email="mike@y.example"), **rules)


# --- administrators


@pytest.mark.parametrize(
    ("admins", "claims"),
    [
        pytest.param(["mike@x.example"], {}, id="ok/email"),
        pytest.param(["mike@X.example"], {"email": "mike@x.EXAMPLE"}, id="ok/domain-in-another-case"),
        pytest.param(["ops"], {"groups": ["dev", "ops"]}, id="ok/group"),
        pytest.param(["ops"], {"groups": ["ops"], "email": None}, id="ok/group-without-email"),
    ],
)
def test_an_administrator_gets_what_the_request_asks_for(admins: list[str], claims: dict[str, Any]) -> None:
    grant = verify(IDP.token(**claims), admins=admins, domains=["other.example"])
    assert grant.request_names is RequestNames.GRANTED
    assert grant.may_revoke


@pytest.mark.parametrize(
    ("admins", "claims"),
    [
        pytest.param(["mike@x.example"], {"email": "Mike@x.example"}, id="fail/local-part-in-another-case"),
        pytest.param(["mike@x.example"], {"email_verified": False}, id="fail/not-verified"),
        pytest.param(["ops"], {"groups": ["Ops"]}, id="fail/group-in-another-case"),
        pytest.param(["ops"], {"groups": "ops"}, id="fail/group-is-text"),
        pytest.param(["1154"], {}, id="fail/subject"),
        pytest.param(["x.example"], {}, id="fail/domain"),
    ],
)
def test_nobody_else_is_an_administrator(admins: list[str], claims: dict[str, Any]) -> None:
    grant = verify(IDP.token(**claims), admins=admins)
    assert grant.request_names is RequestNames.IGNORED
    assert not grant.may_revoke


def test_an_administrator_must_be_in_the_group_too() -> None:
    with pytest.raises(Unauthenticated, match="group"):
        verify(IDP.token(), admins=["mike@x.example"], groups=["b"])


def test_a_template_of_its_own_gets_the_token_for_an_administrator_too() -> None:
    options = {"x509": {"template": '{"subject": {{ toJson .Subject }}}'}}
    grant = verify(IDP.token(), admins=["mike@x.example"], options=options)
    assert grant.request_names is RequestNames.IGNORED
    assert grant.may_revoke


# --- once


def test_the_same_nonce_means_the_same_token_of_the_same_person() -> None:
    def key(provisioner_id: str = "id-1", **claims: object) -> str:
        provisioner = parse_provisioner(provisioner_id, IDP.document, Claims())
        return provisioner.verify(parse_token(IDP.token(**claims)), now=NOW, keys=IDP.keys).reuse_key

    assert key(nonce="n") == key(nonce="n", email="other@x.example")
    assert key(nonce="n") != key(nonce="m")
    assert key(nonce="n") != key(nonce="n", sub="other")
    assert key(nonce="n") != key("id-2", nonce="n")
    assert key(nonce=None) == key(nonce=None)
    assert key(nonce=None) != key(nonce=None, sub="other")
    assert key(nonce=None, jti="a") != key(nonce=None, jti="b")


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"exp": AT + 300}, 300),
        ({"exp": AT + 3600}, 3600),
        ({"exp": AT + 86_400}, 3600),
        ({"iat": AT - 1800, "exp": AT + 86_400}, 1800),
    ],
)
def test_a_token_counts_for_an_hour_at_most_and_is_remembered_as_long(changes: dict[str, int], seconds: int) -> None:
    expires_at = verify(IDP.token(**changes)).claims.expires_at
    assert expires_at == NOW.replace(microsecond=0) + timedelta(seconds=seconds)


# --- settings


def test_states_how_it_is_found_and_what_its_certificates_say() -> None:
    provisioner = provisioner_of()
    assert provisioner.type == "OIDC"
    assert provisioner.lookup_id == CLIENT_ID
    assert not provisioner.names_authority
    assert provisioner.stamp == ProvisionerStamp(2, "people", CLIENT_ID)
    assert provisioner.escrow is None


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (f"{ISSUER}", f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/", f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/realms/x", f"{ISSUER}/realms/x/.well-known/openid-configuration"),
        (f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/.well-known/openid-configuration"),
        (f"{ISSUER}/t?p=policy", f"{ISSUER}/t/.well-known/openid-configuration?p=policy"),
    ],
)
def test_finds_the_configuration_where_step_does(endpoint: str, address: str) -> None:
    source = provisioner_of(configurationEndpoint=endpoint).key_source(parse_token(IDP.token()), now=NOW)
    assert source is not None
    assert source.discovery_url == address


@pytest.mark.parametrize("secret", [None, ""])
def test_the_listed_secret_is_always_a_text(secret: object) -> None:
    assert provisioner_of(clientSecret=secret).document["clientSecret"] == ""


def test_the_rest_of_the_document_is_listed_as_it_is() -> None:
    lists = {name: ["X.example"] for name in ("admins", "domains", "groups", "scopes", "authParams")}
    more: dict[str, Any] = {**lists, "listenAddress": ":10000", "tenantID": "t", "future": 1}
    assert provisioner_of(**more).document == {**IDP.document, **more}


@pytest.mark.parametrize(
    ("claims", "disabled"),
    [
        (None, True),
        ({}, True),
        ({"defaultTLSCertDuration": "8h"}, True),
        ({"disableRenewal": None}, True),
        ({"disableRenewal": True}, True),
        ({"disableRenewal": False}, False),
    ],
)
def test_its_certificates_are_not_renewed_unless_its_claims_say_so(claims: object, *, disabled: bool) -> None:
    assert provisioner_of(claims=claims).claims.disable_renewal is disabled
    assert not provisioner_of(claims=claims).claims.allow_renewal_after_expiry


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"clientID": None}, "clientID", id="fail/no-client"),
        pytest.param({"clientID": ""}, "clientID", id="fail/empty-client"),
        pytest.param({"clientID": 5}, "clientID: must be text", id="fail/client-is-a-number"),
        pytest.param({"clientID": "x" * 257}, "1 to 256", id="fail/long-client"),
        pytest.param({"clientID": "a\nb"}, "printable", id="fail/client-with-a-line-break"),
        pytest.param({"clientSecret": 5}, "clientSecret: must be text", id="fail/secret-is-a-number"),
        pytest.param({"configurationEndpoint": None}, "configurationEndpoint: ", id="fail/no-endpoint"),
        pytest.param({"configurationEndpoint": "http://idp.example"}, "must begin with https", id="fail/http"),
        pytest.param({"configurationEndpoint": "idp.example"}, "not an address", id="fail/no-scheme"),
        pytest.param({"configurationEndpoint": "file:///etc/passwd"}, "not an address", id="fail/file"),
        pytest.param({"configurationEndpoint": ["x"]}, "must be text", id="fail/endpoint-is-a-list"),
        pytest.param({"tenantId": "t"}, "tenantId: is spelled tenantID", id="fail/spelling"),
        pytest.param({"Domains": ["x.example"]}, "Domains: is spelled domains", id="fail/spelling-of-a-rule"),
        pytest.param({"domains": "x.example"}, "domains: must be a list", id="fail/domains-are-text"),
        pytest.param({"domains": [5]}, "domains: must be a list", id="fail/domain-is-a-number"),
        pytest.param({"domains": [""]}, "domains: has an empty text", id="fail/empty-domain"),
        pytest.param({"admins": [""]}, "admins: has an empty text", id="fail/empty-admin"),
        pytest.param({"groups": {}}, "groups: must be a list", id="fail/groups-are-an-object"),
        pytest.param({"scopes": "openid"}, "scopes: must be a list", id="fail/scopes-are-text"),
        pytest.param({"authParams": [None]}, "authParams: must be a list", id="fail/null-parameter"),
        pytest.param({"listenAddress": "10000"}, "listenAddress", id="fail/listen-without-colon"),
        pytest.param({"listenAddress": ":x"}, "listenAddress", id="fail/listen-without-port"),
        pytest.param({"listenAddress": ":65536"}, "listenAddress", id="fail/listen-at-no-port"),
    ],
)
def test_refuses_a_document_and_says_which_field_is_wrong(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        provisioner_of(**changes)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = [
    "clientID",
    "clientSecret",
    "configurationEndpoint",
    "tenantID",
    "listenAddress",
    "admins",
    "domains",
    "groups",
]


@given(st.dictionaries(st.sampled_from([*_FIELDS, "scopes", "authParams", "claims", "ADMINS"]), _JSON))
def test_any_document_is_a_provisioner_or_an_unusable_one(changes: dict[str, Any]) -> None:
    provisioner = read_provisioner("id", {**IDP.document, **changes}, Claims())
    if not isinstance(provisioner, UnusableProvisioner):
        assert isinstance(provisioner.document["clientSecret"], str)


_CLAIMS = ["iss", "sub", "aud", "azp", "exp", "iat", "nbf", "nonce", "jti", "email", "email_verified", "groups", "cnf"]
STRICT = provisioner_of(domains=["x.example"], groups=["g"], admins=["root@x.example"])


@given(st.dictionaries(st.sampled_from(_CLAIMS), _JSON | st.just(CLIENT_ID) | st.just(["g"])))
def test_any_signed_claims_are_granted_by_the_rules_or_refused(changes: dict[str, Any]) -> None:
    token = IDP.sign({**IDP.claims(groups=["g"]), **changes})
    try:
        grant = STRICT.verify(parse_token(token), now=NOW, keys=IDP.keys)
    except CAError:
        return
    claims = grant.claims.all
    assert claims["iss"] == ISSUER
    assert CLIENT_ID in claims["aud"]
    assert "g" in claims["groups"]
    assert claims["email"].endswith("@x.example")
