"""Builds images of made-up models and runs them on QEMU directly: no debugger involved."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import threading
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from pathlib import Path

import pytest

from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.target import Target
from pytest_tinyquant.system.cache import Cache


ICOUNT = ("-icount", "shift=7,sleep=off")
RUN_TIMEOUT = 60.0

BOARD = Board(
    name="nucleo-l4r5zi",
    kind="cortex-m4f",
    runtime="tinyquant",
    target=Target.EMULATOR,
    description="",
    metrics=("error", "latency", "flash", "ram"),
    flash_bytes=2_097_152,
    ram_bytes=655_360,
    machine="mps2-an386",
)

MODEL = """
#include "tq_engine.h"
#include "tq_kernels.h"
extern const tq_model tq_model_instance;
__attribute__((section(".bss.tq_arena"), aligned(16))) uint8_t tq_arena[{arena}];
/* 2 * n + 2 instructions, 2 * n + 3 with the call. */
void test_loop(const void *n);
__asm__(
    ".pushsection .text.test_loop, \\"ax\\", %progbits\\n"
    ".syntax unified\\n.thumb\\n.thumb_func\\n"
    ".type test_loop, %function\\n.global test_loop\\n"
    "test_loop: ldr r0, [r0]\\n"
    "1: subs r0, #1\\n  bne 1b\\n  bx lr\\n"
    ".size test_loop, . - test_loop\\n.popsection\\n");
{code}
static const tq_op ops[] = {{ {ops} }};
static const tq_buffer inputs[] = {{ {inputs} }};
static const tq_buffer outputs[] = {{ {outputs} }};
const tq_model tq_model_instance = {{
    .ops = ops,
    .inputs = inputs,
    .outputs = outputs,
    .op_count = sizeof ops / sizeof *ops,
    .input_count = sizeof inputs / sizeof *inputs,
    .output_count = sizeof outputs / sizeof *outputs}};
"""

KERNEL = """
void test_kernel(const void *);
void test_kernel(const void *p) {{ (void)p; {body} }}
"""


@dataclasses.dataclass(frozen=True)
class Console:
    """What one run printed: (type, payload) of the protocol lines, and the other lines."""

    lines: tuple[tuple[str, str], ...]
    log: tuple[str, ...]
    raw: bytes

    def payloads(self, kind: str) -> list[str]:
        return [payload for type_, payload in self.lines if type_ == kind]

    def counts(self, kind: str) -> list[int]:
        return [int(payload.split()[-1]) for payload in self.payloads(kind)]

    def fault(self) -> dict[str, int]:
        (payload,) = self.payloads("FAULT")
        fields = dict(field.split("=") for field in payload.split())
        decimal = {"exc", "op"}
        return {k: int(v, 10 if k in decimal else 16) for k, v in fields.items()}


def parse(raw: bytes) -> Console:
    """Split the console's output; every protocol line's number and CRC must be right."""
    lines: list[tuple[str, str]] = []
    log: list[str] = []
    for line in raw.decode("ascii").splitlines():
        match = re.fullmatch(r"#(([0-9a-f]{4}) ([A-Z]+) (.*)) ([0-9a-f]{8})", line)
        if match is None:
            log.append(line)
            continue
        assert int(match[2], 16) == len(lines)
        assert int(match[5], 16) == zlib.crc32(match[1].encode())
        lines.append((match[3], match[4]))
    return Console(tuple(lines), tuple(log), raw)


def _run(image: FirmwareImage, *arguments: str) -> Console:
    """Run the image until it says that it is finished."""
    command = [
        *("qemu-system-arm", "-M", "mps2-an386", "-nodefaults", "-nic", "none"),
        *("-display", "none", "-monitor", "none", "-serial", "stdio"),
        *(arguments or ICOUNT),
        *("-kernel", str(image.elf)),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        watchdog = threading.Timer(RUN_TIMEOUT, process.kill)
        watchdog.start()
        assert process.stdout is not None
        raw = b""
        for line in process.stdout:
            raw += line
            if b" END " in line or b" FAULT " in line or b"tq: " in line:
                break
        watchdog.cancel()
        process.kill()
    return parse(raw)


@pytest.fixture
def run() -> Callable[..., Console]:
    """Run an image until it says that it is finished; further arguments replace ``-icount``."""
    return _run


@pytest.fixture
def board() -> Board:
    return BOARD


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def make(tmp_path: Path, cache: Cache) -> Callable[..., FirmwareImage]:
    """Build an image of a model whose operators are given as C.

    The operators are a ``test_loop`` for each number in `loops`, then a kernel with the statements
    `body`, then what `ops` says; `code` stands before them.
    """

    def make(
        *,
        loops: Iterable[int] = (),
        body: str = "",
        ops: str = "",
        code: str = "",
        arena: int = 32,
        inputs: str = "{tq_arena, 8}",
        outputs: str = "{tq_arena, 8}",
        samples: tuple[bytes, ...] = (bytes(8),),
        board: Board = BOARD,
        cache: Cache = cache,
        directory: Path = tmp_path / "model",
    ) -> FirmwareImage:
        if not (body or ops):
            loops = tuple(loops) or (5,)
        table = [f"{{test_loop, (const uint32_t[]){{{n}}}}}" for n in loops]
        if body:
            code += KERNEL.format(body=body)
            table.append("{test_kernel, 0}")
        source = MODEL.format(
            arena=arena,
            code=code,
            ops=", ".join([*table, ops] if ops else table),
            inputs=inputs,
            outputs=outputs,
        )
        directory.mkdir(exist_ok=True)
        file = directory / "tq_model.c"
        file.write_text(source)
        emitted = EmittedModel(directory, (file,), arena, 0, ())
        return build(emitted, board, samples, cache, where="tiny-int8-nucleo-l4r5zi")

    return make
