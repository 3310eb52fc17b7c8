"""Starts each target authority once per session, when the first test asks for it."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.support import amazon, identity_provider, kubernetes, reference, stepless, webhook_receiver
from tests.interop.support.authority import Authority, Kind
from tests.interop.support.identity_provider import IdentityProvider
from tests.interop.support.provisioners import extras
from tests.interop.support.renewal_run import RenewalRun, renewing
from tests.interop.support.step_client import StepClient
from tests.interop.support.tokens import ProvisionerKey, unlock
from tests.interop.support.tools import Tools
from tests.interop.support.webhook_receiver import Receiver


@dataclass(frozen=True, slots=True)
class Target:
    """A running authority and what all its tests share.

    `renewal_run` starts together with the authority: it takes most of a minute, while others test.
    """

    authority: Authority
    client: StepClient
    key: ProvisionerKey
    endpoint: tuple[Path, Path]
    renewal_run: RenewalRun
    provider: IdentityProvider


class Stage:
    """Holds the running targets; `stack` ends them with the session."""

    def __init__(self, tools: Tools, home: Path, stack: contextlib.ExitStack) -> None:
        self._tools = tools
        self._home = home
        self._stack = stack
        self._provider: IdentityProvider | None = None
        self._receiver: Receiver | None = None
        self._targets: dict[Kind, Target] = {}
        self._broken: dict[Kind, str] = {}

    def client(self, kind: Kind, directory: Path) -> StepClient:
        """Return a bootstrapped `step` with a STEPPATH of its own."""
        directory.mkdir(exist_ok=True)
        client = StepClient(self._tools.step, self.target(kind).authority, directory)
        client.bootstrap().succeed()
        return client

    def target(self, kind: Kind) -> Target:
        """Return the running target; one that did not start fails every test at once."""
        if kind in self._broken:
            pytest.fail(f"failed to prepare {kind}: {self._broken[kind]}", pytrace=False)
        if kind not in self._targets:
            try:
                self._targets[kind] = self._start(kind)
            except BaseException as error:
                self._broken[kind] = str(error) or repr(error)
                raise
        return self._targets[kind]

    def _start(self, kind: Kind) -> Target:
        home, shared = self._home / kind, self._home / f"{kind}-client"
        home.mkdir()
        shared.mkdir()
        provider, receiver = self._identity_provider(), self.receiver()

        def everyone(admin: dict[str, Any], root: Path) -> list[dict[str, Any]]:
            pods = [kubernetes.pods()] if kind == "stepless" else []
            machines = [kubernetes.cluster(), *pods, *amazon.provisioners(home / "amazon.pem")]
            return [*extras(admin, root), *provider.provisioners, *receiver.provisioners(admin, root), *machines]

        server = (
            reference.running(self._tools, home, everyone, trust=provider.root)
            if kind == "step-ca"
            else stepless.running(home, everyone, trust=provider.root)
        )
        authority = self._stack.enter_context(server)
        client = StepClient(self._tools.step, authority, shared)
        client.bootstrap().succeed()
        run = self._stack.enter_context(renewing(self._tools, client, shared))
        return Target(authority, client, unlock(client), client.obtain("localhost", "proxy"), run, provider)

    def _identity_provider(self) -> IdentityProvider:
        """Return the provider of all targets: step-ca asks it for its keys when it starts."""
        if self._provider is None:
            home = self._home / "identity-provider"
            home.mkdir()
            self._provider = self._stack.enter_context(identity_provider.running(self._tools, home))
        return self._provider

    def receiver(self) -> Receiver:
        """Return the webhook server of all targets."""
        if self._receiver is None:
            self._receiver = self._stack.enter_context(webhook_receiver.running(self._identity_provider()))
        return self._receiver
