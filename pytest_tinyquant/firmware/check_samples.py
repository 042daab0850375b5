"""Whether the check samples in an image are as large as its model's inputs."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.elf import Elf


_MODEL = struct.Struct("<IIIIHHHH")  # tq_model in tq_engine.h
_BUFFER = struct.Struct("<II")  # tq_buffer


def check_samples(elf: Elf, samples: Sequence[bytes]) -> None:
    """Raise ConfigurationError unless each sample has the size of the model's inputs."""
    expected = _input_bytes(elf)
    for number, sample in enumerate(samples):
        if len(sample) != expected:
            raise ConfigurationError(
                f"check sample {number} has {len(sample)} bytes, the model takes "
                f"{expected}; the check set was made for another model"
            )


def _input_bytes(elf: Elf) -> int:
    """Return the size of all inputs of the model in the image."""
    symbol = elf.symbol("tq_model_instance")
    if symbol is None:
        raise ConfigurationError(f"{elf.path}: there is no tq_model_instance; build it again")
    _, inputs, _, _, _, count, _, _ = _MODEL.unpack(elf.read(symbol.address, _MODEL.size))
    table = elf.read(inputs, count * _BUFFER.size)
    return sum(size for _, size in _BUFFER.iter_unpack(table))
