"""A model: the files that define it, and the hash of what its results depend on."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict
from dataclasses import dataclass
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.models.formats import Kind
from pytest_tinyquant.models.task import Task
from pytest_tinyquant.system.regular_file import open_regular


if TYPE_CHECKING:
    from pytest_tinyquant.metrics.limits import Limit
    from pytest_tinyquant.models.custom_objects import CustomModule
    from pytest_tinyquant.models.labels import Labels
    from pytest_tinyquant.models.model_file import Sidecar
    from pytest_tinyquant.models.model_file import ZooFile
    from pytest_tinyquant.models.own_samples import OwnSamples
    from pytest_tinyquant.models.samples import Samples


@dataclass(frozen=True)
class Model:
    """A model to test, by the file that defines it.

    :param name: lower case, as in test ids; with the folder if it lies in one.
    :param path: the ``.toml`` of the zoo or of a factory, or the model's file or folder.
    :param kind: ``zoo`` (built and loaded with weights), ``keras`` (converted as it is),
        ``onnx`` (imported), ``torch`` (converted by LiteRT) or ``tflite`` (taken as it is).
    :param schemes: scheme names; None for all, and for a ``tflite`` the one that
        :func:`scheme_of_tflite` finds.
    :param schemes_from: file and table that name them, for messages.
    :param sequence: check samples that it is given in a row before it forgets what it remembers; 0
        for all of them.
    """

    name: str
    path: Path
    kind: Kind
    schemes: tuple[str, ...] | None = None
    schemes_from: str = field(default="", repr=False, hash=False, compare=False)
    tolerance: Mapping[str, Any] = field(default_factory=dict, hash=False)
    dense_per_channel: bool = False
    check_samples: int | None = None
    limits: tuple[Limit, ...] = field(default=(), repr=False, hash=False, compare=False)
    task: Task = field(default_factory=Task, repr=False, hash=False, compare=False)
    zoo: ZooFile | None = field(default=None, repr=False, hash=False, compare=False)
    sidecar: Sidecar | None = field(default=None, repr=False, hash=False, compare=False)
    sequence: int = 1

    @property
    def family(self) -> str:
        """What the model belongs to: the zoo's family, a folder, or the name's first word."""
        if self.zoo is not None:
            return self.zoo.family
        return re.split(r"[/_]", self.name)[0]

    @cached_property
    def source_sha256(self) -> str:
        """Hash of what the results depend on: architecture and settings, weights, samples.

        Descriptions, tolerances and training settings are left out: changing one of those does
        not change a result.
        """
        digest = hashlib.sha256(json.dumps(self._identity(), sort_keys=True).encode())
        for file in self._files():
            try:
                _update(digest, file)
            except OSError as error:
                raise ModelError(
                    f"{self.path}: {file} cannot be read: {error.strerror}; put a readable file "
                    "there"
                ) from error
        return digest.hexdigest()

    def calibration(self) -> Samples | list[Samples]:
        """Return float32 [n, *input_shape] from the training part, for the converter.

        A model without data of its own gets values drawn uniformly from [0, 1). A model with
        several inputs gets a list with the samples of each.
        """
        return self._samples().calibration()

    def check(self) -> Samples | list[Samples]:
        """Return float32 [check_samples, *input_shape] that no training and calibration saw.

        A model with several inputs gets a list with the samples of each.
        """
        return self._samples().check()

    def labels(self) -> Labels | None:
        """Return the labels of the samples of :meth:`check`; None if there are none.

        They are the array ``labels`` beside ``check``, or for the zoo the file
        ``data/NAME.labels.npy``.

        :raises ConfigurationError: they are not labels of these samples.
        """
        return self._samples().labels()

    def class_names(self) -> tuple[str, ...]:
        """Return what a ``.tflite`` calls the classes of its first output; none if it does not."""
        if self.kind != "tflite":
            return ()
        from pytest_tinyquant.models.tflite_file import metadata_of_tflite

        return metadata_of_tflite(self.path).outputs[0].labels

    def _samples(self) -> OwnSamples:
        from pytest_tinyquant.models.own_samples import OwnSamples

        shape = self.sidecar.input_shape if self.sidecar is not None else None
        if self.zoo is not None:
            shape = self.zoo.architecture.input_shape
        return OwnSamples(
            self.path, self.kind, self.data, shape, self.check_samples, self.task.kind
        )

    @property
    def has_drawn_data(self) -> bool:
        """Whether its samples are drawn at random, so that no figure says how good it is."""
        return self.data is None

    def steps(self, samples: int) -> int:
        """Return how many of so many check samples make a sequence, at least 1."""
        return self.sequence or max(samples, 1)

    @property
    def weights(self) -> Path:
        """The file of a zoo model's weights."""
        return self.path.parent / "weights" / f"{self.path.stem}.npz"

    @property
    def data(self) -> Path | None:
        """The file of its samples; None if they are drawn."""
        if self.zoo is not None:
            return self.path.parent / "data" / f"{self.zoo.dataset}.npz"
        return self.sidecar.data if self.sidecar is not None else None

    @property
    def custom_objects(self) -> tuple[CustomModule, ...]:
        """The modules with layers of its own that its TOML names."""
        return self.sidecar.custom_objects if self.sidecar is not None else ()

    @property
    def _counted_samples(self) -> int | str:
        """What the hash of the source says of the number of samples."""
        if self.check_samples is not None:
            return self.check_samples
        from pytest_tinyquant.models.own_samples import DEFAULT_CHECK_SAMPLES

        return DEFAULT_CHECK_SAMPLES if self.data is None else "all"

    def _identity(self) -> dict[str, Any]:
        identity: dict[str, Any] = {
            "kind": self.kind,
            "dense_per_channel": self.dense_per_channel,
            "check_samples": self._counted_samples,
        }
        if self.zoo is not None:
            architecture = self.zoo.architecture
            identity["input_shape"] = architecture.input_shape
            identity["layers"] = [
                {"kind": layer.kind, **asdict(layer)} for layer in architecture.layers
            ]
        elif self.sidecar is not None:
            identity["input_shape"] = self.sidecar.input_shape
            if self.sidecar.torch is not None:
                identity["torch"] = self.sidecar.torch.factory
        if self.sequence != 1:
            identity["sequence"] = self.sequence
        return identity

    def _files(self) -> list[Path]:
        files = [self.weights if self.kind == "zoo" else self.path]
        if self.sidecar is not None and self.sidecar.torch is not None:
            files = [*self.sidecar.torch.files]
        if self.path.is_dir():
            files = sorted(file for file in self.path.rglob("*") if file.is_file())
        files += [file for module in self.custom_objects for file in module.files]
        return files if self.data is None else [*files, self.data]


def _update(digest: hashlib._Hash, file: Path) -> None:
    """Add name, size and content of a file to a hash."""
    with open(open_regular(file), "rb") as stream:
        digest.update(f"\n{file.name} {os.fstat(stream.fileno()).st_size}\n".encode())
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
