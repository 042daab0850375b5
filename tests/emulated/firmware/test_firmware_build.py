"""What an image takes, how it is built, and own kernels."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.firmware.image import FirmwareImage
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.system.cache import Cache


def test_flash_parts_add_up_and_samples_do_not_count(
    make: Callable[..., FirmwareImage], run: Callable[..., Any]
) -> None:
    code = (
        '__attribute__((section(".rodata.tq_weights"), aligned(16)))'
        " static const uint8_t tq_weights[1000] = {1};"
    )
    body = "tq_arena[0] = tq_weights[tq_arena[1]];"
    few = make(code=code, body=body)
    many = make(code=code, body=body, samples=(bytes(8),) * 500)
    parts = dataclasses.asdict(few.flash)
    total = parts.pop("total")
    assert sum(parts.values()) == total
    assert 1000 <= parts["weights"] < 1016
    assert parts["kernels"] == 0
    assert 0 < parts["engine"] < 100
    assert many.flash == few.flash
    assert many.ram == few.ram
    assert many.symbols == few.symbols
    assert few.symbols["tq_weights"] == 1000
    assert sum(few.symbols.values()) <= total
    assert len(run(many).payloads("RUN")) == 500


def test_ram_parts(make: Callable[..., FirmwareImage]) -> None:
    small, large = make(arena=32), make(arena=4032)
    assert small.ram.arena == small.arena_bytes == 32
    assert large.ram == dataclasses.replace(small.ram, arena=4032)
    assert small.ram.stack_reserved == 8192
    assert small.ram.bss < 300


@pytest.mark.parametrize(("region", "key"), [("FLASH", "flash_bytes"), ("RAM", "ram_bytes")])
def test_an_image_that_does_not_fit_says_by_how_much(
    make: Callable[..., FirmwareImage], region: str, key: str, board: Board
) -> None:
    def sized(size: int) -> FirmwareImage:
        return make(arena=5000, board=dataclasses.replace(board, **{key: size}))  # type: ignore[arg-type]

    with pytest.raises(DoesNotFitError, match=f"tiny-int8-nucleo-l4r5zi.*{region}") as small:
        sized(2048)
    needed = small.value.needed
    assert (small.value.region, small.value.available) == (region, 2048)
    with pytest.raises(DoesNotFitError) as by_one:
        sized(needed - 1)
    assert (by_one.value.needed, by_one.value.available) == (needed, needed - 1)
    image = sized(needed)
    ram = image.ram
    used = {
        "FLASH": image.flash.total,
        "RAM": ram.data + ram.bss + ram.arena + ram.stack_reserved,
    }
    assert used[region] == needed


def test_more_check_samples_than_the_bench_keeps_are_counted(
    make: Callable[..., FirmwareImage],
) -> None:
    """The linker names a region that is no memory of the board."""
    with pytest.raises(DoesNotFitError, match=r"300000 check samples .*check_samples = 262144"):
        make(samples=(bytes(8),) * 300_000)


def test_the_whole_flash_and_ram_of_the_board_can_be_used(
    make: Callable[..., FirmwareImage], run: Callable[..., Any], board: Board
) -> None:
    spare = make(arena=16)
    fixed = spare.ram.data + spare.ram.bss + spare.ram.stack_reserved
    arena = board.ram_bytes - fixed
    body = f"tq_arena[{arena - 1}] = 7; tq_arena[0] = 1;"
    image = make(body=body, arena=arena, outputs=f"{{tq_arena + {arena - 1}, 1}}")
    assert run(image).payloads("OUT") == ["0 0 07"]
    with pytest.raises(DoesNotFitError):
        make(body=body, arena=arena + 1)


def test_builds_are_reproducible(make: Callable[..., FirmwareImage], tmp_path: Path) -> None:
    first = make(loops=(9,), cache=Cache(tmp_path / "a"), directory=tmp_path / "model a")
    second = make(loops=(9,), cache=Cache(tmp_path / "b b"), directory=tmp_path / "m")
    assert first.elf != second.elf
    assert first.elf.read_bytes() == second.elf.read_bytes()
    assert first.image_id == second.image_id
    assert first.sha256 == second.sha256
    assert str(tmp_path).encode() not in first.elf.read_bytes()


def test_whatever_goes_in_changes_the_identity(
    make: Callable[..., FirmwareImage], board: Board
) -> None:
    images = [
        make(),
        make(loops=(6,)),
        make(samples=(b"12345678",)),
        make(board=dataclasses.replace(board, name="other")),
        make(board=dataclasses.replace(board, cflags=("-O3",))),
        make(board=dataclasses.replace(board, ram_bytes=65536)),
    ]
    assert len({image.image_id for image in images}) == len(images)
    assert [image.flags.endswith(" -O3") for image in images] == [False] * 4 + [True, False]


def test_a_sample_of_the_wrong_size_is_refused(make: Callable[..., FirmwareImage]) -> None:
    with pytest.raises(ConfigurationError, match="check sample 1 has 7 bytes, the model takes 8"):
        make(samples=(bytes(8), bytes(7)))


@pytest.fixture
def own_kernels(tmp_path: Path) -> Path:
    directory = tmp_path / "own kernels"
    directory.mkdir()
    return directory


def test_an_own_kernel_replaces_the_reference_kernel(
    make: Callable[..., FirmwareImage], own_kernels: Path, run: Callable[..., Any], board: Board
) -> None:
    # The reference set has both in one file; the other one must still come from there.
    (own_kernels / "add.c").write_text(
        '#include "tq_kernels.h"\n'
        "void tq_add_s8(const void *params) { *(volatile unsigned char *)params = 42; }\n"
        "void tq_unused(const void *params) { tq_add_s8(params); }\n"
    )
    ops = "{tq_add_s8, tq_arena}, {tq_add_f32, tq_arena + 16}"
    changed = dataclasses.replace(board, kernels=str(own_kernels))
    image = make(ops=ops, board=changed, arena=256)
    assert run(image).payloads("OUT") == ["0 0 2a00000000000000"]
    assert image.symbols["tq_add_s8"] < 16
    assert "tq_add_f32" in image.symbols
    assert "tq_unused" not in image.symbols
    assert image.flash.kernels >= image.symbols["tq_add_s8"] + image.symbols["tq_add_f32"]


def test_own_kernels_win_over_the_boards_set_which_has_all_others(
    make: Callable[..., FirmwareImage], own_kernels: Path, run: Callable[..., Any], board: Board
) -> None:
    (own_kernels / "own.c").write_text(
        '#include "tq_kernels.h"\n'
        '#include "tq_kernels_dsp_dense.h"\n'
        "void tq_mean_s8_dsp(const void *params) { *(volatile unsigned char *)params = 43; }\n"
    )
    ops = "{tq_mean_s8_dsp, tq_arena}, {tq_max_pool_2d_s8_dsp, tq_arena + 16}"
    own = dataclasses.replace(board, kernels=str(own_kernels), kernel_set="cortex_m_dsp")
    code = '#include "tq_kernels_dsp_dense.h"\n'
    image = make(ops=ops, board=own, arena=256, code=code)
    assert run(image).payloads("OUT") == ["0 0 2b00000000000000"]
    assert image.symbols["tq_mean_s8_dsp"] < 16
    assert image.symbols["tq_max_pool_2d_s8_dsp"] > 16
    with pytest.raises(ConfigurationError, match="replace no kernel: they define tq_mean_s8_dsp"):
        make(ops=ops, code=code, board=dataclasses.replace(own, kernel_set=""), arena=256)


def test_a_kernel_that_does_not_compile_is_shown(
    make: Callable[..., FirmwareImage], own_kernels: Path, board: Board
) -> None:
    (own_kernels / "broken.c").write_text("void tq_add_s8(const void *p) { return p->x; }\n")
    with pytest.raises(ConfigurationError, match=r"broken\.c:1:\d+: error") as caught:
        make(board=dataclasses.replace(board, kernels=str(own_kernels)))
    assert str(own_kernels) in str(caught.value)
    assert "boards.toml" in str(caught.value)


def test_a_changed_own_kernel_is_built_again(
    make: Callable[..., FirmwareImage], own_kernels: Path, run: Callable[..., Any], board: Board
) -> None:
    changed = dataclasses.replace(board, kernels=str(own_kernels))
    outputs = []
    for value in (1, 2):
        (own_kernels / "add.c").write_text(
            f"void tq_add_s8(const void *p) {{ *(volatile unsigned char *)p = {value}; }}\n"
        )
        outputs += run(make(ops="{tq_add_s8, tq_arena}", board=changed)).payloads("OUT")
    assert outputs == ["0 0 0100000000000000", "0 0 0200000000000000"]


def test_a_kernel_that_nobody_has_is_named(make: Callable[..., FirmwareImage]) -> None:
    code = "void tq_no_such_kernel(const void *);"
    with pytest.raises(ConfigurationError, match="undefined reference to `tq_no_such_kernel'"):
        make(ops="{tq_no_such_kernel, 0}", code=code)


def test_unknown_kernels_are_refused(make: Callable[..., FirmwareImage], board: Board) -> None:
    with pytest.raises(
        ConfigurationError, match=r"'fast' is neither .* reference, rx_dsp; correct"
    ):
        make(board=dataclasses.replace(board, kernels="fast"))
