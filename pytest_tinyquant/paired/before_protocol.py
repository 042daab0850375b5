"""Drives a revision's pytest_tinyquant that is older than the protocol; a program of its own.

It is started by its path, with that revision first on the module path, and answers as
``protocol.py`` says, as far as it did before there was one. Nothing of the package around this file
is imported: the other revision's modules have these very names.
"""

from __future__ import annotations

import base64
import dataclasses
import importlib
import inspect
import json
import os
import sys
from pathlib import Path
from typing import Any


def _find(name: str, *modules: str) -> Any:
    """Return `name` from the first of `modules` that the other revision has, newest first.

    They are looked for as files: an import of one that it lacks may find that of another copy,
    through the finder of an editable installation.
    """
    import pytest_tinyquant

    root = Path(str(pytest_tinyquant.__file__)).parent
    for module in modules:
        place = root.joinpath(*module.split("."))
        if place.with_suffix(".py").is_file() or (place / "__init__.py").is_file():
            return getattr(importlib.import_module(f"pytest_tinyquant.{module}"), name)
    raise RuntimeError(f"that revision of pytest_tinyquant has no {name}")


class Workshop:
    """The project at another revision, and the image that was built last."""

    def __init__(self) -> None:
        self._project: Any = None
        self._stages: Any = None
        self._last: dict[str, Any] = {}
        self._image: Any = None

    def load(self, settings: dict[str, Any], package_root: str) -> dict[str, Any]:
        """Read the project."""
        import pytest_tinyquant

        Settings = _find("Settings", "project.settings", "options")
        Stages = _find("Stages", "stages.pipeline", "pipeline")
        load_project = _find("load_project", "project.project", "project")

        found = Path(str(pytest_tinyquant.__file__)).resolve().parents[1]
        if found != Path(package_root).resolve():
            raise RuntimeError(f"pytest_tinyquant came from {found}, not from {package_root}")
        known = inspect.signature(load_project).parameters
        attached = {"attached": settings["attached"]} if "attached" in known else {}
        self._project = load_project(
            Settings(
                root=Path(settings["root"]),
                models_dir=Path(settings["models_dir"]),
                baselines_dir=Path(settings["baselines_dir"]),
                extra_models=tuple(map(Path, settings["extra_models"])),
                models=tuple(settings["models"]),
                target=settings["target"],
                cache_dir=Path(settings["cache_dir"]) if settings["cache_dir"] else None,
            ),
            Path(settings["work_dir"]),
            **attached,
        )
        self._stages = Stages(self._project)
        return {
            "models": list(self._project.models),
            "boards": list(self._project.boards),
            "schemes": list(_find("SCHEMES", "schemes.scheme", "schemes")),
        }

    def build(self, model: str, scheme: str, board: str) -> dict[str, Any]:
        """Build one combination's image."""
        SCHEMES = _find("SCHEMES", "schemes.scheme", "schemes")
        found = {"model": self._project.models[model], "board": self._project.boards[board]}
        converted = self._stages.convert(found["model"], SCHEMES[scheme])
        graph = self._stages.check(found["model"], converted, found["board"])
        image = self._stages.build_image(found["model"], converted, graph, found["board"])
        self._last = {**found, "converted": converted, "graph": graph}
        self._image = image
        if found["board"].target == "host":
            samples = [base64.b64encode(sample).decode() for sample in image.samples]
            return {"tflite": str(image.tflite), "samples": samples, "sha256": converted.sha256}
        return {"elf": str(image.elf), "image_id": image.image_id, "sha256": image.sha256}

    def evaluate(self, record: dict[str, Any]) -> dict[str, Any]:
        """Return the measurement that a run of the last image makes."""
        from pytest_tinyquant.boards.device import RunRecord

        known = {field.name for field in dataclasses.fields(RunRecord)}
        outputs = tuple(base64.b64decode(output) for output in record.pop("outputs"))
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in record.items()
        }
        run = RunRecord(outputs=outputs, **{k: v for k, v in values.items() if k in known})
        measurement = self._stages.evaluate(**self._last, image=self._image, record=run)
        document: dict[str, Any] = measurement.to_json()
        return document


def main() -> None:
    """Answer requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    workshop = Workshop()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": getattr(workshop, request["do"])(**request["with"])}
        except Exception as error:
            attributes = {k: v for k, v in vars(error).items() if isinstance(v, (str, int))}
            answer = {
                "error": {
                    "class": type(error).__name__,
                    "bases": [base.__name__ for base in type(error).__mro__],
                    "message": str(error),
                    "attributes": attributes,
                }
            }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
