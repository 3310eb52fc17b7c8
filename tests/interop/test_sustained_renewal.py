"""step's Go library: a server and a client that renew themselves while they talk over mutual TLS.

The program itself is in `golib/main.go`; it runs in the background from the session's start.
"""

from itertools import pairwise

import pytest

from tests.interop.support.stage import Target


@pytest.mark.slow
def test_authority_is_described_when_library_bootstraps(target: Target) -> None:
    first = target.renewal_run.events()[0]
    assert first["event"] == "authority"
    assert (first["health"], first["roots"], first["federation"]) == ("ok", 1, 1)
    assert first["first_page"] == 1
    assert first["next_cursor"]
    assert first["version"]
    assert first["require_client_authentication"] is False


@pytest.mark.slow
def test_traffic_goes_on_when_both_sides_renew(target: Target) -> None:
    events = target.renewal_run.events()
    summary = events[-1]
    assert summary["failures"] == 0, summary
    assert summary["server_serials"] >= 2
    assert summary["client_serials"] >= 2
    assert summary["after_renewal"] >= 5
    exchanges = [event for event in events if event["event"] == "exchange"]
    assert {tuple(event["server_names"]) for event in exchanges} == {("localhost",)}
    assert {tuple(event["client_names"]) for event in exchanges} == {("caller.test",)}
    for before, after in pairwise(exchanges):
        assert after["server_not_after"] >= before["server_not_after"]
        assert after["client_not_after"] >= before["client_not_after"]
