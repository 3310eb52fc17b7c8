"""The deployed functions: their configuration as CloudFormation resolved it, and their pools."""

import asyncio
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from stepless_dev.aws import Operator
from stepless_dev.deploy import STACK
from stepless_dev.embedded_aws import EmbeddedAWS
from stepless_dev.environment import Call, Credentials, Environment, Function, NotStartedError
from stepless_dev.home import Home
from stepless_dev.pool import Pool
from stepless_dev.template import Template, TemplateError

_SESSION_SECONDS = 3600


def deployed_functions(operator: Operator, template: Template) -> dict[str, Function]:
    """Every function of the template as the stack made it, by logical id. Blocks.

    Raises:
        TemplateError: a deployed function is none of the template's.
    """
    found = {}
    for page in operator.client("lambda").get_paginator("list_functions").paginate():
        for configuration in page["Functions"]:
            function = _resolve(configuration, template)
            found[function.logical_id] = function
    return found


def _resolve(configuration: dict[str, Any], template: Template) -> Function:
    name = configuration["FunctionName"]
    sources = [s for s in template.functions.values() if name.startswith(f"{STACK}-{s.logical_id}-")]
    if not sources:
        raise TemplateError(f"{name} is deployed but not in the template under a generated name.")
    source = max(sources, key=lambda s: len(s.logical_id))
    return Function(
        logical_id=source.logical_id,
        name=name,
        arn=configuration["FunctionArn"],
        role_arn=configuration["Role"],
        handler=configuration["Handler"],
        timeout_seconds=configuration["Timeout"],
        memory_mb=configuration["MemorySize"],
        log_group=configuration.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}"),
        variables=configuration.get("Environment", {}).get("Variables", {}),
        code=source.code,
        layers=source.layers,
    )


class Functions:
    """Invokes functions by logical id or deployed name, each under its own role."""

    def __init__(self, aws: EmbeddedAWS, template: Template, home: Home, cap: int) -> None:
        """Knows no function before `refresh`.

        Args:
            aws: its operator assumes the functions' roles; asked each time, for a deployment that is
                undone starts the AWS anew.
            template: where their code lies.
            home: their output goes to `logs/<code folder>.log`.
            cap: environments per function.
        """
        self._aws = aws
        self._template = template
        self._home = home
        self._cap = cap
        self._pools: dict[str, Pool] = {}

    async def refresh(self) -> None:
        """Takes the configuration that is deployed now; changed functions start anew."""
        found = await asyncio.to_thread(deployed_functions, self._aws.operator, self._template)
        for logical_id, function in found.items():
            pool = self._pools.get(logical_id)
            if pool is None or pool.function != function:
                self._pools[logical_id] = Pool(function, self._start, self._cap)
                if pool is not None:
                    await pool.close()

    async def _start(self, function: Function) -> Environment:
        try:
            credentials = await asyncio.to_thread(self._assume, function)
        except (ClientError, BotoCoreError) as exc:
            raise NotStartedError(type(exc).__name__) from exc
        log = self._home.open_log(function.code.name)
        return await Environment.start(function, credentials, self._aws.operator.endpoint_url, log)

    def _assume(self, function: Function) -> Credentials:
        answer = self._aws.operator.client("sts").assume_role(
            RoleArn=function.role_arn,
            RoleSessionName=function.name[:64],
            DurationSeconds=_SESSION_SECONDS,
        )["Credentials"]
        return Credentials(
            answer["AccessKeyId"],
            answer["SecretAccessKey"],
            answer["SessionToken"],
            time.monotonic() + _SESSION_SECONDS,
        )

    def __getitem__(self, logical_id: str) -> Pool:
        return self._pools[logical_id]

    async def invoke_by_name(self, name: str, call: Call) -> Any:
        """Runs the function that is deployed under a name.

        Raises:
            KeyError: there is none.
            InvocationError: it did not answer.
        """
        if not any(pool.function.name == name for pool in self._pools.values()):
            await self.refresh()  # a custom resource runs in the middle of a deployment
        for pool in self._pools.values():
            if pool.function.name == name:
                return await pool.invoke(call)
        raise KeyError(name)

    def reap(self) -> None:
        """Ends environments that have been idle for long."""
        for pool in self._pools.values():
            pool.reap()

    async def close(self) -> None:
        """Ends all environments."""
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))
