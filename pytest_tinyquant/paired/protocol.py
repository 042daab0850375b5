"""The protocol by which an A/B run drives the package of another revision.

The other side is a process of its own: ``python -m pytest_tinyquant.cli.serve`` with that
revision's package first on the module path. It is asked by JSON objects, one a line, and answers
each by one:

    {"do": "hello", "with": {"protocol": 1}}
    {"value": {"protocol": 1, "root": "/where/the/package/lies"}}
    {"do": "load", "with": {"settings": {...}}}
    {"value": {"models": [...], "boards": [...], "schemes": [...]}}
    {"do": "build", "with": {"model": "fc_0", "scheme": "int8", "board": "rx65n"}}
    {"value": {"elf": "...", "image_id": "...", "sha256": "..."}}
    {"do": "evaluate", "with": {"record": {...}}}
    {"value": {"metrics": {...}, ...}}

``load`` comes once, then ``build`` and ``evaluate`` (of what a run of the image built last yielded)
for each combination. An answer may also be ``{"error": {...}}``: an exception with the names of its
base classes, so that the asking side finds the nearest one that it knows itself.

Keys may be added at any time; each side passes over what it does not know. A key that changes its
meaning or goes raises :data:`PROTOCOL`. Whatever a stage prints goes to standard error.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord


#: Version of the protocol that this package asks by and answers.
PROTOCOL: Final = 1


@dataclasses.dataclass(frozen=True)
class SideImage:
    """What a board is given to run one side.

    :param sha256: of the bytes that the device gets.
    """

    elf: Path
    image_id: str
    sha256: str


def dump_image(image: SideImage | HostImage) -> dict[str, Any]:
    """Return an image as JSON types; :func:`load_image` reverses it."""
    if isinstance(image, HostImage):
        samples = [base64.b64encode(sample).decode() for sample in image.samples]
        return {"tflite": str(image.tflite), "samples": samples, "steps": image.steps}
    return {"elf": str(image.elf), "image_id": image.image_id, "sha256": image.sha256}


def load_image(data: Mapping[str, Any]) -> SideImage | HostImage:
    """Rebuild an image from what :func:`dump_image` returned."""
    if "tflite" in data:
        samples = [base64.b64decode(sample) for sample in data["samples"]]
        # A revision that says nothing knew no sequences.
        return HostImage(Path(data["tflite"]), samples, data.get("steps", 1))
    return SideImage(Path(data["elf"]), data["image_id"], data["sha256"])


def dump_record(record: RunRecord) -> dict[str, Any]:
    """Return what an evaluation needs of a record, as JSON types; the clock is not looked at."""
    names = (field.name for field in dataclasses.fields(record))
    document = {name: getattr(record, name) for name in names if name != "clock"}
    document["outputs"] = [base64.b64encode(output).decode() for output in record.outputs]
    return document


def load_record(data: Mapping[str, Any]) -> RunRecord:
    """Rebuild a record from what :func:`dump_record` returned, be it in another revision."""
    known = {field.name for field in dataclasses.fields(RunRecord)}
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in data.items()
        if key in known
    }
    values["outputs"] = tuple(base64.b64decode(output) for output in data["outputs"])
    return RunRecord(**values)
