import logging
from collections.abc import Iterator

import pytest
from typing_extensions import override

from stepless.errors import Forbidden, Unavailable
from stepless.services.issue import request_sha256
from tests.fakes.certificate_requests import make_csr
from tests.fakes.deployment import Deployment
from tests.fakes.faults import Faults


class Kept(logging.Handler):
    """Keeps the audit events in the order of their writing."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def events(self) -> list[tuple[str, str]]:
        return [(record.getMessage(), vars(record)["serial"]) for record in self.records]


@pytest.fixture
def audit() -> Iterator[Kept]:
    logger, kept = logging.getLogger("stepless.audit"), Kept()
    level = logger.level
    logger.addHandler(kept)
    logger.setLevel(logging.INFO)
    yield kept
    logger.removeHandler(kept)
    logger.setLevel(level)


def test_every_use_of_the_key_is_audited_before(audit: Kept) -> None:
    serial = f"{Deployment().sign().record.serial:x}"
    assert audit.events == [("intent", serial)]
    assert vars(audit.records[0])["key_id"] == "intermediate-1"


def test_a_repeat_is_audited_with_the_serial_that_stands(audit: Kept) -> None:
    ca = Deployment()
    csr, token = make_csr(), ca.admin.token()
    serial = f"{ca.sign(csr, token).record.serial:x}"
    ca.sign(csr, token)
    (_, first), (event, second), last = audit.events
    assert first == serial
    assert (event, second != serial) == ("intent", True)
    assert last == ("repeated", serial)


def test_an_outage_leaves_the_intent_with_the_serial(audit: Kept) -> None:
    with pytest.raises(Unavailable):
        Deployment(faults=Faults(at=0)).sign()
    assert [event for event, _ in audit.events] == ["intent"]


def test_a_refused_request_does_not_use_the_key(audit: Kept) -> None:
    ca = Deployment()
    with pytest.raises(Forbidden):
        ca.sign(make_csr("evil.example"))
    assert audit.events == []


def test_a_hash_of_parts_tells_where_they_end() -> None:
    assert request_sha256(b"ab", b"c") == request_sha256(b"ab", b"c")
    assert request_sha256(b"ab", b"c") != request_sha256(b"a", b"bc")
    assert request_sha256(b"a") != request_sha256(b"a", b"")
    assert len(request_sha256()) == 32
