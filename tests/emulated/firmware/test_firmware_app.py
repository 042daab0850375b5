"""What the firmware prints, and that its counts are exact."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from pytest_tinyquant.firmware.image import FirmwareImage


def test_op_counts_are_exact(make: Callable[..., FirmwareImage], run: Callable[..., Any]) -> None:
    iterations = (1, 2, 1000, 123_456)
    console = run(make(loops=iterations))
    assert console.counts("OP") == [2 * n + 3 for n in iterations]
    assert console.counts("PROFILED") == [sum(2 * n + 3 for n in iterations)]


def test_a_count_beyond_the_wrap_of_the_timer_is_exact(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    # Long stretches of nops, which QEMU runs fastest; the timer wraps at 2**32 / 3.2 = 1.34e9.
    body = (
        'uint32_t n = 3500000; __asm volatile("1: .rept 400\\n nop\\n .endr\\n'
        ' subs %0, #1\\n bne.w 1b" : "+r"(n) : : "cc");'
    )
    one, many = (
        run(make(body=body.replace("3500000", n))).counts("OP")[0] for n in ("1", "3500000")
    )
    assert many - one == 402 * 3_499_999
    assert many > 2**32 / 3.2


def test_the_walk_costs_the_same_for_every_operator(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    walks = []
    for count in (1, 2, 3, 4):
        console = run(make(loops=range(1, count + 1)))
        walks.append(console.counts("RUN")[0] - console.counts("PROFILED")[0])
    steps = {after - before for before, after in pairwise(walks)}
    assert len(steps) == 1
    assert steps.pop() > 0
    assert walks[0] > 0


def test_every_boot_prints_the_same(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    image = make(loops=(10, 20), samples=(bytes(8), bytes(range(8))))
    assert run(image).raw == run(image).raw


def test_lines_come_in_the_order_of_the_protocol(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    image = make(loops=(1, 2), samples=(bytes(8), bytes(range(8))))
    console = run(image)
    kinds = [kind for kind, _ in console.lines]
    assert " ".join(kinds) == "HELLO OUT RUN OUT RUN OP OP PROFILED STACK GUARD END"
    assert console.log == ()
    assert console.lines[0][1] == (
        f"tq=1 image={image.image_id} board=nucleo-l4r5zi unit=instructions ops=2 samples=2"
        " outputs=8"
    )
    assert console.payloads("GUARD") == ["ok"]
    assert console.payloads("END") == [str(len(kinds) - 1)]


def test_samples_reach_all_inputs_and_all_outputs_are_printed(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    samples = (bytes(range(83)), bytes(range(100, 183)))
    image = make(
        body="for (int i = 0; i < 83; i++) tq_arena[100 + i] = (uint8_t)(tq_arena[i] + 1);",
        arena=256,
        inputs="{tq_arena, 13}, {tq_arena + 13, 70}",
        outputs="{tq_arena + 100, 13}, {tq_arena + 113, 70}",
        samples=samples,
    )
    console = run(image)
    outputs = [bytearray(83), bytearray(83)]
    lengths = []
    for payload in console.payloads("OUT"):
        sample, offset, text = payload.split()
        data = bytes.fromhex(text)
        outputs[int(sample)][int(offset) : int(offset) + len(data)] = data
        lengths.append(len(data))
    assert outputs == [bytearray(b + 1 for b in sample) for sample in samples]
    assert lengths == [13, 64, 6] * 2


def test_stack_use_is_that_of_the_model(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    def used(size: int) -> tuple[int, int]:
        body = f"volatile uint8_t a[{size}]; a[0] = 1; (void)a[0];"
        used, reserved = run(make(body=body)).payloads("STACK")[0].split()
        return int(used), int(reserved)

    small, large = used(64), used(4064)
    assert large[0] - small[0] == 4000
    assert small[0] < 400
    assert small[1] == 8192


@pytest.mark.parametrize(("offset", "guard"), [(-1, "tq_guard_low"), (30, "tq_guard_high")])
def test_a_write_beside_the_arena_is_told(
    make: Callable[..., FirmwareImage], offset: int, guard: str, run: Callable[..., Any]
) -> None:
    body = f"uint8_t *volatile a = tq_arena; a[{offset}] = 1;"
    assert run(make(body=body, arena=30)).payloads("GUARD") == [guard]


def test_floating_point_state_is_the_default(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    body = (
        'uint32_t fpscr; __asm volatile("vmrs %0, fpscr" : "=r"(fpscr));'
        "*(volatile uint32_t *)tq_arena = fpscr & 0xFFC00000u;"  # flags, AHP, DN, FZ, rounding
    )
    image = make(body=body, samples=(b"\xff" * 8,))
    assert run(image).payloads("OUT") == ["0 0 00000000ffffffff"]


def test_without_exact_counting_it_says_so_and_stops(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    console = run(make(), "-icount", "shift=3,sleep=off")
    assert console.lines == ()
    assert console.log == ("tq: the counter is not exact",)


def test_the_decoder_understands_it(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    protocol = pytest.importorskip("pytest_tinyquant.boards.console.protocol")
    console = run(make(loops=(4, 5), samples=(bytes(range(8)),)))
    decoder = protocol.Decoder("nucleo-l4r5zi")
    decoder.feed(console.raw)
    assert decoder.finished
    assert decoder.transcript.op_counts == [11, 13]
    assert bytes(decoder.transcript.outputs[0]) == bytes(range(8))
