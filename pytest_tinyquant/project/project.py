"""What a repository offers for experiments: models, boards, known gaps and baselines."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import located
from pytest_tinyquant.models.formats import is_model_path
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.bench import load_bench
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import aim
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.known_issues import FILE_NAME as KNOWN_ISSUES_FILE
from pytest_tinyquant.project.known_issues import KnownIssue
from pytest_tinyquant.project.known_issues import load_known_issues
from pytest_tinyquant.support.runtimes import RUNTIMES
from pytest_tinyquant.system.toml_table import closest


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.limits import Limit
    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.project.settings import Settings
    from pytest_tinyquant.schemes.scheme import Scheme

BOARDS_FILE = "boards.toml"

#: Returns those of the boards given that are attached now.
LookForBoards = Callable[[Iterable[PhysicalBoard]], Iterable[PhysicalBoard]]


@dataclass(frozen=True)
class Project:
    """A repository's experiments as one run sees them; all files are read and checked.

    :param models: by name, in the order of test ids; likewise `schemes` and `boards`.
    :param bench: the boards that can be touched.
    :param attached: names of those of them that were looked for and found when the run started.
    :param cache_root: None for the user's cache directory.
    :param tolerance: the project's tolerances by metric.
    :param limits: what every model's metrics may be at most.
    :param work_dir: scratch directory of this run, shared by its processes; may not exist yet.
    """

    root: Path
    models_dir: Path
    baselines_dir: Path
    boards: Mapping[str, Board]
    bench: tuple[PhysicalBoard, ...]
    attached: frozenset[str]
    models: Mapping[str, Model]
    schemes: Mapping[str, Scheme]
    known_issues: tuple[KnownIssue, ...]
    cache_root: Path | None
    tolerance: Mapping[str, Any]
    limits: tuple[Limit, ...]
    work_dir: Path


def load_project(
    settings: Settings,
    work_dir: Path,
    *,
    attached: Collection[str] | None = None,
    look: LookForBoards | None = None,
) -> Project:
    """Read the project's files.

    :param attached: names of the attached boards as another process of the run found them.
    :param look: finds out which boards are attached; called if `attached` is None and it matters.
    :raises ConfigurationError: for the first file that says something impossible.
    """
    from pytest_tinyquant.models.discovery import discover_models
    from pytest_tinyquant.schemes.scheme import FILE_NAME as SCHEMES_FILE
    from pytest_tinyquant.schemes.scheme import load_schemes

    schemes = load_schemes(*settings.scheme_files, settings.root / SCHEMES_FILE)
    models = dict(discover_models(settings.models_dir, settings.extra_models))
    for pattern in settings.models:
        if is_model_path(pattern):
            model = _model_from_path(pattern, models)
            models[model.name] = model
    for model in models.values():
        _check_schemes(model, schemes)
    _check_models(schemes, models, settings.root / SCHEMES_FILE)
    board_files = (*settings.board_files, settings.root / BOARDS_FILE, user_boards_file())
    boards = load_boards(board_files)
    bench = load_bench(board_files, boards)
    present = _attached(settings, bench, look) if attached is None else frozenset(attached)
    types = {physical.type for physical in bench if physical.name in present}
    boards = {name: aim(board, settings.target, attached=types) for name, board in boards.items()}
    _check_limits([*boards.values(), *models.values()], boards)
    return Project(
        root=settings.root,
        models_dir=settings.models_dir,
        baselines_dir=settings.baselines_dir,
        boards=boards,
        bench=bench,
        attached=present,
        models=models,
        schemes=schemes,
        known_issues=_known_issues(settings, models, schemes, boards),
        cache_root=settings.cache_dir,
        tolerance=_tolerance(settings),
        limits=_limits(settings),
        work_dir=work_dir,
    )


def _known_issues(
    settings: Settings, models: Iterable[str], schemes: Iterable[str], boards: Iterable[str]
) -> tuple[KnownIssue, ...]:
    """Return the known gaps of every directory of models; they may name what there is."""
    known = {
        "models": tuple(models),
        "schemes": tuple(schemes),
        "boards": tuple(boards),
        "runtimes": tuple(RUNTIMES),
    }
    return tuple(
        issue
        for directory in (settings.models_dir, *settings.extra_models)
        for issue in load_known_issues(directory / KNOWN_ISSUES_FILE, known)
    )


def _check_schemes(model: Model, known: Collection[str]) -> None:
    """Refuse a model whose file names a scheme that there is not."""
    for name in model.schemes or ():
        if name not in known:
            raise ConfigurationError(
                f"{model.schemes_from}: schemes entry {name!r} is not known (closest: "
                f"{closest(name, known)!r}); choose from {', '.join(known)}"
            )


def _check_models(schemes: Mapping[str, Scheme], models: Collection[str], file: Path) -> None:
    """Refuse a scheme for models that there are not, lest a misspelt pattern test nothing."""
    for scheme in schemes.values():
        for pattern in scheme.models:
            if models and not any(fnmatchcase(name, pattern) for name in models):
                raise ConfigurationError(
                    f"{file}: [scheme.{scheme.name}]: models pattern {pattern!r} matches none of "
                    f"this project's models (closest: {closest(pattern, models)!r}); correct it"
                )


def _check_limits(limited: Iterable[Board | Model], boards: Mapping[str, Board]) -> None:
    """Refuse a limit on a board that there is not, or on a metric that it lacks."""
    for one in limited:
        for limit in one.limit if isinstance(one, Board) else one.limits:
            board = boards.get(limit.board)
            if board is None and limit.board:
                raise ConfigurationError(
                    f"{limit.where}: there is no board {limit.board!r} (closest: "
                    f"{closest(limit.board, boards)!r}); choose from {', '.join(boards)}"
                )
            if board is not None and limit.metric not in board.metrics:
                raise ConfigurationError(
                    f"{limit.where}: {board.name} has no metric {limit.metric}; it has "
                    f"{', '.join(board.metrics)}"
                )


def user_boards_file() -> Path:
    """Return the path of the boards.toml that says what is on this bench."""
    configuration = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(configuration) / "pytest-tinyquant" / BOARDS_FILE


def _attached(
    settings: Settings, bench: Iterable[PhysicalBoard], look: LookForBoards | None
) -> frozenset[str]:
    """Return the names of the attached boards, if they decide where a selected board runs."""
    wanted = [
        physical for physical in bench if not settings.boards or physical.type in settings.boards
    ]
    if settings.target != "auto" or not wanted or look is None:
        return frozenset()
    return frozenset(physical.name for physical in look(wanted))


def _model_from_path(pattern: str, models: Mapping[str, Model]) -> Model:
    """Return the model at a path, which may be one that the project has already."""
    from pytest_tinyquant.models.discovery import load_model

    path = Path(pattern).absolute()
    if not path.exists():
        raise ConfigurationError(
            f"--model: {path} does not exist; give the path of a model file or a model's name"
        )
    for model in models.values():
        if model.path.resolve() == path.resolve():
            return model
    model = load_model(path)
    other = models.get(model.name)
    if other is not None:
        raise ConfigurationError(
            f"--model: {path} and {other.path} would both be called {model.name!r}; "
            "rename one of them"
        )
    return model


def _limits(settings: Settings) -> tuple[Limit, ...]:
    if not settings.limits:
        return ()
    from pytest_tinyquant.metrics.limits import parse_limit_lines

    return parse_limit_lines(settings.limits, source="tinyquant_limit")


def _tolerance(settings: Settings) -> dict[str, Any]:
    """Return the tolerances of ini file and command line; the command line wins."""
    if not (settings.tolerance or settings.ini_tolerance):
        return {}
    from pytest_tinyquant.metrics.tolerances import parse_ini

    with located("tinyquant_tolerance"):
        of_file = parse_ini(settings.ini_tolerance)
    with located("--tq-tolerance"):
        return {**of_file, **parse_ini(settings.tolerance)}
