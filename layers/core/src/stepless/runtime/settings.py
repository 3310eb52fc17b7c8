"""The environment variables of the functions: the only place that reads them (``template.yaml`` sets them)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


def aws_environment() -> Mapping[str, str]:
    """The variables through which Lambda tells a function its region, its credentials and, if not AWS's, endpoints."""
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_") and value}


class MissingSetting(RuntimeError):
    """An environment variable that a function needs is not set."""


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What the template gives a function; a variable is asked for only by functions that have it."""

    variables: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> FunctionSettings:
        """The settings of the running function."""
        return cls(dict(os.environ))

    def _required(self, name: str) -> str:
        value = self.variables.get(name, "")
        if not value:
            msg = f"the environment variable {name} is not set; template.yaml gives each function its variables"
            raise MissingSetting(msg)
        return value

    @property
    def authority_id(self) -> str:
        """The authority that this deployment serves."""
        return self._required("AUTHORITY_ID")

    @property
    def settings_table(self) -> str:
        """Authorities and provisioners."""
        return self._required("SETTINGS_TABLE")

    @property
    def certificates_table(self) -> str:
        """The inventory."""
        return self._required("CERTIFICATES_TABLE")

    @property
    def tickets_table(self) -> str:
        """Spent tokens; empty for the functions that spend none."""
        return self.variables.get("TICKETS_TABLE", "")

    @property
    def keys_table(self) -> str:
        """Encrypted keys."""
        return self._required("KEYS_TABLE")

    @property
    def issuing_kms_key(self) -> str:
        """The KMS key that seals issuing and endpoint keys."""
        return self._required("ISSUING_KMS_KEY")

    @property
    def root_kms_key(self) -> str:
        """The KMS key that seals the root key."""
        return self._required("ROOT_KMS_KEY")

    @property
    def provisioner_secret(self) -> str:
        """The Secrets Manager secret with the first provisioner's password."""
        return self._required("PROVISIONER_SECRET")

    @property
    def log_level(self) -> str:
        """The level of the logs."""
        return self.variables.get("LOG_LEVEL", "INFO")
