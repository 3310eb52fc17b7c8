"""`python -m stepless_dev provisioner` and `... policy`: changes the settings of the running authority.

An operator's door to the settings until there is an admin API. Functions keep settings for up to ten
seconds, so a change takes that long to be seen.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from stepless_dev.authority import Tables, operator_of
from stepless_dev.aws import Operator as AWSOperator
from stepless_dev.home import StartError

if TYPE_CHECKING:
    from stepless.runtime.operator import Operator


def connect(home: Path) -> "Operator":
    """The operator of the authority that runs on a home.

    Raises:
        StartError: none does.
    """
    try:
        facts = json.loads((home / "local.json").read_bytes())
    except FileNotFoundError:
        raise StartError(f"No authority is running on {home}; `make run` starts one.") from None
    outputs = facts["outputs"]
    aws = AWSOperator(facts["aws_endpoint"], facts["aws_access_key_id"])
    return operator_of(aws, Tables(outputs["SettingsTableName"], outputs["KeysTableName"]))


def add_provisioner(home: Path, file: Path) -> str:
    """Adds a provisioner from a file in the form of step-ca's `ca.json`.

    Raises:
        StartError: no authority is running.
        CAError: its name or key id is taken.
        ValueError: the file does not describe a provisioner; the text says which field is wrong.
    """
    provisioner = connect(home).add_provisioner(json.loads(file.read_bytes()))
    return f"Added {provisioner.name} ({provisioner.type})."


def remove_provisioner(home: Path, name: str) -> str:
    """Removes a provisioner by its name.

    Raises:
        StartError: no authority is running.
        CAError: there is no such provisioner.
    """
    connect(home).remove_provisioner(name)
    return f"Removed {name}."


def list_provisioners(home: Path) -> str:
    """One line for each provisioner: name and type, or why it cannot be used.

    Raises:
        StartError: no authority is running.
    """
    found = connect(home).authority().provisioners
    kinds = [getattr(p, "type", None) or f"unusable: {getattr(p, 'reason', '')}" for p in found]
    return "\n".join(f"{p.name}\t{kind}" for p, kind in zip(found, kinds, strict=True))


def set_policy(home: Path, file: Path) -> str:
    """Puts the name policy of a file in the place of the authority's own.

    Raises:
        StartError: no authority is running.
        ValueError: the file does not describe a policy; the text says which rule is wrong.
    """
    connect(home).set_policy(json.loads(file.read_bytes()))
    return "The policy counts within ten seconds for every certificate, renewed ones included."


def show_policy(home: Path) -> str:
    """The authority's own name policy.

    Raises:
        StartError: no authority is running.
    """
    from stepless.domain.policy.document import policy_document  # noqa: PLC0415  # with the rest of the core

    return json.dumps(policy_document(connect(home).authority().policy), indent=2)
