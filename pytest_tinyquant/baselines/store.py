"""Baselines as files: one per combination of model, scheme, board and target."""

from __future__ import annotations

from pathlib import Path
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.errors import BaselineError
from pytest_tinyquant.system.atomic import write_text
from pytest_tinyquant.system.regular_file import read_text


if TYPE_CHECKING:
    from pytest_tinyquant.measure.measurement import Measurement


class BaselineStore:
    """The baseline files under one directory, normally ``baselines/`` of the project."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, model: str, scheme: str, board: str, target: str) -> Path:
        """Return the file of one combination; a model's name may hold slashes.

        :raises BaselineError: if a name would lead out of the directory.
        """
        relative = PurePosixPath(board, target, f"{model}-{scheme}.json")
        if relative.is_absolute() or ".." in relative.parts or "\\" in str(relative):
            raise BaselineError(
                f"no baseline can be kept for model '{model}', scheme '{scheme}', board "
                f"'{board}': the name is not a plain path below {self.directory}; rename it"
            )
        return self.directory / relative

    def path_of(self, measurement: Measurement) -> Path:
        """Return the file that ``measurement`` is compared with."""
        return self.path(
            measurement.model, measurement.scheme, measurement.board, measurement.target
        )

    def read_text(self, path: Path) -> str | None:
        """Return the file's text, or None if there is none.

        :raises BaselineError: if it exists and cannot be read.
        """
        try:
            return read_text(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise BaselineError(
                f"baseline {path} cannot be read ({error}). Restore the file from git, or record "
                "it anew with --tq-update-baselines=all"
            ) from error

    def parse(self, text: str, path: Path) -> Measurement:
        """Return the baseline in ``text``, which must be the one that belongs at ``path``.

        :raises BaselineError: if it is malformed or belongs to another combination.
        """
        baseline = schema.parse(text, path)
        if self.path_of(baseline) != path:
            raise BaselineError(
                f"baseline {path} is of another combination: it says model '{baseline.model}', "
                f"scheme '{baseline.scheme}', board '{baseline.board}', target "
                f"'{baseline.target}'. Restore the file from git, or record it anew with "
                "--tq-update-baselines=all"
            )
        return baseline

    def write(self, measurement: Measurement, *, staging: Path | None = None) -> Path:
        """Replace the combination's file by ``measurement``; return its path.

        :param staging: directory for the temporary file, on the same filesystem; None for the
            baseline's own.
        :raises BaselineError: if the file cannot be written.
        """
        path = self.path_of(measurement)
        try:
            write_text(path, schema.dump(measurement), staging=staging)
        except OSError as error:
            raise BaselineError(
                f"baseline {path} cannot be written ({error}); make {self.directory} writable"
            ) from error
        return path
