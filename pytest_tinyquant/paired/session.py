"""One run's comparison of two sides: what they are, and their measurements."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import AbsentError
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.paired.measure import FirstSideError
from pytest_tinyquant.paired.measure import measure_in_turns
from pytest_tinyquant.paired.revision import Revision
from pytest_tinyquant.paired.sides import Side
from pytest_tinyquant.paired.sides import WorkingTree
from pytest_tinyquant.stages.outcomes import OutcomeStore
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.git import Repository


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement
    from pytest_tinyquant.project.board_types import Board
    from pytest_tinyquant.project.case import Case
    from pytest_tinyquant.project.settings import Settings
    from pytest_tinyquant.stages.pipeline import Stages

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_OPTION = "--tq-ab"


@dataclass(frozen=True)
class SideChoice:
    """What the user named as one side.

    :param text: for messages, such as ``HEAD~1 (1a2b3c4d5e6f)``.
    :param commit: of a revision; empty for the working tree.
    :param kernels: directory of kernels for the working tree.
    """

    text: str
    commit: str = ""
    kernels: Path | None = None


def choose_sides(spec: str, directory: Path) -> tuple[SideChoice, SideChoice]:
    """Return the sides that ``spec`` names: ``A`` against the working tree, or ``A..B``.

    A directory of C sources means the working tree with those kernels, anything else a revision.

    :param directory: what relative directories are relative to.
    :raises RevisionError: a side is neither.
    """
    first, dots, second = spec.partition("..")
    if not first or (dots and not second):
        raise RevisionError(
            f"{_OPTION}: {spec!r} names no sides; give a revision, or A..B where each is a "
            "revision or a directory of kernels"
        )
    return _side(first, directory), _side(second, directory) if dots else _tree(directory)


def _side(text: str, directory: Path) -> SideChoice:
    kernels = directory / text
    if os.path.isdir(kernels):
        if not any(kernels.glob("*.[cS]")):
            raise RevisionError(f"{_OPTION}: {kernels} is a directory without C sources (.c, .S)")
        return SideChoice(f"kernels {text}", kernels=kernels.resolve())
    commit = Repository.around(directory).commit(text)
    return SideChoice(f"{text} ({commit[:12]})", commit=commit)


def _tree(directory: Path) -> SideChoice:
    """Return the working tree, and in words how it differs from HEAD."""
    repository = Repository.around(directory)
    # A kernel or a boards.toml that is not added yet is in use all the same.
    changed = repository.changes(untracked=True)
    state = f"{changed} file{'s' if changed > 1 else ''} changed" if changed else "clean"
    return SideChoice(f"working tree ({repository.commit('HEAD')[:12]}, {state})")


class PairedRun:
    """The two sides of a run, in one of its processes.

    :param choices: the sides; the second is the one that is judged.
    :param work_dir: shared by the processes of the run.
    """

    def __init__(
        self,
        choices: tuple[SideChoice, SideChoice],
        stages: Stages,
        settings: Settings,
        work_dir: Path,
    ) -> None:
        self.choices = choices
        self._stages = stages
        self._settings = settings
        self._work_dir = work_dir
        self._first = OutcomeStore(work_dir / "paired")
        self._sides: tuple[Side, Side] | None = None

    @property
    def description(self) -> str:
        """The two sides in a line for the report header."""
        return f"A/B: A = {self.choices[0].text}, B = {self.choices[1].text}"

    def measure(self, case: Case) -> Measurement:
        """Measure a case on both sides in turns; return what the second measured.

        Only what the first side says it lacks makes the second's numbers new: a model, a board, a
        scheme, or a kernel for an operator. Whatever else keeps it from a number is an error, for
        nothing was compared.

        :raises BenchError: a side cannot be built, the first cannot be measured, or the second
            lacks what is to be judged.
        :raises TinyQuantError: the second side cannot run the combination.
        """
        a, b = self._opened()
        try:
            image_b = b.build(case)
        except AbsentError as error:
            raise RevisionError(f"{error}, so there is nothing to judge; deselect it") from error
        board, key = case.board, _key(case.name, case.board.target)
        try:
            image_a = a.build(case)
        except (AbsentError, UnsupportedModelError) as lacking:
            self._first.keep(key, lacking)
            return self._alone(b, board, image_b)
        except BenchError:
            raise
        except TinyQuantError as error:
            raise _incomparable(a.name, error) from error
        try:
            with self._stages.device(board, name=key) as device:
                record_a, record_b = measure_in_turns(device, (image_a, image_b))
        except FirstSideError as error:
            raise _incomparable(a.name, error.cause) from error
        judged = b.evaluate(record_b)
        try:
            self._first.keep(key, a.evaluate(record_a))
        except BenchError:
            raise
        except TinyQuantError as error:
            raise _incomparable(a.name, error) from error
        return judged

    def first(self, measurement: Measurement) -> Measurement | TinyQuantError:
        """Return what the first side measured, or why it could not.

        :raises BenchError: ``measurement`` was not taken here.
        """
        found = self._first.find(_key(measurement.combination, measurement.target))
        if found is None:
            raise BenchError(
                f"{measurement.combination}: another plugin measured this, so that {_OPTION} has "
                "nothing to compare it with; disable that plugin (-p no:NAME)"
            )
        return found

    def board(self, board: Board) -> Board:
        """Return the board as the second side builds for it."""
        side = self._opened()[1]
        return side.board(board) if isinstance(side, WorkingTree) else board

    def close(self) -> None:
        """End the processes of the sides."""
        for side in self._sides or ():
            side.close()
        self._sides = None

    def _opened(self) -> tuple[Side, Side]:
        if self._sides is None:
            first, second = self.choices
            self._sides = self._open(first), self._open(second)
        return self._sides

    def _open(self, choice: SideChoice) -> Side:
        if not choice.commit:
            return WorkingTree(choice.text, self._stages, choice.kernels)
        repository = Repository.around(self._settings.root)
        copy = self._stages.cache.entry(
            "revision",
            Cache.key("revision", choice.commit),
            lambda directory: repository.copy(choice.commit, directory),
        )
        package_root = _moved(_PACKAGE_ROOT, repository.root, copy)
        settings = _settings_at(self._settings, repository, copy)
        settings["work_dir"] = str(self._work_dir / choice.commit)
        settings["attached"] = sorted(self._stages.project.attached)
        return Revision(choice.text, settings, package_root)

    def _alone(self, side: Side, board: Board, image: Any) -> Measurement:
        with self._stages.device(board, name=f"B {board.name}") as device:
            device.flash(image)
            return side.evaluate(device.run())


def _incomparable(name: str, error: TinyQuantError) -> RevisionError:
    """Return the error of a combination that the first side has, and does not measure."""
    return RevisionError(
        f"{name} has this combination and cannot measure it, so there is nothing to compare with: "
        f"{type(error).__name__}: {error}"
    )


def _key(combination: str, target: str) -> str:
    return f"{combination} {target}"


def _moved(path: Path, root: Path, copy: Path) -> Path:
    """Return where ``path`` is in a copy of the repository; outside of it, where it is."""
    path = path.resolve()
    return copy / path.relative_to(root.resolve()) if path.is_relative_to(root.resolve()) else path


def _settings_at(settings: Settings, repository: Repository, copy: Path) -> dict[str, Any]:
    """Return the settings of the project in a copy of its repository, as JSON types."""

    def moved(path: Path) -> str:
        return str(_moved(path, repository.root, copy))

    from pytest_tinyquant.models.formats import is_model_path

    return {
        "root": moved(settings.root),
        "models_dir": moved(settings.models_dir),
        "baselines_dir": moved(settings.baselines_dir),
        "extra_models": [moved(path) for path in settings.extra_models],
        "models": [
            file
            for file in (moved(Path(m).absolute()) for m in settings.models if is_model_path(m))
            if Path(file).exists()
        ],
        "target": settings.target,
        "cache_dir": str(settings.cache_dir) if settings.cache_dir else "",
    }
