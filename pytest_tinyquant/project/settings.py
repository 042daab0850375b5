"""What a run or a command was told: the settings that every stage may ask for."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import Final
from typing import Literal
from typing import NamedTuple


if TYPE_CHECKING:
    from pytest_tinyquant.project.target import TargetChoice
    from pytest_tinyquant.system.database_url import DatabaseUrl

CreepAction = Literal["fail", "warn"]
UpdateChoice = Literal["none", "new", "all"]
MissingChoice = Literal["fail", "record", "skip"]

EXTRA_MODELS_VARIABLE = "TINYQUANT_EXTRA_MODELS"

DEFAULT_DIRECTORIES: Final = {"models_dir": "models", "baselines_dir": "baselines"}
"""Where models and baselines are below a project's root if nothing else is said."""


class Settings(NamedTuple):
    """What the command line, the ini file and the environment say, unchecked.

    A named tuple with types that are no text: every run of pytest imports this module, whatever it
    tests. A dataclass of so many fields takes longer than all the rest of that import, and so does
    reading each type from a text, which all would be with ``from __future__ import annotations``.

    :param models: model patterns and paths; empty for all, likewise `schemes` and `boards`.
    :param tolerance: ``METRIC:SLACK`` texts of the command line; they win over `ini_tolerance`.
    :param limits: ``METRIC:LIMIT`` texts.
    :param extra_models: directories of models beside `models_dir`.
    :param board_files: boards.toml files that plugins bring; the project's own comes after them,
        and likewise of the schemes.toml files in `scheme_files`.
    :param explicit: the user named this plugin's options or ini keys, so errors in the project's
        files are to be reported even if no test uses them.
    """

    root: Path
    models_dir: Path
    baselines_dir: Path
    extra_models: tuple[Path, ...] = ()
    board_files: tuple[Path, ...] = ()
    scheme_files: tuple[Path, ...] = ()
    models: tuple[str, ...] = ()
    schemes: tuple[str, ...] = ()
    boards: tuple[str, ...] = ()
    target: "TargetChoice" = "auto"
    update: UpdateChoice = "none"
    missing: MissingChoice = "fail"
    tolerance: tuple[str, ...] = ()
    ini_tolerance: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    timeout: float = 600.0
    lease_timeout: float = 900.0
    set_aside_after: int = 3
    resume: bool = False
    canary: str = ""
    estimate_cycles: bool = False
    cache_dir: Path | None = None
    json_path: Path | None = None
    ab: str = ""
    history: "Path | DatabaseUrl | None" = None
    creep_since: str = ""
    creep_limit: tuple[str, ...] = ()
    creep_action: CreepAction = "fail"
    html_path: Path | None = None
    markdown_path: Path | None = None
    github_summary: bool = False
    progress_interval: float = 30.0
    explicit: bool = False

    @classmethod
    def default(cls, name: str) -> Any:
        """Return what counts for a field where nobody says anything; paths are below the root."""
        if name in DEFAULT_DIRECTORIES:
            return DEFAULT_DIRECTORIES[name]
        return cls._field_defaults[name]

    @property
    def records(self) -> bool:
        """Tell whether the run may write baselines."""
        return self.update != "none" or self.missing == "record"

    @property
    def wants_files(self) -> bool:
        """Tell whether the run is to leave a report in any file."""
        paths = (self.json_path, self.html_path, self.markdown_path)
        return self.github_summary or any(path is not None for path in paths)


def split_names(values: Iterable[str]) -> tuple[str, ...]:
    """Return the names in `values`, each of which may be a comma list, once and in order."""
    names = (name.strip() for value in values for name in value.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def extra_models(variable: str) -> tuple[Path, ...]:
    """Return the directories that the environment variable lists."""
    return tuple(Path(part).absolute() for part in variable.split(os.pathsep) if part)
