"""Runs a program in a pseudo-terminal and types answers at its prompts, as a person does."""

import os
import pty
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TIMEOUT_SECONDS = 30.0


def converse(
    command: Sequence[str],
    answers: Sequence[tuple[str, str]],
    *,
    cwd: Path,
    env: Mapping[str, str],
) -> str:
    """Return everything shown; each answer is typed once its prompt has appeared.

    Fails when the program does not end with exit code 0 in time.
    """
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        screen = _type_answers(ours, list(answers))
        assert process.wait(TIMEOUT_SECONDS) == 0, screen
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return screen


def _type_answers(terminal: int, waiting: list[tuple[str, str]]) -> str:
    screen, seen_until = "", 0
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            shown = os.read(terminal, 65536)
        except OSError:  # the program closed its end
            break
        screen += shown.decode(errors="replace")
        if waiting and waiting[0][0] in screen[seen_until:]:
            seen_until = len(screen)
            os.write(terminal, waiting.pop(0)[1].encode())
    assert not waiting, f"never asked {waiting[0][0]!r}\n{screen}"
    return screen
