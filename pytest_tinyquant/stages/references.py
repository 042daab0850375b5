"""What models should answer to their check samples, read once while a case is on its way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any


if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pytest_tinyquant.models.model import Model
    from pytest_tinyquant.stages.foreign_reference import OpenHost
    from pytest_tinyquant.system.cache import Cache


class References:
    """The references of a project's models.

    :param open_host: opens the host, whose runtime answers for a model that came as ``.tflite``.
    """

    def __init__(self, cache: Cache, open_host: OpenHost) -> None:
        self._cache = cache
        self._open_host = open_host
        self._read: dict[str, Any] | None = None

    def arrays(self, model: Model, name: str) -> list[NDArray[np.float32]]:
        """Return a reference's "inputs" or "outputs", one array per tensor."""
        from pytest_tinyquant.schemes.convert import read_arrays

        if self._read is None:
            return read_arrays(self._file(model), name)
        if self._read.get("model") is not model:
            path = self._file(model)
            arrays = {part: read_arrays(path, part) for part in ("inputs", "outputs")}
            self._read = {"model": model, **arrays}
        found: list[NDArray[np.float32]] = self._read[name]
        return found

    def are_micro(self, model: Model) -> bool:
        """Tell whether TensorFlow Lite Micro answers for a model, which others made."""
        from pytest_tinyquant.stages.foreign_reference import micro_reference

        if model.kind != "tflite":
            return False
        return micro_reference(model, self._cache, self._open_host) is not None

    @contextmanager
    def reading_once(self) -> Iterator[None]:
        """Read a model's reference once in a ``with`` block, which takes one case to its end.

        A case asks five times. The next one looks at the model's files again: they may have
        changed meanwhile.
        """
        self._read = {}
        try:
            yield
        finally:
            self._read = None

    def _file(self, model: Model) -> Path:
        """Return the npz of a model's reference; that of a ``.tflite`` its own runtime gives."""
        from pytest_tinyquant.schemes.convert import reference_outputs

        if model.kind == "tflite":
            from pytest_tinyquant.stages.foreign_reference import micro_reference

            if file := micro_reference(model, self._cache, self._open_host):
                return file
        return reference_outputs(model, self._cache).path
