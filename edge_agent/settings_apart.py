"""The settings, read and checked by a process of its own that ends when it has answered.

Checking takes some ten megabytes of libraries that a gateway needs for a second and would then hold for
months. The process is a fork: it has the same file, environment and rights, nothing goes through a command
line, and it answers on a pipe that no other process has.
"""

from __future__ import annotations

import os
import pickle
import select
import signal
import sys
import time
from pathlib import Path
from typing import NoReturn

from edge_agent.settings import AgentSettings
from osh_domain.settings_report import SettingsError, SettingsMistake

PATIENCE_S = 60.0
CHUNK_BYTES = 65_536
ROOM = (
    "When memory is short the system does so (`journalctl -k` tells); make room, then start the agent again."
)


class UncheckedError(Exception):
    """Whoever checks gave no answer, so nothing is known of the settings; trying again may help."""


def load_apart(path: Path | None, patience_s: float = PATIENCE_S) -> AgentSettings:
    """What `settings_file.load` makes of the file and the environment. Before any thread is started.

    Raises SettingsError with every mistake, UncheckedError when there is no answer within `patience_s`.
    """
    # Where whoever starts the agent has it ignored, nobody would learn how the child ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listening, answering = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        raise UncheckedError(
            _sentence(path, f"no process could be made ({error.strerror}). {ROOM}")
        ) from error
    if child == 0:
        os.close(listening)
        _answer(path, answering, patience_s)
    said = None
    try:
        os.close(answering)
        said = _everything(listening, time.monotonic() + patience_s)
    finally:
        os.close(listening)
        if said is None:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if said is None or code != 0:
        raise UncheckedError(_sentence(path, _silent(patience_s) if said is None else _ended(code)))
    answer: AgentSettings | tuple[SettingsMistake, ...] = pickle.loads(said)  # noqa: S301 - our own fork's
    if isinstance(answer, tuple):
        raise SettingsError(answer)
    return answer


def _answer(path: Path | None, pipe: int, patience_s: float) -> NoReturn:
    """In the child, which must end here whatever happens: it is a copy of an agent."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, patience_s + 1.0)  # nobody may be left who could end it
        with os.fdopen(pipe, "wb") as answering:
            pickle.dump(_checked(path), answering)
        code = 0
    except BaseException:  # noqa: BLE001 - told in full by the hook, and by the code to the parent
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(code)


def _checked(path: Path | None) -> AgentSettings | tuple[SettingsMistake, ...]:
    from edge_agent.settings_file import load  # pydantic, which the parent must not have

    try:
        return load(path)
    except SettingsError as error:
        return error.mistakes


def _everything(pipe: int, deadline: float) -> bytes | None:
    """All that is written until the other end is closed; None when that does not happen in time."""
    said = bytearray()
    while select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))[0]:
        chunk = os.read(pipe, CHUNK_BYTES)
        if not chunk:
            return bytes(said)
        said += chunk
    return None


def _sentence(path: Path | None, why: str) -> str:
    return f"the settings{'' if path is None else f' in {path}'} were not checked: {why}"


def _silent(patience_s: float) -> str:
    return (
        f"no answer within {patience_s:g} s. See that the file can be read and that no driver's package"
        " waits for a device when it is loaded, then start the agent again."
    )


def _ended(code: int) -> str:
    if code < 0:
        return f"signal {-code} ended the process that does it. {ROOM}"
    return (
        "the process that does it failed; what it said stands above. Mend or remove the driver's package"
        " it names, or report it when it names none."
    )
