import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography import x509

from stepless.domain.durations import TimeDuration
from stepless.domain.issuance import sign_certificate
from stepless.domain.names import classify_all
from stepless.domain.profile import leaf_design
from stepless.domain.serial import new_lineage, new_serial
from stepless.domain.template.defaults import DEFAULT_ADMIN_LEAF, DEFAULT_LEAF
from stepless.domain.validity import RequestedValidity, Validity
from stepless.errors import BadTemplateOutput, MalformedRequest, TemplateFailed
from tests.fakes.certificate_requests import make_csr
from tests.fakes.clock import NOW
from tests.unit.domain.template.samples import AUTHORITY_KEY, CA, KEY, STAMP, applied, request

SECOND = NOW.replace(microsecond=0)
VALIDITY = Validity(SECOND, SECOND + timedelta(hours=24))


def test_the_default_template_makes_what_the_built_in_profile_makes() -> None:
    content = leaf_design(
        subject="leaf.example",
        names=classify_all(["leaf.example", "10.0.0.1"]),
        public_key=KEY.public_key(),
        stamp=STAMP,
        authority_key=AUTHORITY_KEY,
    ).content(VALIDITY)
    assert applied(DEFAULT_LEAF).content(VALIDITY) == content


def test_what_a_template_designs_can_be_signed() -> None:
    csr = make_csr("asked.example", ["asked.example", "spiffe://asked.example/x"], key=KEY)
    design = applied(DEFAULT_ADMIN_LEAF, request(csr=csr, subject=None, names=None))
    certificate = sign_certificate(design.content(VALIDITY), CA.issuing, new_serial(new_lineage()))
    assert design.common_name == "asked.example"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["asked.example", "spiffe://asked.example/x"]


def test_a_template_asks_for_dates_where_the_request_does_not() -> None:
    design = applied(
        '{"subject": "x", "notBefore": "2026-01-01T00:00:00Z", "notAfter": {{ toJson (toTime 1798761600) }}}'
    )
    assert design.requested_validity(RequestedValidity()) == design.validity
    own = RequestedValidity(not_after=TimeDuration(duration=timedelta(hours=1)))
    assert design.requested_validity(own) == RequestedValidity(design.validity.not_before, own.not_after)


def test_tells_refusal_failure_and_bad_output_apart() -> None:
    with pytest.raises(MalformedRequest, match="no"):
        applied('{{ fail "no" }}')
    with pytest.raises(TemplateFailed, match="template:1:4"):
        applied("{{ .Subject.Nope }}")
    with pytest.raises(BadTemplateOutput, match="did not render a JSON object"):
        applied("no JSON")


def test_a_ca_needs_the_permission_of_the_configuration() -> None:
    text = '{"subject": "x", "basicConstraints": {"isCA": true}, "keyUsage": "certSign"}'
    with pytest.raises(BadTemplateOutput):
        applied(text)
    assert applied(text, allow_ca=True).is_ca


def test_nothing_loads_the_engine_before_a_custom_template_is_rendered() -> None:
    code = (
        "import sys, stepless.services.sign, stepless.domain.template; print([m for m in sys.modules if 'gotpl' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
