"""Answers an A/B run of another revision, as ``python -m pytest_tinyquant.cli.serve`` starts it.

What is asked and answered is described in :mod:`pytest_tinyquant.paired.protocol`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.paired.protocol import PROTOCOL
from pytest_tinyquant.paired.protocol import dump_image
from pytest_tinyquant.paired.protocol import load_record
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.system.error_json import dump_error


if TYPE_CHECKING:
    from pytest_tinyquant.paired.sides import WorkingTree
    from pytest_tinyquant.project.project import Project


class Server:
    """The project as this package reads and builds it."""

    def __init__(self, prepare: Callable[[], object] = lambda: None) -> None:
        self._prepare = prepare
        self._project: Project | None = None
        self._side: WorkingTree | None = None

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one request, an error included."""
        requests = {
            "hello": self.hello, "load": self.load, "build": self.build, "evaluate": self.evaluate
        }  # fmt: skip
        try:
            return {"value": requests[request["do"]](request["with"])}
        except Exception as error:
            return {"error": dump_error(error)}

    def hello(self, given: dict[str, Any]) -> dict[str, Any]:
        """Say which protocol this is, and which package answers."""
        return {"protocol": PROTOCOL, "root": str(Path(__file__).resolve().parents[2])}

    def load(self, given: dict[str, Any]) -> dict[str, Any]:
        """Read the project."""
        self._prepare()
        from pytest_tinyquant.paired.sides import WorkingTree
        from pytest_tinyquant.project.project import load_project
        from pytest_tinyquant.project.settings import Settings
        from pytest_tinyquant.stages.pipeline import Stages

        said = given["settings"]
        settings = Settings(
            root=Path(said["root"]),
            models_dir=Path(said["models_dir"]),
            baselines_dir=Path(said["baselines_dir"]),
            extra_models=tuple(map(Path, said["extra_models"])),
            models=tuple(said["models"]),
            target=said["target"],
            cache_dir=Path(said["cache_dir"]) if said["cache_dir"] else None,
        )
        project = load_project(settings, Path(said["work_dir"]), attached=said["attached"])
        self._project, self._side = project, WorkingTree("", Stages(project))
        return {
            "models": list(project.models),
            "boards": list(project.boards),
            "schemes": list(project.schemes),
        }

    def build(self, given: dict[str, Any]) -> dict[str, Any]:
        """Build the image of a combination."""
        project, side = self._loaded()
        model, board = project.models[given["model"]], project.boards[given["board"]]
        return dump_image(side.build(Case(model, project.schemes[given["scheme"]], board)))

    def evaluate(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what a run of the image built last measured."""
        return self._loaded()[1].evaluate(load_record(given["record"])).to_json()

    def _loaded(self) -> tuple[Project, WorkingTree]:
        if self._project is None or self._side is None:
            raise RevisionError("asked before 'load'; it comes first")
        return self._project, self._side


def main(prepare: Callable[[], object] = lambda: None) -> None:
    """Answer requests until standard input ends.

    :param prepare: called before the project is read.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a stage prints must not be taken for an answer
    server = Server(prepare)
    for line in sys.stdin:
        answers.write(json.dumps(server.answer(json.loads(line))) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
