"""The unmodified `step` client in a home of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from tests.interop.support.authority import Authority
from tests.interop.support.process import SYSTEM_PATH, Outcome, run
from tests.interop.support.terminal import converse


@dataclass(frozen=True, slots=True)
class StepClient:
    """Runs `step` in `directory`, with `directory/.step` as STEPPATH."""

    program: Path
    authority: Authority
    directory: Path

    @property
    def home(self) -> Path:
        """STEPPATH."""
        return self.directory / ".step"

    def path(self, name: str) -> Path:
        """Return a file of the working directory."""
        return self.directory / name

    def step(
        self,
        *arguments: str | Path,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Outcome:
        """Run `step` with these arguments, exactly as a person would type them."""
        environment = {**self.environment, **(env or {})}
        return run([self.program, *arguments], cwd=self.directory, env=environment, stdin=stdin)

    def type(self, *arguments: str, answers: Sequence[tuple[str, str]]) -> str:
        """Run `step` in a terminal, answer its prompts, and return what was on the screen."""
        environment = {**self.environment, "TERM": "xterm"}
        command = [str(self.program), *arguments]
        return converse(command, answers, cwd=self.directory, env=environment)

    @property
    def environment(self) -> dict[str, str]:
        """All that `step` knows of its surroundings."""
        return {
            "HOME": str(self.directory),
            "STEPPATH": str(self.home),
            "PATH": SYSTEM_PATH,
            "TZ": "UTC",
        }

    def bootstrap(self) -> Outcome:
        """Trust the authority: the first command of every user."""
        authority = self.authority
        return self.step(
            *("ca", "bootstrap", "--ca-url", authority.url),
            *("--fingerprint", authority.fingerprint, "--force"),
        )

    def provisioner(self, name: str = "admin") -> tuple[str | Path, ...]:
        """Return the flags that choose a JWK provisioner without a prompt."""
        return (
            *("--provisioner", name),
            *("--provisioner-password-file", self.authority.password_file),
        )

    def token(self, subject: str, *flags: str | Path, provisioner: str = "admin") -> str:
        """Return a one-time token."""
        command = ("ca", "token", subject, *self.provisioner(provisioner), *flags)
        return self.step(*command).succeed().stdout.strip()

    def obtain(self, subject: str, name: str, *flags: str | Path, provisioner: str = "admin") -> tuple[Path, Path]:
        """Get a certificate into `name`.crt and `name`.key; return both paths."""
        chain, key = self.path(f"{name}.crt"), self.path(f"{name}.key")
        chosen = self.provisioner(provisioner)
        self.step("ca", "certificate", subject, chain, key, *chosen, *flags).succeed()
        return chain, key

    def revoke(self, serial: int | str, *flags: str | Path) -> Outcome:
        """Revoke by serial; `step ca revoke` has no provisioner flags, so the token comes first."""
        token = self.token(str(int(str(serial), 0)), "--revoke")
        return self.step("ca", "revoke", str(serial), "--token", token, *flags)


def read_chain(path: Path) -> list[x509.Certificate]:
    """Return the certificates of a PEM file in their order."""
    return x509.load_pem_x509_certificates(path.read_bytes())


def read_leaf(path: Path) -> x509.Certificate:
    """Return the first certificate of a PEM file."""
    return read_chain(path)[0]


def read_key(path: Path) -> PrivateKeyTypes:
    """Return the unencrypted private key of a PEM file."""
    return serialization.load_pem_private_key(path.read_bytes(), None)
