"""What lowering turns an operator into: a kernel, its parameters, what it reads and writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field

import numpy as np

from pytest_tinyquant.engine.trail import Trail


@dataclass(frozen=True)
class Activation:
    """The address of a tensor in the arena, by its index in the graph."""

    tensor: int


@dataclass(frozen=True)
class ScratchMemory:
    """An address in the operator's working memory in the arena, `offset` bytes from its start."""

    offset: int = 0


@dataclass(frozen=True)
class Constant:
    """The address of read-only data, by its offset in the weights blob."""

    offset: int


@dataclass(frozen=True)
class Array:
    """The address of a constant C array of structs, one mapping of fields per element."""

    ctype: str
    elements: tuple[Mapping[str, Value], ...]


@dataclass(frozen=True)
class Ops:
    """The address of a constant list of operators, which a kernel runs itself."""

    calls: tuple[KernelCall, ...]


# A parameter struct's field: a number, a pointer (None is NULL), a nested struct or an array.
Value = (
    int | float | None | Activation | ScratchMemory | Constant | Array | Ops | Mapping[str, "Value"]
    | tuple[int, ...]
)  # fmt: skip


@dataclass(frozen=True)
class KernelCall:
    """One kernel invocation.

    `in_place` lists (input, output) tensors that may have the same address, `scratch_bytes` is
    the working memory the kernel wants, `macs` counts its multiply-accumulates, `updates` lists the
    variable tensors that it reads and changes, `reach` maps a tensor to the bytes from its start
    that the kernel loads where they are more than the tensor's: what lies behind does not matter,
    but there must be memory. `trails` maps (input, output) to the order in which the kernel reads
    the one and writes the other, where the two may overlap. `header` declares the kernel and its
    parameter struct.
    """

    kernel: str
    params_type: str
    fields: Mapping[str, Value]
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    in_place: tuple[tuple[int, int], ...] = ()
    scratch_bytes: int = 0
    macs: int = 0
    updates: tuple[int, ...] = ()
    reach: Mapping[int, int] = field(default_factory=dict)
    trails: Mapping[tuple[int, int], Trail] = field(default_factory=dict)
    inner: tuple[int, ...] = ()
    header: str = "tq_kernels.h"

    def number(self, name: str) -> int:
        """Return a field that is an integer."""
        value = self.fields[name]
        if not isinstance(value, int):
            raise TypeError(f"{self.kernel}: field {name!r} is {value!r}, not an integer")
        return value

    def numbers(self, name: str) -> dict[str, int]:
        """Return the integers of a field that is a struct, by name."""
        value = self.fields[name]
        if not isinstance(value, Mapping):
            raise TypeError(f"{self.kernel}: field {name!r} is {value!r}, not a struct")
        return {inner: number for inner, number in value.items() if isinstance(number, int)}


@dataclass(frozen=True)
class Alias:
    """An operator that only renames its input: `output` lies where `source` lies."""

    source: int
    output: int


class WeightsBlob:
    """Read-only data of a model, each piece aligned and stored once."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._offsets: dict[tuple[bytes, int], int] = {}

    def add(self, data: bytes, alignment: int = 4) -> Constant:
        """Store `data` (or find its equal) and return where it lies."""
        key = (data, alignment)
        if key not in self._offsets:
            self._bytes.extend(bytes(-len(self._bytes) % alignment))
            self._offsets[key] = len(self._bytes)
            self._bytes.extend(data)
        return Constant(self._offsets[key])

    def add_array(self, values: object, dtype: str) -> Constant:
        """Store numbers as little-endian `dtype`, aligned to their own size (4 at least)."""
        array = np.asarray(values, dtype=np.dtype(dtype).newbyteorder("<"))
        return self.add(array.tobytes(), max(4, array.itemsize))

    def read(self, place: object, size: object) -> bytes:
        """Return `size` bytes of what was stored; b"" if `place` is not here."""
        if not isinstance(place, Constant) or not isinstance(size, int):
            return b""
        return bytes(self._bytes[place.offset : place.offset + size])

    def getvalue(self) -> bytes:
        """Return the blob's bytes."""
        return bytes(self._bytes)
