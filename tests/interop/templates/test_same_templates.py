"""The product's templates against step's own: the same text, the same certificate, the same refusals."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from stepless.domain.durations import parse_rfc3339
from stepless.domain.names import classify_all
from stepless.domain.profile import DesignedCertificate
from stepless.domain.template import CertificateTemplate, TemplateRequest, apply_template
from stepless.domain.template.data import template_data
from stepless.domain.template.engine import render
from stepless.domain.template.reencode import parse_name
from stepless.errors import BadTemplateOutput, CAError, MalformedRequest, TemplateFailed
from tests.fakes.clock import NOW
from tests.fakes.ephemeral_ca import CLIENT_PROFILE, make_ca, sign_leaf
from tests.fakes.private_keys import SUBJECT_KEYS, PrivateKey, p256
from tests.interop.support.process import find_program, run
from tests.interop.templates.cases import Case
from tests.interop.templates.documented_cases import DEFAULTS, DOCUMENTED
from tests.interop.templates.extension_cases import EXTENSIONS
from tests.interop.templates.small_cases import SMALL

HERE = Path(__file__).parent
CERTIFICATES = {case.id: case for case in (*DEFAULTS, *DOCUMENTED, *EXTENSIONS)}
CASES = {case.id: case for case in (*CERTIFICATES.values(), *SMALL)}
# A first build downloads and compiles: a minute on two cores.
BUILD_SECONDS = 600.0
GO_ZERO_TIME = datetime(1, 1, 1, tzinfo=UTC)
AUTHORITY_KEY = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)
Answer = Mapping[str, Any]


def make_request(case: Case) -> x509.CertificateSigningRequest:
    key: PrivateKey = SUBJECT_KEYS[case.key]()
    builder = x509.CertificateSigningRequestBuilder(x509.Name(case.csr_subject))
    if case.csr_names:
        names = [name.general_name() for name in classify_all(case.csr_names)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for value, critical in case.csr_extensions:
        builder = builder.add_extension(value, critical)
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def make_credential() -> x509.Certificate:
    names = [name.general_name() for name in classify_all(["leaf.example", "10.0.0.7", "https://x.example/"])]
    extensions = [*CLIENT_PROFILE, (x509.SubjectAlternativeName(names), False)]
    return sign_leaf(make_ca().issuing, p256(), extensions=extensions)


REQUESTS = {identifier: make_request(case) for identifier, case in CASES.items()}
CREDENTIAL = make_credential()


def job(case: Case) -> str:
    der = REQUESTS[case.id].public_bytes(Encoding.DER)
    parts: dict[str, Any] = {
        "id": case.id,
        "template": case.template,
        "commonName": case.common_name,
        "sans": case.sans,
        "token": case.token,
        "templateData": case.template_data,
        "user": case.user,
        "webhooks": case.webhooks,
        "csr": base64.b64encode(der).decode(),
    }
    if case.x5c:
        parts["crt"] = base64.b64encode(CREDENTIAL.public_bytes(Encoding.DER)).decode()
    return json.dumps(parts)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Answer]:
    """Return what the reference says of every case."""
    program = tmp_path_factory.mktemp("templates") / "templates"
    command: list[str | Path] = [find_program("go"), "build", "-mod=readonly", "-buildvcs=false", "-o", program, "."]
    built = run(command, cwd=HERE, timeout_seconds=BUILD_SECONDS)
    assert built.exit_code == 0, f"failed to prepare: {built.describe()}"
    lines = run([program], cwd=HERE, stdin="\n".join(map(job, CASES.values()))).succeed().stdout.splitlines()
    found = [json.loads(line) for line in lines]
    return {answer["id"]: answer for answer in found}


def request_of(case: Case) -> TemplateRequest:
    return TemplateRequest(
        csr=REQUESTS[case.id],
        subject=case.common_name,
        names=classify_all(case.sans),
        token=case.token,
        user=case.user,
        authorization=CREDENTIAL if case.x5c else None,
        webhooks=case.webhooks,
    )


def rendered(case: Case) -> str:
    return render(case.template, template_data(request_of(case), case.template_data), now=NOW)


def designed(case: Case) -> DesignedCertificate:
    csr = REQUESTS[case.id]
    return apply_template(
        CertificateTemplate(case.template, case.template_data, case.allow_ca),
        request_of(case),
        public_key=csr.public_key(),  # type: ignore[arg-type]  # of a kind that may be certified
        authority_key=AUTHORITY_KEY,
        stamp=None,
        now=NOW,
    )


def encoded(design: DesignedCertificate) -> list[tuple[str, bool, bytes]]:
    return [(value.oid.dotted_string, critical, value.public_bytes()) for value, critical in design.extensions]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_renders_what_the_reference_renders(case: Case, answers: Mapping[str, Answer]) -> None:
    answer = answers[case.id]
    if answer["stage"] == "fail":
        with pytest.raises(MalformedRequest) as refused:
            rendered(case)
        assert refused.value.detail == answer["error"]
    elif answer["stage"] == "render":
        with pytest.raises(TemplateFailed):
            rendered(case)
    else:
        assert rendered(case) == answer["text"]


@pytest.mark.parametrize("case", CERTIFICATES.values(), ids=CERTIFICATES)
def test_makes_the_certificate_that_the_reference_makes(case: Case, answers: Mapping[str, Answer]) -> None:
    answer = answers[case.id]
    if answer["stage"] in {"certificate", "render", "fail"}:
        with pytest.raises(CAError):
            designed(case)
        return
    assert answer["stage"] == "done", answer["error"]
    if case.differs:
        with pytest.raises((BadTemplateOutput, AssertionError)):
            assert_same(designed(case), answer)
    else:
        assert_same(designed(case), answer)


def assert_same(design: DesignedCertificate, answer: Answer) -> None:
    """Compare all but the kind of text of the subject: UTF8String here, PrintableString where Go finds it enough."""
    expected = [(item["id"], item["critical"], base64.b64decode(item["value"])) for item in answer["extensions"]]
    assert encoded(design) == expected
    assert design.subject == parse_name(base64.b64decode(answer["subject"]))
    if design.serial_number is not None:
        assert design.serial_number == int(answer["serial"])
    dates = {"notBefore": design.validity.not_before, "notAfter": design.validity.not_after}
    for key, wish in dates.items():
        assert (wish.instant if wish else GO_ZERO_TIME) == parse_rfc3339(answer[key])
