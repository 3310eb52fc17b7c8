"""Makes any step of a function fail, before it or after it, around the real adapters.

The steps are those of `STEPS`, in the order of a cold request. "After" is when the step has had its
effect and its answer is lost, which for a write is the ambiguous case.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Self, cast

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from typing_extensions import override

from stepless.domain.issuance import Issuer
from stepless.errors import Unavailable
from stepless.keys.vault import VaultIssuerKeys
from stepless.runtime.aws import AWSClients
from stepless.runtime.settings import FunctionSettings
from stepless.runtime.wiring import Wiring
from stepless.services.issue import IssueCertificate
from stepless.services.ports import IssuerKeys
from stepless.store.dynamodb import CallRefused, DynamoDB, NoAnswer

Fail = Callable[[], None]

_OPERATIONS = {
    "Query": "settings",
    "GetItem": "read",
    "Decrypt": "decryption",
    "TransactWriteItems": "transaction",
}


def throttled(code: str = "ProvisionedThroughputExceededException", operation: str = "Query") -> Fail:
    """What is left when the SDK's own retries were throttled too."""

    def fail() -> None:
        raise ClientError({"Error": {"Code": code, "Message": "scratch-detail"}}, operation)

    return fail


def denied() -> None:
    """A permission was taken away."""
    raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "scratch-detail"}}, "Decrypt")


def timed_out() -> None:
    """Nobody knows whether the call had its effect."""
    raise ReadTimeoutError(endpoint_url="https://scratch-detail.test")


def unavailable() -> None:
    """A port's own word for all of these."""
    raise Unavailable("scratch-detail")


@dataclass(slots=True)
class Faults:
    """Which steps fail, each as often as it says, and which were reached."""

    plan: dict[str, list[Fail]] = field(default_factory=dict)
    reached: list[str] = field(default_factory=list)

    def reach(self, point: str) -> None:
        """At every point; raises what the plan has for it."""
        self.reached.append(point)
        if self.plan.get(point):
            self.plan[point].pop()()


@cache
def _shared_session() -> Any:
    """Reading the SDK's models is most of what a cold start costs, and none of what is tested."""
    return botocore.session.get_session()


class FaultyDynamoDB:
    """The real calls; points are outside of their retries."""

    def __init__(self, real: DynamoDB, faults: Faults) -> None:
        self._real = real
        self._faults = faults

    def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Fail as the real one does."""
        step = _OPERATIONS[operation]
        try:
            self._faults.reach(f"before {step}")
            answer = self._real.call(operation, request)
            self._faults.reach(f"after {step}")
        except ClientError as error:
            reasons: Any = error.response.get("CancellationReasons", ())
            raise CallRefused(error.response["Error"]["Code"], tuple(reasons)) from error
        except BotoCoreError as error:
            raise NoAnswer(operation) from error
        return answer


class FaultyClients(AWSClients):
    """The real clients; points are at the edge of the SDK, outside of its retries."""

    def __init__(self, faults: Faults) -> None:
        super().__init__()
        self._session = _shared_session()
        self._faults = faults

    @override
    def dynamodb(self) -> DynamoDB:
        faulty: Any = FaultyDynamoDB(super().dynamodb(), self._faults)
        return cast("DynamoDB", faulty)

    @override
    def _client(self, service: str) -> Any:
        client = super()._client(service)
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)
        return client

    def _before(self, event_name: str, **_: Any) -> None:
        self._faults.reach(f"before {_step(event_name)}")

    def _after(self, event_name: str, **_: Any) -> None:
        self._faults.reach(f"after {_step(event_name)}")


def _step(event_name: str) -> str:
    """`before-call.kms.Decrypt` is the decryption."""
    return _OPERATIONS[event_name.rpartition(".")[2]]


class FaultyKey(ec.EllipticCurvePrivateKey):
    """The real key; signing is a step."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, faults: Faults) -> None:
        self._key = key
        self._faults = faults

    @override
    def sign(
        self, data: bytes | bytearray | memoryview, signature_algorithm: ec.EllipticCurveSignatureAlgorithm
    ) -> bytes:
        self._faults.reach("before signature")
        signature = self._key.sign(data, signature_algorithm)
        self._faults.reach("after signature")
        return signature

    @override
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._key.public_key()

    @override
    @property
    def curve(self) -> ec.EllipticCurve:
        return self._key.curve

    @override
    @property
    def key_size(self) -> int:
        return self._key.key_size

    @override
    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:
        raise NotImplementedError

    @override
    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        raise NotImplementedError

    @override
    def private_bytes(self, *arguments: Any) -> bytes:
        raise NotImplementedError

    @override
    def __copy__(self) -> Self:
        return self

    @override
    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class FaultyKeys:
    """The real keys of the vault; what is signed with them is a step."""

    keys: IssuerKeys
    faults: Faults

    def issuer(self, key_id: str, certificate: x509.Certificate) -> Issuer:
        issuer = self.keys.issuer(key_id, certificate)
        assert isinstance(issuer.private_key, ec.EllipticCurvePrivateKey)
        return Issuer(issuer.key_id, issuer.certificate, FaultyKey(issuer.private_key, self.faults))


class FaultyWiring(Wiring):
    """The real composition, on clients and keys with faults."""

    def __init__(self, settings: FunctionSettings, faults: Faults) -> None:
        super().__init__(settings, FaultyClients(faults))
        self._faults = faults

    @override
    @cached_property
    def issue(self) -> IssueCertificate:
        return IssueCertificate(FaultyKeys(VaultIssuerKeys(self._reading_vault), self._faults), self.certificates)


def wiring_with(faults: Faults) -> Callable[[FunctionSettings], Wiring]:
    """The composition root for `Environment.start`."""
    return lambda settings: FaultyWiring(settings, faults)
