"""What the firmware does when a kernel goes wrong."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

import pytest

from pytest_tinyquant.firmware.elf import Elf
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.project.board_types import Board


@pytest.mark.parametrize(
    ("body", "exception", "cfsr"),
    [
        pytest.param("*(volatile uint32_t *)0 = 1;", 4, 0x82, id="null"),
        pytest.param("*(volatile uint32_t *)0x1FFFFC = 1;", 4, 0x82, id="flash"),
        pytest.param("*(volatile uint32_t *)0x200000 = 1;", 4, 0x82, id="samples"),
        pytest.param("*(volatile uint32_t *)0x400000 = 1;", 4, 0x82, id="beyond-samples"),
        pytest.param("*(volatile uint32_t *)0x200A0000 = 1;", 4, 0x82, id="beyond-ram"),
        pytest.param("*(volatile uint32_t *)0x60000000 = 1;", 4, 0x82, id="unmapped"),
        pytest.param('__asm volatile("udf #0");', 6, 0x10000, id="undefined"),
        pytest.param("volatile int i = 0; i = 5 / i;", 6, 0x2000000, id="division"),
        pytest.param(
            '__asm volatile("ldrd r0, r1, [%0]" ::"r"(tq_arena + 1) : "r0", "r1");',
            6,
            0x1000000,
            id="unaligned-double-word",
        ),
    ],
)
def test_a_fault_names_the_instruction(
    make: Callable[..., FirmwareImage],
    body: str,
    exception: int,
    cfsr: int,
    run: Callable[..., Any],
) -> None:
    image = make(loops=(3,), body=body)
    fault = run(image).fault()
    assert (fault["exc"], fault["cfsr"], fault["op"]) == (exception, cfsr, 1)
    elf = Elf(image.elf)
    assert elf.symbol_at(fault["pc"]) == "test_kernel"
    assert elf.symbol_at(fault["lr"]) == "tq_invoke"
    assert (elf.source_line(fault["pc"]) or "").startswith("tq_model.c:")
    stack_top = 0x20002000
    assert stack_top - 400 < fault["sp"] < stack_top
    assert fault["xpsr"] & 1 << 24
    if cfsr == 0x82:
        address = re.search(r"\)(0x\w+|0) = 1", body)
        assert address
        assert fault["mmfar"] == int(address[1], 0)


def test_code_in_ram_is_not_executed(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    fault = run(make(body="((void (*)(void))(tq_arena + 1))();")).fault()
    assert (fault["exc"], fault["cfsr"]) == (4, 1)
    assert fault["pc"] == 0x20002010


def test_a_stack_overflow_is_a_fault_too(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    code = (
        '#pragma GCC diagnostic ignored "-Winfinite-recursion"\n'
        "int test_deeper(volatile int n);\n"
        "int test_deeper(volatile int n) {"
        " volatile char a[256]; a[0] = 1; return test_deeper(n + 1) + a[0]; }\n"
    )
    fault = run(make(code=code, loops=(3,), body="test_deeper(0);")).fault()
    assert fault["exc"] == 4
    assert fault["cfsr"] & 0x12  # MSTKERR, or DACCVIOL where the frame still fitted
    assert fault["sp"] < 0x20000400
    assert fault["op"] == 1


def test_a_fault_before_the_first_operator_names_none(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    console = run(make(inputs="{(void *)0x60000000, 8}"))
    assert console.fault()["op"] == -1
    assert [kind for kind, _ in console.lines] == ["HELLO", "FAULT"]


COPY = """
#include <string.h>
static const uint8_t from[64] = {FROM};
static int copied_wrong(size_t to, size_t start, size_t count) {
  memset(tq_arena, 0xA5, 64);
  memcpy(tq_arena + to, from + start, count);
  for (size_t i = 0; i < 64; i++) {
    uint8_t expected = i >= to && i < to + count ? from[start + i - to] : 0xA5;
    if (tq_arena[i] != expected) {
      return 1;
    }
  }
  return 0;
}
"""


def test_memcpy_needs_no_unaligned_access(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    body = (
        "uint8_t wrong = 0;"
        "for (size_t to = 4; to < 8; to++)"
        "for (size_t start = 0; start < 4; start++)"
        "for (size_t count = 0; count < 54; count++)"
        "wrong += copied_wrong(to, start, count);"
        "tq_arena[64] = wrong;"
    )
    code = COPY.replace("FROM", ", ".join(map(str, range(1, 65))))
    image = make(code=code, body=body, arena=80, outputs="{tq_arena + 64, 1}")
    assert run(image).payloads("OUT") == ["0 0 00"]


@pytest.mark.parametrize("bytes_beside", [1, 2, 3])
@pytest.mark.parametrize("instruction", ["ldr r0, [%0]", "str r0, [%0]"])
def test_an_unaligned_word_is_a_fault(
    instruction: str,
    bytes_beside: int,
    make: Callable[..., FirmwareImage],
    run: Callable[..., Any],
) -> None:
    body = f'__asm volatile("{instruction}" ::"r"(tq_arena + {bytes_beside}) : "r0", "memory");'
    fault = run(make(body=body)).fault()
    assert (fault["exc"], fault["cfsr"], fault["op"]) == (6, 0x1000000, 0)


def test_unaligned_words_can_be_allowed(
    make: Callable[..., FirmwareImage], board: Board, run: Callable[..., Any]
) -> None:
    allowed = dataclasses.replace(board, cflags=("-DTQ_ALLOW_UNALIGNED",))
    body = '__asm volatile("ldr r0, [%0]" ::"r"(tq_arena + 1) : "r0");'
    assert run(make(body=body, board=allowed)).payloads("RUN")
