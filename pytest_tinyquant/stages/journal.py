"""The journal of a run that may be interrupted: what was measured need not be measured again.

An entry belongs to exactly one image on exactly one kind of board with the same reference outputs
and limits. After any change of the tree or the configuration that matters, the address of a
combination is another one, and it is measured anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import os
import shutil
import sys
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from filelock import FileLock

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.stages.outcomes import OutcomeStore
from pytest_tinyquant.stages.outcomes import measured
from pytest_tinyquant.system.digests import code_digest
from pytest_tinyquant.system.digests import declared_key
from pytest_tinyquant.system.packages import package_digest


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.firmware.image import FirmwareImage
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.models.labels import Labels
    from pytest_tinyquant.models.task import Task
    from pytest_tinyquant.project.board_types import Board

#: Seconds by which a clock may have been set back since an entry was written.
_CLOCK_STEP: Final = 5.0

MAX_AGE: Final = 24 * 3600.0
"""Seconds for which an outcome may be taken up; later the board may not be what it was."""


class RunJournal:
    """Outcomes of one project's runs, each kept until its run ends.

    Every run writes into a directory of its own and takes up what it finds in those of others.
    While it lives it holds a lock, so that nobody else discards what it may need itself.

    :param directory: the project's own.
    :param run: name of the run, the same in all its processes.
    :param resume: take up what is there; otherwise outcomes are only written.
    """

    def __init__(
        self, directory: Path, run: str, *, resume: bool, max_age: float = MAX_AGE
    ) -> None:
        self._directory = directory
        self._store = OutcomeStore(directory / run)
        self._lock = FileLock(_lock_of(directory / run))
        self._resume = resume
        self._max_age = max_age

    def open(self) -> None:
        """Say that the run lives, for one of its processes; the others end with that one."""
        with _spared():
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)

    def close(self) -> None:
        """Leave what was measured to another run."""
        self._lock.release()

    def recall_or(self, key: str, measure: Callable[[], Measurement]) -> Measurement:
        """Return the outcome of an interrupted run, or that of `measure`, which is kept.

        :raises TinyQuantError: what ``measure`` raised, now or in the interrupted run. Trouble with
            the bench is not kept.
        """
        found = self._recall(key)
        if isinstance(found, TinyQuantError):
            raise found
        if found is not None:
            return found
        return measured(measure, lambda outcome: self._keep(key, outcome))

    def fresh(self) -> int:
        """Return how many outcomes of interrupted runs can be taken up."""
        entries = self._directory.glob("*/*.json")
        return len({entry.name for entry in entries if _age(entry) < self._max_age})

    def discard(self) -> None:
        """Delete the outcomes of this run, which came to its end, and those that they replace.

        What other runs still need, and what they measured beyond this one, stays.
        """
        done = {entry.name for entry in self._store.directory.glob("*.json")}
        shutil.rmtree(self._store.directory, ignore_errors=True)
        self.close()
        for other in {path.with_suffix("") for path in self._directory.glob("*")}:
            with _spared(), FileLock(_lock_of(other)).acquire(timeout=0):
                for entry in other.glob("*.json"):
                    if entry.name in done or _age(entry) >= self._max_age:
                        entry.unlink()
                if not any(other.glob("*")):
                    _lock_of(other).unlink()
                    other.rmdir()

    def _keep(self, key: str, outcome: Measurement | TinyQuantError) -> None:
        with _spared():
            self._store.keep(key, outcome)

    def _recall(self, key: str) -> Measurement | TinyQuantError | None:
        """Return a fresh outcome of this or another run; from now on it is this one's, too."""
        if not self._resume:
            return None
        name = self._store.entry(key).name
        for entry in sorted(self._directory.glob(f"*/{name}"), key=_age):
            age = _age(entry)
            if age >= self._max_age:
                break
            try:
                found = OutcomeStore(entry.parent).find(key)
            except Exception:
                continue  # another version of this package wrote it
            if found is not None:
                if entry.parent != self._store.directory:
                    self._keep(key, found)
                    then = time.time() - age
                    with _spared():
                        os.utime(self._store.entry(key), (then, then))
                return found
        return None


def _spared() -> contextlib.AbstractContextManager[None]:
    """Return the context in which a disk that is full or read-only is no reason to fail.

    Nor are files that another run deletes or holds: a journal that is lost costs time only.
    """
    return contextlib.suppress(OSError)


def _lock_of(run: Path) -> Path:
    """Return the lock of a run, beside its directory."""
    return run.with_name(f"{run.name}.lock")


def _age(entry: Path) -> float:
    """Return the seconds since an entry was written, too many for one that is not there.

    Nor is one to be believed whose date is still to come: its age is anyone's guess.
    """
    try:
        age = time.time() - entry.stat().st_mtime
    except FileNotFoundError:
        return math.inf
    return age if age > -_CLOCK_STEP else math.inf


def journal_directory(root: Path) -> Path:
    """Return the directory of the journal of the project at `root`."""
    import platformdirs

    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:16]
    return Path(platformdirs.user_state_dir("pytest-tinyquant")) / "interrupted" / name


#: What an outcome depends on; tests/attacks/test_keys.py changes each and sees another key.
OUTCOME_INPUTS: Final[Mapping[str, str]] = {
    "what": "the bytes that run, on the host with their samples",
    "board": "all that boards.toml says of it",
    "library": "of the user's TensorFlow Lite Micro on a board",
    "expected": "the reference outputs",
    "labels": "of the check samples",
    "task": "what the model is for",
    "timeout": "seconds a run may take",
    "estimated": "whether cycles are estimated as well",
    "recording": "whether it had to stand beside the interpreter's before it is recorded",
    "code": "this package's code",
    "runner": "contents of the emulator, the simulator or the host's runtime",
    "numpy": "contents of the package that evaluates",
    "python": "the interpreter's version",
}


def outcome_key(
    image: FirmwareImage | HostImage,
    board: Board,
    expected: Sequence[NDArray[Any]],
    timeout: float,
    *,
    labels: Labels | None = None,
    task: Task | None = None,
    estimated: bool = False,
    recording: bool = False,
    runner: str = "",
) -> str:
    """Return the address of what `board` makes of an image.

    :param expected: the outputs that its own are compared with, one array per tensor.
    :param timeout: seconds a run may take.
    :param labels: those of the check samples.
    :param task: what the model is for.
    :param estimated: the outcome holds estimates as well.
    :param recording: the outcome was checked as one that may become a baseline.
    :param runner: digest of the programs that stand in for a board.
    """
    what: Mapping[str, object] = (
        {"tflite": image.tflite, "samples": image.samples, "steps": image.steps}
        if isinstance(image, HostImage)
        else {"image": image.sha256}
    )
    return declared_key(
        OUTCOME_INPUTS,
        {
            "what": what,
            # What the headers of the user's library make is in the image.
            "board": dataclasses.asdict(dataclasses.replace(board, tflm=None, limit=())),
            "library": board.tflm.version if board.tflm else "",
            "expected": [array.tobytes() for array in expected],
            "labels": (labels.kind, labels.values.tobytes()) if labels else "",
            "task": (task.kind or "", task.gate) if task else "",
            "timeout": timeout,
            "estimated": estimated,
            "recording": recording,
            "code": code_digest(),
            "runner": runner,
            "numpy": package_digest("numpy"),
            "python": sys.version,
        },
    )
