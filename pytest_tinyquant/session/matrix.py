"""The matrix of model, scheme and board: which combinations a run and each of its tests cover."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.metrics.registry import METRICS
from pytest_tinyquant.models.formats import is_model_path
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.selection import choose
from pytest_tinyquant.schemes.scheme import Scheme


if TYPE_CHECKING:
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.project import Project
    from pytest_tinyquant.project.settings import Settings

#: Models that a line of the header names at most.
_MOST_NAMED: Final = 5

AXES: Final = ("model", "scheme", "board")

#: Stands for the scheme of a model file that cannot be read; the test reports why.
UNREADABLE: Final = Scheme(
    name="unreadable",
    description="the model's file is corrupt",
)


@dataclass(frozen=True)
class Narrowing:
    """What one ``@pytest.mark.tinyquant(...)`` says; None where it says nothing.

    :param metrics: what the test judges; empty for nothing, whatever the test's name says.
    """

    models: tuple[str, ...] | None = None
    schemes: tuple[str, ...] | None = None
    boards: tuple[str, ...] | None = None
    metrics: tuple[str, ...] | None = None
    tolerance: Mapping[str, Any] | None = None
    limit: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, args: tuple[object, ...], kwargs: Mapping[str, Any], *, where: str) -> Narrowing:
        """Return what a marker with these arguments says.

        :raises ConfigurationError: for arguments that the marker does not take.
        """
        if args:
            raise ConfigurationError(
                f"{where}: marker tinyquant: takes keyword arguments only: models=, schemes=, "
                "boards=, metrics=, tolerance=, limit="
            )
        known = tuple(cls.__dataclass_fields__)
        choose(kwargs, known, what="argument", where=f"{where}: marker tinyquant")
        values: dict[str, Any] = {
            key: _names(value) for key, value in kwargs.items() if key not in ("tolerance", "limit")
        }
        if values.get("metrics"):
            choose(values["metrics"], METRICS, what="metric", where=f"{where}: marker tinyquant")
        return cls(**values, tolerance=kwargs.get("tolerance"), limit=kwargs.get("limit"))


def select(project: Project, settings: Settings) -> tuple[Case, ...]:
    """Return the combinations that the user asked for, by model, then scheme, then board.

    Without names, boards that run on request only are left out.

    :raises ConfigurationError: for an unknown name.
    """
    patterns = [_model_name(pattern, project) for pattern in settings.models]
    models = choose(patterns, project.models, what="model", where="--model", globs=True)
    schemes = choose(settings.schemes, project.schemes, what="scheme", where="--scheme")
    usual = [name for name, board in project.boards.items() if not board.on_request]
    boards = choose(settings.boards or usual, project.boards, what="board", where="--board")
    found = tuple(
        Case(project.models[model], scheme, project.boards[board])
        for model in models
        for scheme in _schemes_of(project.models[model], schemes, project)
        for board in boards
    )
    _check_all_there(patterns, found, schemes)
    for _ in project_axes(found, AXES):
        pass  # it refuses equal ids
    return found


def _check_all_there(
    patterns: Iterable[str], found: Iterable[Case], schemes: Iterable[str]
) -> None:
    """Refuse a run that would leave out, beside others, a model that was asked for by its name."""
    there = {combination.model.name.lower() for combination in found}
    for pattern in patterns:
        is_glob = any(character in pattern for character in "*?[")
        if there and not is_glob and pattern.lower() not in there:
            raise ConfigurationError(
                f"--model: {pattern!r} has none of the schemes {', '.join(schemes)}, so nothing of "
                "it would be tested; leave it out, or name a scheme that it has"
            )


def narrow(
    combinations: Iterable[Case],
    narrowings: Iterable[Narrowing],
    project: Project,
    *,
    where: str,
) -> tuple[Case, ...]:
    """Return the combinations that every one of a test's markers lets pass.

    :raises ConfigurationError: for a name in a marker that the project does not have.
    """
    where = f"{where}: marker tinyquant"
    for narrowing in narrowings:
        models = choose(
            narrowing.models or (), project.models, what="model", where=where, globs=True
        )
        schemes = choose(narrowing.schemes or (), project.schemes, what="scheme", where=where)
        boards = choose(narrowing.boards or (), project.boards, what="board", where=where)
        combinations = [
            combination
            for combination in combinations
            if combination.model.name in models
            and (narrowing.schemes is None or combination.scheme.name in schemes)
            and combination.board.name in boards
        ]
    return tuple(combinations)


def metrics_of(test_name: str, narrowings: Iterable[Narrowing]) -> tuple[str, ...]:
    """Return what a test judges: by its marker, or else by its name's last word.

    ``test_latency`` and ``test_small_latency`` judge latency; ``test_latency_sums`` nothing.
    """
    for narrowing in narrowings:
        if narrowing.metrics is not None:
            return narrowing.metrics
    metric = METRICS.judged_by(test_name)
    return (metric,) if metric is not None else ()


def project_axes(
    combinations: Iterable[Case], axes: Iterable[str]
) -> Iterator[tuple[Case, tuple[Any, ...], str]]:
    """Yield each distinct value of `axes` with its id and the first combination that has it.

    :raises ConfigurationError: different values have the same id: one of them would not be tested.
    """
    axes = [axis for axis in AXES if axis in set(axes)]
    seen: dict[str, tuple[str, ...]] = {}
    for combination in combinations:
        values = tuple(getattr(combination, axis) for axis in axes)
        names = tuple(value.name for value in values)
        name = "-".join(names).lower()
        if name not in seen:
            seen[name] = names
            yield combination, values, name
        elif seen[name] != names:
            raise _equal_ids(name, axes, seen[name], names)


def _equal_ids(
    name: str, axes: Sequence[str], first: Sequence[str], second: Sequence[str]
) -> ConfigurationError:
    """Return the error for two sets of names that give the same test id."""

    def words(names: Sequence[str]) -> str:
        return ", ".join(f"{axis} {value!r}" for axis, value in zip(axes, names, strict=True))

    return ConfigurationError(
        f"the test id {name!r} would be that of {words(first)} and of {words(second)}; rename one, "
        "or only one of them would be tested"
    )


def summary(combinations: tuple[Case, ...], project: Project) -> str:
    """Return the selection in one line, with how each of its boards is reached."""
    if not combinations:
        return f"tinyquant: nothing selected of the {len(project.models)} models"
    counts = [
        _count(len({getattr(combination, axis).name for combination in combinations}), axis)
        for axis in AXES
    ]
    boards = dict.fromkeys(combination.board for combination in combinations)
    reached = "; ".join(f"{board.name}: {_reached(board, project)}" for board in boards)
    total = _count(len(combinations), "combination")
    return f"tinyquant: {' x '.join(counts)} = {total}; {reached}"


def compilers(combinations: tuple[Case, ...]) -> list[str]:
    """Return a line for each compiler that the selected boards need, with where it is."""
    from pytest_tinyquant.firmware.toolchain import compiler_text

    boards = dict.fromkeys(combination.board for combination in combinations)
    needed = {(board.kind, board.toolchain): board.name for board in boards if board.runs_firmware}
    return [
        f"tinyquant: firmware for {name}: {compiler_text(*key)}" for key, name in needed.items()
    ]


def drawn_data(combinations: Iterable[Case]) -> list[str]:
    """Return a line that names the models whose samples are drawn at random, if there are any."""
    models = dict.fromkeys(c.model.name for c in combinations if c.model.has_drawn_data)
    if not models:
        return []
    named = ", ".join([*models][:_MOST_NAMED])
    more = f" and {len(models) - _MOST_NAMED} more" if len(models) > _MOST_NAMED else ""
    return [
        f"tinyquant: samples drawn at random for {named}{more}: errors compare revisions and "
        "schemes, but say nothing of how good a model is; give it data of its own"
    ]


def passed_over_metadata(combinations: Iterable[Case]) -> list[str]:
    """Return a line for each model whose metadata cannot be read; it runs all the same."""
    from pytest_tinyquant.models.tflite_file import metadata_of_tflite

    models = dict.fromkeys(c.model for c in combinations if c.model.kind == "tflite")
    lines = []
    for model in models:
        # What is wrong with the model itself is the outcome of its tests.
        with contextlib.suppress(ModelError):
            if problem := metadata_of_tflite(model.path).problem:
                lines.append(f"tinyquant: {model.name}: {problem}")
    return lines


def _reached(board: Board, project: Project) -> str:
    """Return how a board is reached, for a real one by which of the bench."""
    if not board.target.is_real:
        return board.reached_by
    names = [physical.name for physical in project.bench if physical.type == board.name]
    if project.attached:
        names = [name for name in names if name in project.attached]
    return f"{board.reached_by} ({', '.join(names) or 'none on this bench'})"


def _count(number: int, noun: str) -> str:
    """Return such as ``1 model`` or ``7 models``."""
    return f"{number} {noun}{'s' if number != 1 else ''}"


def _model_name(pattern: str, project: Project) -> str:
    """Return the name of the model at a path, and any other pattern as it is."""
    if not is_model_path(pattern):
        return pattern
    from pathlib import Path

    path = Path(pattern).resolve()
    return next(name for name, model in project.models.items() if model.path.resolve() == path)


def _schemes_of(model: Model, schemes: Iterable[str], project: Project) -> Iterator[Scheme]:
    """Yield the chosen schemes that apply to `model`: for a converted file, the one it has."""
    applicable = model.schemes
    if model.kind == "tflite":
        from pytest_tinyquant.models.tflite_file import scheme_of_tflite

        try:
            applicable = (scheme_of_tflite(model.path),)
        except ModelError:
            yield UNREADABLE
            return
    if model.kind == "onnx":
        from pytest_tinyquant.models.onnx_file import is_quantized

        if is_quantized(model.path):
            applicable = ("int8",)  # as it is, with its own parameters and float input and output
    for name in schemes:
        scheme = project.schemes[name]
        if (applicable is None or name in applicable) and scheme.is_for(model.name):
            yield scheme


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    """Return names given as one comma list or as several."""
    values = [value] if isinstance(value, str) else value
    return tuple(name.strip() for item in values for name in item.split(",") if name.strip())
