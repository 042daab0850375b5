"""The journal of a run that may be interrupted: what was measured need not be measured again.

An entry belongs to exactly one image on exactly one kind of board with the same reference outputs
and limits. After any change of the tree or the configuration that matters, the address of a
combination is another one, and it is measured anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import shutil
import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.outcomes import OutcomeStore


if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pytest_tinyquant.boards.inventory import Board
    from pytest_tinyquant.firmware import FirmwareImage
    from pytest_tinyquant.measure.measurement import Measurement

MAX_AGE: Final = 24 * 3600.0
"""Seconds for which an outcome may be taken up; later the board may not be what it was."""


class RunJournal:
    """Outcomes of one project's runs until one of them ends.

    :param directory: the project's own.
    :param resume: take up what is there; otherwise outcomes are only written.
    """

    def __init__(self, directory: Path, *, resume: bool, max_age: float = MAX_AGE) -> None:
        self._directory = directory
        self._store = OutcomeStore(directory)
        self._resume = resume
        self._max_age = max_age

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
        try:
            measurement = measure()
        except BenchError:
            raise
        except TinyQuantError as error:
            self._keep(key, error)
            raise
        self._keep(key, measurement)
        return measurement

    def _keep(self, key: str, outcome: Measurement | TinyQuantError) -> None:
        # Another run of this project may come to its end and delete the directory meanwhile; what
        # is lost then is measured again.
        with contextlib.suppress(FileNotFoundError):
            self._store.keep(key, outcome)

    def fresh(self) -> int:
        """Return how many outcomes of an interrupted run can be taken up."""
        return sum(self._is_fresh(entry) for entry in self._directory.glob("*.json"))

    def discard(self) -> None:
        """Delete the outcomes: the run came to its end."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def _recall(self, key: str) -> Measurement | TinyQuantError | None:
        if not self._resume or not self._is_fresh(self._store.entry(key)):
            return None
        try:
            return self._store.find(key)
        except (ValueError, LookupError, TypeError, AttributeError):
            return None  # another version of this package wrote it

    def _is_fresh(self, entry: Path) -> bool:
        try:
            return time.time() - entry.stat().st_mtime < self._max_age
        except FileNotFoundError:
            return False


def journal_directory(root: Path) -> Path:
    """Return the directory of the journal of the project at `root`."""
    import platformdirs

    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return Path(platformdirs.user_state_dir("pytest-tinyquant")) / "interrupted" / name


def outcome_key(
    image: FirmwareImage | HostImage,
    board: Board,
    expected: Sequence[NDArray[Any]],
    timeout: float,
    *,
    estimated: bool = False,
) -> str:
    """Return the address of what `board` makes of an image.

    :param expected: the outputs that its own are compared with, one array per tensor.
    :param timeout: seconds a run may take.
    :param estimated: the outcome holds estimates as well.
    """
    what: Mapping[str, object] = (
        {"tflite": image.tflite, "samples": image.samples}
        if isinstance(image, HostImage)
        else {"image": image.sha256}
    )
    return Cache.key(
        {
            "what": what,
            # What the headers of the user's library make is in the image.
            "board": dataclasses.asdict(dataclasses.replace(board, tflm=None)),
            "library": board.tflm.version if board.tflm else "",
            "expected": [array.tobytes() for array in expected],
            "timeout": timeout,
            "estimated": estimated,
            "version": _version(),
        }
    )


def _version() -> str:
    try:
        return importlib.metadata.version("pytest-tinyquant")
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
