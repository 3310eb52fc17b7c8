"""The command line: `python -m stepless_dev run`, `... provisioner add|list|remove` and `... policy set|show`."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from stepless_dev import settings
from stepless_dev.home import StartError

_ROOT = Path(__file__).resolve().parents[3]  # of the checkout: dev/src/stepless_dev/cli.py


def _parser() -> argparse.ArgumentParser:
    home = os.environ.get("STEPLESS_HOME", ".stepless")  # noqa: TID251  # the command line's default
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--home", type=Path, default=Path(home), help="state (default: %(default)s)")
    parser = argparse.ArgumentParser(prog="python -m stepless_dev", description="A local authority.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", parents=[shared], help="start it in the foreground")
    run.add_argument("--port", type=int, default=9000, help="of the API (default: %(default)s)")
    run.add_argument("--template", type=Path, default=_ROOT / "template.yaml", help="to deploy")
    run.add_argument("--dns-names", default="localhost,127.0.0.1,::1", help="of the API (default: %(default)s)")
    run.add_argument("--log-level", default="INFO", help="of the functions (default: %(default)s)")
    run.add_argument("--environments", type=int, default=8, help="per function at most (default: %(default)s)")
    provisioner = commands.add_parser("provisioner", help="of the running authority")
    verbs = provisioner.add_subparsers(dest="verb", required=True)
    add = verbs.add_parser("add", parents=[shared], help="from a file in ca.json's form")
    add.add_argument("file", type=Path)
    remove = verbs.add_parser("remove", parents=[shared], help="by its name")
    remove.add_argument("name")
    verbs.add_parser("list", parents=[shared], help="names and types")
    policy = commands.add_parser("policy", help="which names the running authority certifies")
    verbs = policy.add_subparsers(dest="verb", required=True)
    replace = verbs.add_parser("set", parents=[shared], help="from a file in the form of ca.json's authority.policy")
    replace.add_argument("file", type=Path)
    verbs.add_parser("show", parents=[shared], help="as JSON")
    return parser


def _isolate() -> None:
    """Takes the person's own AWS settings and proxies out of the way: everything here is loopback."""
    environment = os.environ  # noqa: TID251  # our own process's, and only to empty it
    for name in list(environment):
        if name.startswith("AWS_"):
            del environment[name]
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["NO_PROXY"] = environment["no_proxy"] = "127.0.0.1,localhost"


def main(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    options = _parser().parse_args(arguments)
    _isolate()
    return _run(options) if options.command == "run" else _manage(options)


def _run(options: argparse.Namespace) -> int:
    from stepless_dev.run import Options, serve  # noqa: PLC0415  # half a second of imports

    parameters = {"DnsNames": options.dns_names, "LogLevel": options.log_level}
    chosen = Options(options.port, options.home, options.template, parameters, options.environments)
    return asyncio.run(serve(chosen))


def _manage(options: argparse.Namespace) -> int:
    from stepless.errors import CAError  # noqa: PLC0415  # with the rest of the core

    try:
        match (options.command, options.verb):
            case ("provisioner", "add"):
                text = settings.add_provisioner(options.home, options.file)
            case ("provisioner", "remove"):
                text = settings.remove_provisioner(options.home, options.name)
            case ("policy", "set"):
                text = settings.set_policy(options.home, options.file)
            case ("policy", _):
                text = settings.show_policy(options.home)
            case _:
                text = settings.list_provisioners(options.home)
    except (StartError, CAError, ValueError, OSError) as exc:
        print(f"stepless: {exc}", file=sys.stderr)  # the person at the terminal
        return 1
    print(text)
    return 0
