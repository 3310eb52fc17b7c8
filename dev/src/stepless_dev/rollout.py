"""Decides whether to deploy, and makes sure that a deployment that fails or is cut off costs nothing.

Before the stack is touched, the state file is copied. The copy exists exactly as long as a deployment
is under way: who finds it next to a stack that is neither old nor new puts it back.
"""

import hashlib
import json
import shutil
from pathlib import Path

from stepless_dev.deploy import Deployment, DeploymentFailedError
from stepless_dev.embedded_aws import EmbeddedAWS
from stepless_dev.home import StartError
from stepless_dev.package import build_package
from stepless_dev.state_file import back_up


def roll_out(aws: EmbeddedAWS, template: Path, parameters: dict[str, str]) -> Deployment:
    """Brings the running embedded AWS to the template. Blocks; a second or so when nothing changed.

    Raises:
        StartError: the template does not deploy; the state is as it was before.
    """
    backup = aws.state_file.with_suffix(".before")
    deployment = Deployment(aws.operator)
    state = deployment.state()
    if not state.is_settled:
        _undo(aws, backup, first=state.status.startswith(("CREATE_", "ROLLBACK_")))
        deployment = Deployment(aws.operator)
        state = deployment.state()
    package = build_package(template)
    digest = _digest(package.digest, parameters)
    if state.digest != digest:
        first = state.status == ""
        if not first:
            aws.save()
            back_up(aws.state_file, backup)
        try:
            deployment.apply(package, digest, parameters)
        except DeploymentFailedError:
            _undo(aws, backup, first=first)
            raise
        aws.save()
    backup.unlink(missing_ok=True)
    return deployment


def _digest(package: str, parameters: dict[str, str]) -> str:
    text = json.dumps([package, parameters], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _undo(aws: EmbeddedAWS, backup: Path, *, first: bool) -> None:
    """Starts the AWS again with the state before the deployment.

    Raises:
        StartError: there is no way back; nothing was deleted.
    """
    if not backup.exists() and not first:
        raise StartError(f"A deployment was cut off and {backup} is gone. `make clean` starts a new authority.")
    aws.stop()
    for path in aws.state_file.parent.glob(f"{aws.state_file.name}*"):
        path.unlink()
    if backup.exists():
        shutil.copy2(backup, aws.state_file)  # stays until the next deployment succeeds
    aws.start()
