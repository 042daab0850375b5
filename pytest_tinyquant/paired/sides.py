"""The two sides of a comparison: each builds its image and evaluates what that did."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Protocol

from pytest_tinyquant import errors
from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.system.lifetime import die_with_parent


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.schemes.scheme import Scheme
    from pytest_tinyquant.stages.pipeline import Stages

_PROGRAM = Path(__file__).with_name("other_package.py")
_LAST_LINES = 8
_ANSWER_LIMIT = 3600.0
"""Seconds after which the process of a revision is taken to hang, and killed."""


@dataclass(frozen=True)
class SideImage:
    """What a board is given to run one side.

    :param sha256: of the bytes that the device gets; on the host, of the model file.
    """

    elf: Path
    image_id: str
    sha256: str


class AbsentError(TinyQuantError):
    """The side has no such model or board."""


class Side(Protocol):
    """One side of a comparison."""

    name: str

    def build(self, model: Model, scheme: Scheme, board: Board) -> SideImage | HostImage:
        """Return the image of a combination.

        :raises AbsentError: the side has no such combination.
        :raises RevisionError: the side cannot be built at all.
        :raises TinyQuantError: the side cannot run that combination.
        """

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""

    def close(self) -> None:
        """Release what the side holds; may be called twice."""


class WorkingTree:
    """The project as it lies there, perhaps with other kernels on every board.

    :param kernels: directory of the kernels to take; None for those of boards.toml.
    """

    def __init__(self, name: str, stages: Stages, kernels: Path | None = None) -> None:
        self.name = name
        self._stages = stages
        self._kernels = kernels
        self._last: dict[str, Any] = {}

    def board(self, board: Board) -> Board:
        """Return the board with this side's kernels."""
        if self._kernels is None or board.target == "host":
            return board
        return dataclasses.replace(board, kernels=str(self._kernels))

    def build(self, model: Model, scheme: Scheme, board: Board) -> SideImage | HostImage:
        """Return the image of a combination."""
        board = self.board(board)
        converted = self._stages.convert(model, scheme)
        graph = self._stages.check(model, converted, board)
        image = self._stages.build_image(model, converted, graph, board)
        self._last = {
            "model": model, "converted": converted, "graph": graph, "board": board, "image": image
        }  # fmt: skip
        if isinstance(image, HostImage):
            return image
        return SideImage(image.elf, image.image_id, image.sha256)

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""
        return self._stages.evaluate(record=record, **self._last)

    def close(self) -> None:
        """Nothing is held."""


def record_to_json(record: RunRecord) -> dict[str, Any]:
    """Return what an evaluation needs of a record, as JSON types; the clock is not looked at."""
    names = (field.name for field in dataclasses.fields(record))
    document = {name: getattr(record, name) for name in names if name != "clock"}
    document["outputs"] = [base64.b64encode(output).decode() for output in record.outputs]
    return document


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

    def build(self, model: Model, scheme: Scheme, board: Board) -> SideImage | HostImage:
        """Return the image of a combination."""
        self._start()
        for what, name in (("models", model.name), ("boards", board.name)):
            if name not in self._contents[what]:
                raise AbsentError(f"{self.name} has no {what[:-1]} {name!r}")
        try:
            built = self._ask("build", model=model.name, scheme=scheme.name, board=board.name)
        except ConfigurationError as error:
            raise RevisionError(f"{self.name} cannot be built: {error}") from error
        if "tflite" in built:
            samples = [base64.b64decode(sample) for sample in built["samples"]]
            return HostImage(Path(built["tflite"]), samples)
        return SideImage(Path(built["elf"]), built["image_id"], built["sha256"])

    def evaluate(self, record: RunRecord) -> Measurement:
        """Return what a run of the image built last measured."""
        measured = self._ask("evaluate", record=record_to_json(record))
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
        with contextlib.ExitStack() as held:
            log = held.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
            self._process = subprocess.Popen(
                [*die_with_parent(), sys.executable, "-P", str(_PROGRAM)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._settings["root"],
                env={**os.environ, "PYTHONPATH": str(self._package_root)},
            )
            self._log = log
            self._held = held.pop_all()
        try:
            self._contents = self._ask(
                "load", settings=self._settings, package_root=str(self._package_root)
            )
        except TinyQuantError as error:
            self.close()
            raise RevisionError(f"{self.name} cannot be used: {error}") from error

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
        if not line:
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
        for name in data["bases"]:
            known = getattr(errors, name, None)
            if isinstance(known, type) and issubclass(known, TinyQuantError):
                error: TinyQuantError = known(data["message"])
                vars(error).update(data["attributes"])
                return error
        return RevisionError(
            f"{self.name}: its pytest_tinyquant cannot {what} as this one asks it to "
            f"({data['class']}: {data['message']}); take a later revision{self._said()}"
        )

    def _said(self) -> str:
        """Return the last lines that the process printed."""
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()[-_LAST_LINES:]
        return "".join(f"\n  {line}" for line in lines)
