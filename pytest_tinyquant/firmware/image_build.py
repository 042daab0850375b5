"""One model's image: compiled, linked to the board's libraries, and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Final

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.firmware.check_samples import check_samples
from pytest_tinyquant.firmware.cmake import explained
from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.keys import IMAGE_INPUTS
from pytest_tinyquant.firmware.libraries import ENGINE
from pytest_tinyquant.firmware.libraries import BuiltStep
from pytest_tinyquant.firmware.libraries import Libraries
from pytest_tinyquant.firmware.libraries import files_below
from pytest_tinyquant.firmware.libraries import identity_of
from pytest_tinyquant.firmware.memory import memory
from pytest_tinyquant.firmware.memory import origins
from pytest_tinyquant.firmware.memory import regions
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import declared_key
from pytest_tinyquant.system.reads import Reads


if TYPE_CHECKING:
    from pytest_tinyquant.engine import EmittedModel
    from pytest_tinyquant.project.board_types import Board


IMAGE: Final = "image.elf"
IMAGE_ID: Final = "image_id.txt"

_ID_DIGITS = 16


class ImageBuild(Libraries):
    """One image to be built, step by step, each of them cached."""

    def __init__(
        self,
        emitted: EmittedModel,
        board: Board,
        samples: tuple[bytes, ...],
        cache: Cache,
    ) -> None:
        super().__init__(board, cache, linked=emitted.linked.runtime)
        self.emitted = emitted
        self.samples = samples

    def image(self, libraries: BuiltStep, kernels: Sequence[BuiltStep]) -> Path:
        """Return the directory of the linked image and of its identity."""
        inputs = {
            "libraries": libraries.key,
            "kernels": "".join(step.key for step in kernels),
            "compiler of C++": self.toolchain.cxx_identity() if self._is_cxx() else "",
            "model": files_below(self.emitted.directory),
            "model sources": [Path(name).name for name in self.emitted.sources],
            "samples": self.samples,
            "board": self.board.name,
            "memory": memory(self.board),
            "linked": {**self.emitted.linked.definitions},
            "linked files": {**self.emitted.linked.files},
        }
        identity = identity_of(inputs, libraries, kernels)
        key = declared_key(IMAGE_INPUTS, inputs)

        def build(output: Path) -> Reads:
            return self._link(output, identity, libraries, kernels)

        return self.cache.entry("firmware", key, build)[0]

    def _is_cxx(self) -> bool:
        return self.linked != ENGINE

    def _link(
        self, output: Path, identity: str, libraries: BuiltStep, kernels: Sequence[BuiltStep]
    ) -> Reads:
        """Compile the model and link it to an image in `output` that says what it was made of."""
        (output / "tq_samples.bin").write_bytes(b"".join(self.samples))
        config = output / "tq_image_config.h"
        config.write_text(self._config("0" * _ID_DIGITS))
        advice = (
            self.emitted.linked.advice
            or f"kernels {self.board.kernels} may lack one that the model needs"
        )
        definitions = {
            "TQ_MODEL_SOURCES": ";".join(
                str(self.emitted.directory / name) for name in self.emitted.sources
            ),
            "TQ_IMAGE_DIR": str(output),
            "TQ_LIBRARY_DIR": str(libraries.entry),
            "TQ_KERNELS_DIR": ";".join(str(step.entry) for step in kernels),
            "TQ_FLASH_BYTES": str(self.board.flash_bytes),
            "TQ_RAM_BYTES": str(self.board.ram_bytes),
            **origins(self.board),
            **self.emitted.linked.definitions,
        }
        own = [self.emitted.directory, libraries.entry, *(step.entry for step in kernels)]
        with (
            explained(advice, regions(self.board), len(self.samples)),
            self._configured(output, definitions, own) as made,
        ):
            # What compiling read is known only now, and is in the identity that is compiled in.
            made.make(*made.records.objects())
            compiled = made.records.compiled()
            image_id = Cache.key(identity, compiled.digest())[:_ID_DIGITS]
            config.write_text(self._config(image_id))
            made.compile_anew("app/image.c")
            made.make()
            linked = made.records.linked_and_configured()
        elf = Elf(output / IMAGE)
        if image_id.encode() not in elf.path.read_bytes():
            raise BenchError("the image does not hold its identity; build it again")
        check_samples(elf, self.samples)
        (output / IMAGE_ID).write_text(image_id)
        return compiled.together(linked)

    def _config(self, image_id: str) -> str:
        """Return the header that every image is compiled with."""
        return (
            f'#define TQ_IMAGE_ID "{image_id}"\n'
            f'#define TQ_BOARD_NAME "{self.board.name}"\n'
            f"#define TQ_SAMPLE_COUNT {len(self.samples)}\n"
        )
