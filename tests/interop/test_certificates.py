"""Conformance rows 8 to 15 and 21: certificates, by the real client."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from tests.interop.support import certificate_facts as take
from tests.interop.support.http_client import Caller
from tests.interop.support.process import find_program, run
from tests.interop.support.step_client import StepClient, read_chain, read_key, read_leaf

DAY = timedelta(days=1)
BACKDATE = timedelta(minutes=1)
UNAUTHORIZED = "The request lacked necessary authorization to be completed."


def _now() -> datetime:
    """Return the wall clock by which a real server dates its certificates."""
    return datetime.fromtimestamp(time.time(), UTC)  # noqa: TID251 - see above


def _span(cert: x509.Certificate) -> timedelta:
    return cert.not_valid_after_utc - cert.not_valid_before_utc


def _usage(cert: x509.Certificate) -> set[str]:
    extension = cert.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.critical
    always = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment")
    return {name for name in (*always, "key_agreement", "key_cert_sign", "crl_sign") if getattr(extension.value, name)}


def test_certificate_is_as_described_when_token_is_fresh(client: StepClient, caller: Caller) -> None:
    """Row 8."""
    token = client.token("foo.test")
    client.step("ca", "certificate", "--token", token, "foo.test", "c.crt", "c.key").succeed()

    leaf, intermediate = read_chain(client.path("c.crt"))
    assert leaf.subject.rfc4514_string() == "CN=foo.test"
    assert take.names(leaf) == [("DNSName", "foo.test")]
    assert _usage(leaf) == {"digital_signature"}
    extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert list(extended.value) == [
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    ]
    assert not extended.critical
    assert _span(leaf) == DAY + BACKDATE
    stamped = take.provisioner_extension(leaf)
    kid = caller.get("/provisioners?limit=1").json()["provisioners"][0]["key"]["kid"]
    assert (stamped.kind, stamped.name, stamped.credential_id) == (1, "admin", kid)
    assert leaf.issuer == intermediate.subject
    oids = [extension.oid for extension in leaf.extensions]
    assert ExtensionOID.BASIC_CONSTRAINTS not in oids
    for name in ("c.crt", "c.key"):
        assert client.path(name).stat().st_mode & 0o777 == 0o600
    client.step("ca", "root", "r.crt").succeed()
    client.step("certificate", "verify", "c.crt", "--roots", "r.crt").succeed()


def test_token_is_refused_when_used_a_second_time(client: StepClient) -> None:
    """Row 9."""
    token = client.token("foo.test")
    command = ("ca", "certificate", "--token", token, "foo.test")
    client.step(*command, "c.crt", "c.key").succeed()
    outcome = client.step(*command, "d.crt", "d.key").refuse()
    assert UNAUTHORIZED in outcome.stderr
    assert not client.path("d.crt").exists()


def test_each_name_has_its_type_when_sans_are_mixed(client: StepClient) -> None:
    """Row 10."""
    wanted = ("a.test", "10.1.2.3", "me@x.test", "spiffe://x/y")
    chain, _ = client.obtain("multi", "a", *(f"--san={name}" for name in wanted))
    leaf = read_leaf(chain)
    assert leaf.subject.rfc4514_string() == "CN=multi"
    assert take.names(leaf) == [
        ("DNSName", "a.test"),
        ("RFC822Name", "me@x.test"),
        ("IPAddress", "10.1.2.3"),
        ("UniformResourceIdentifier", "spiffe://x/y"),
    ]


def test_key_may_encipher_when_it_is_rsa(client: StepClient) -> None:
    """Row 11."""
    chain, _ = client.obtain("r.test", "r", "--kty", "RSA", "--size", "2048")
    assert _usage(read_leaf(chain)) == {"digital_signature", "key_encipherment"}


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        pytest.param(("--kty", "EC", "--crv", "P-384"), "EC secp384r1", id="ok/P-384"),
        pytest.param(("--kty", "EC", "--crv", "P-521"), "EC secp521r1", id="ok/P-521"),
        pytest.param(("--kty", "OKP", "--crv", "Ed25519"), "Ed25519", id="ok/Ed25519"),
    ],
)
def test_only_signing_is_allowed_when_key_is_another_kind(
    client: StepClient, flags: tuple[str, ...], kind: str
) -> None:
    """Row 11, the other keys `step` can make."""
    leaf = read_leaf(client.obtain("k.test", "k", *flags)[0])
    assert take.public_key_kind(leaf) == kind
    assert _usage(leaf) == {"digital_signature"}


def test_end_is_counted_from_now_when_not_after_is_a_duration(client: StepClient) -> None:
    """Row 12."""
    before = _now()
    leaf = read_leaf(client.obtain("n.test", "n", "--not-after", "1h")[0])
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    assert before + hour - second <= leaf.not_valid_after_utc <= _now() + hour + second
    assert _span(leaf) == hour + BACKDATE


def test_start_is_not_backdated_when_not_before_is_given(client: StepClient) -> None:
    """Row 13."""
    before = _now()
    flags = ("--not-before", "5m", "--not-after", "30m")
    leaf = read_leaf(client.obtain("n.test", "n", *flags)[0])
    second, start = timedelta(seconds=1), timedelta(minutes=5)
    assert before + start - second <= leaf.not_valid_before_utc <= _now() + start + second
    assert _span(leaf) == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        pytest.param(
            "2m",
            "requested duration of 3m0s is less than the authorized minimum certificate duration of 5m0s",
            id="fail/too-short",
        ),
        pytest.param(
            "48h",
            "requested duration of 48h1m0s is more than the authorized maximum certificate duration of 24h1m0s",
            id="fail/too-long",
        ),
    ],
)
def test_certificate_is_refused_when_duration_is_out_of_bounds(client: StepClient, duration: str, text: str) -> None:
    """Row 14."""
    command = ("ca", "certificate", "n.test", "n.crt", "n.key", *client.provisioner())
    outcome = client.step(*command, "--not-after", duration).refuse()
    assert text in outcome.stderr
    assert not client.path("n.crt").exists()


def _openssl_request(client: StepClient, subject: str, san: str) -> Path:
    run(
        [
            *(find_program("openssl"), "req", "-new", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject),
            *("-addext", f"subjectAltName={san}", "-keyout", "s.key", "-out", "s.csr"),
        ],
        cwd=client.directory,
    ).succeed()
    return client.path("s.csr")


def test_subject_is_only_the_name_when_openssl_made_the_request(client: StepClient) -> None:
    """Row 15."""
    _openssl_request(client, "/C=NL/O=Example/OU=Ops/CN=s.test", "DNS:s.test")
    client.step("ca", "sign", "s.csr", "s.crt", *client.provisioner()).succeed()
    leaf = read_leaf(client.path("s.crt"))
    assert leaf.subject.rfc4514_string() == "CN=s.test"
    assert take.names(leaf) == [("DNSName", "s.test")]
    key = read_key(client.path("s.key")).public_key()
    assert leaf.public_key() == key


def test_certificate_ends_with_its_credential_when_provisioner_is_x5c(
    client: StepClient,
) -> None:
    """Row 21."""
    chain, key = client.obtain("c.test", "c", "--not-after", "1h")
    client.step(
        *("ca", "certificate", "x.test", "x.crt", "x.key", "--provisioner", "x5c"),
        *("--x5c-cert", chain, "--x5c-key", key),
    ).succeed()
    leaf, credential = read_leaf(client.path("x.crt")), read_leaf(chain)
    assert leaf.not_valid_after_utc == credential.not_valid_after_utc
    stamped = take.provisioner_extension(leaf)
    assert (stamped.kind, stamped.name, stamped.credential_id) == (7, "x5c", "")


def test_x5c_is_refused_when_end_is_past_the_credential(client: StepClient) -> None:
    """Row 21, the other way."""
    chain, key = client.obtain("c.test", "c", "--not-after", "1h")
    outcome = client.step(
        *("ca", "certificate", "x.test", "x.crt", "x.key", "--provisioner", "x5c"),
        *("--x5c-cert", chain, "--x5c-key", key, "--not-after", "2h"),
    ).refuse()
    assert "is after the expiration of the provisioning credential" in outcome.stderr


def test_x5c_is_refused_when_credential_is_of_another_authority(client: StepClient) -> None:
    """Row 21, the other way."""
    client.step(
        *("certificate", "create", "o.test", "o.crt", "o.key", "--profile", "self-signed"),
        *("--subtle", "--no-password", "--insecure"),
    ).succeed()
    outcome = client.step(
        *("ca", "certificate", "x.test", "x.crt", "x.key", "--provisioner", "x5c"),
        *("--x5c-cert", "o.crt", "--x5c-key", "o.key"),
    ).refuse()
    assert UNAUTHORIZED in outcome.stderr
