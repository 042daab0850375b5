"""A side at a git revision: the package of that revision builds and evaluates it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import AbsentError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.paired.protocol import PROTOCOL
from pytest_tinyquant.paired.protocol import SideImage
from pytest_tinyquant.paired.protocol import dump_record
from pytest_tinyquant.paired.protocol import load_image
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.error_json import load_error
from pytest_tinyquant.system.lifetime import die_with_parent


if TYPE_CHECKING:
    from pytest_tinyquant.boards.device import HostImage
    from pytest_tinyquant.boards.device import RunRecord
    from pytest_tinyquant.project.case import Case

#: Programs that answer the protocol, the better one first: it knows a project's plugins.
_SERVERS: Final = ("pytest_tinyquant.cli.serve", "pytest_tinyquant.paired.serve")
_BEFORE_PROTOCOL: Final = Path(__file__).with_name("before_protocol.py")
_LAST_LINES: Final = 8
_ANSWER_LIMIT: Final = 3600.0
"""Seconds after which the process of a revision is taken to hang, and killed."""


class Revision:
    """The project at a git revision, built in a process of its own.

    :param name: as the user names it.
    :param settings: of the project there; JSON types.
    :param package_root: directory that the pytest_tinyquant to use lies in.
    """

    def __init__(self, name: str, settings: dict[str, Any], package_root: Path) -> None:
        self.name = name
        self._settings = settings
        self._package_root = package_root
        self._process: subprocess.Popen[str] | None = None
        self._held = contextlib.ExitStack()
        self._log: Any = None
        self._contents: dict[str, list[str]] = {}

    def build(self, case: Case) -> SideImage | HostImage:
        """Return the image of a combination."""
        self._start()
        wanted = {"models": case.model.name, "boards": case.board.name, "schemes": case.scheme.name}
        for what, name in wanted.items():
            # Revisions before this one did not list their schemes.
            if what in self._contents and name not in self._contents[what]:
                raise AbsentError(f"{self.name} has no {what[:-1]} {name!r}")
        try:
            built = self._ask(
                "build", model=case.model.name, scheme=case.scheme.name, board=case.board.name
            )
        except ConfigurationError as error:
            raise RevisionError(f"{self.name} cannot be built: {error}") from error
        return load_image(built)

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""
        measured = self._ask("evaluate", record=dump_record(record))
        try:
            return Measurement.from_json(measured)
        except (KeyError, TypeError) as error:
            raise RevisionError(
                f"{self.name}: its pytest_tinyquant measures in another form ({error!r}); take a "
                "later revision"
            ) from error

    def close(self) -> None:
        """End the process; may be called twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
            self._held.close()

    def _start(self) -> None:
        """Start the process and have it read the project, unless that is done."""
        if self._process is not None:
            return
        # What is older than the protocol is driven by the names of its modules.
        server = next(filter(self._has, _SERVERS), "")
        program = ["-m", server] if server else [str(_BEFORE_PROTOCOL)]
        with contextlib.ExitStack() as held:
            log = held.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
            self._process = subprocess.Popen(
                [*die_with_parent(), sys.executable, "-P", *program],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._settings["root"],
                # An earlier revision may hand its environment on to compilers.
                env={
                    **environment.made_for_python(PYTHONPATH=str(self._package_root)),
                    **environment.own_settings(),
                },
            )
            self._log = log
            self._held = held.pop_all()
        try:
            if server:
                self._greet()
                self._contents = self._ask("load", settings=self._settings)
            else:
                root = str(self._package_root)
                self._contents = self._ask("load", settings=self._settings, package_root=root)
        except TinyQuantError as error:
            self.close()
            raise RevisionError(f"{self.name} cannot be used: {error}") from error

    def _has(self, module: str) -> bool:
        """Tell whether the revision's package has a module."""
        return (self._package_root / Path(*module.split(".")).with_suffix(".py")).is_file()

    def _greet(self) -> None:
        """Check that it is the revision's package that answers, in this protocol."""
        hello = self._ask("hello", protocol=PROTOCOL)
        if hello["protocol"] != PROTOCOL:
            raise RevisionError(
                f"its pytest_tinyquant answers in version {hello['protocol']} of the protocol, "
                f"this one asks in {PROTOCOL}; compare it from a checkout of the later one"
            )
        if Path(hello["root"]).resolve() != self._package_root.resolve():
            raise RevisionError(
                f"pytest_tinyquant came from {hello['root']}, not from {self._package_root}; unset "
                "what puts another one first, such as a .pth file"
            )

    def _ask(self, what: str, **arguments: Any) -> Any:
        """Have the process do something.

        :raises RevisionError: it broke down, or failed with an error that is not typed.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # Every stage there has a shorter limit of its own.
        watchdog = threading.Timer(_ANSWER_LIMIT, self._process.kill)
        watchdog.start()
        try:
            self._process.stdin.write(json.dumps({"do": what, "with": arguments}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            watchdog.cancel()
        if not line.endswith("\n"):  # nothing, or the beginning of an answer
            said = self._said()
            self.close()
            raise RevisionError(
                f"{self.name}: the process that builds it ended, or was killed as it gave no "
                f"answer for {_ANSWER_LIMIT:g} s{said}"
            )
        answer = json.loads(line)
        if "error" in answer:
            raise self._error(what, answer["error"])
        return answer["value"]

    def _error(self, what: str, data: dict[str, Any]) -> TinyQuantError:
        """Return the typed error that the other package raised."""
        known = load_error(data)
        if known is not None:
            return known
        return RevisionError(
            f"{self.name}: its pytest_tinyquant cannot {what} as this one asks it to "
            f"({data['class']}: {data['message']}); take a later revision{self._said()}"
        )

    def _said(self) -> str:
        """Return the last lines that the process printed."""
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()[-_LAST_LINES:]
        return "".join(f"\n  {line}" for line in lines)
