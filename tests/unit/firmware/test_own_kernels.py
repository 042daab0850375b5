"""Own kernels have to replace a reference kernel: their libraries say which names they define."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.own_kernels import KERNELS_LIBRARY
from pytest_tinyquant.firmware.own_kernels import REFERENCE_LIBRARY
from pytest_tinyquant.firmware.own_kernels import archive_names
from pytest_tinyquant.firmware.own_kernels import replaced_kernels


pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler: apt install gcc")


def library(path: Path, *sources: str) -> Path:
    """Make a static library of C sources."""
    path.parent.mkdir(exist_ok=True)
    objects: list[Path] = []
    for number, source in enumerate(sources):
        objects.append(path.with_suffix(f".{number}.o"))
        command = ["gcc", "-x", "c", "-c", "-o", str(objects[-1]), "-"]
        subprocess.run(command, input=source, text=True, check=True)
    subprocess.run(["ar", "rcs", path, *objects], check=True)
    return path


def test_an_archive_tells_its_global_and_weak_names(tmp_path: Path) -> None:
    weak = "__attribute__((weak)) void two(void) {}"
    found = library(tmp_path / "a.a", "void one(void) {} static void three(void) {}", weak)
    assert archive_names(found) == {"one", "two"}
    assert archive_names(library(tmp_path / "none.a")) == set()
    assert archive_names(library(tmp_path / "static.a", "static int one;")) == set()


def test_a_file_that_is_no_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.a").write_bytes(b"!<thin>\n")
    with pytest.raises(BenchError, match="no static library"):
        archive_names(tmp_path / "a.a")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("void tq_mean_s8_fast(void) {}", r"define tq_mean_s8_fast \(closest: tq_mean_s8\)"),
        ("static void tq_mean_s8(void) {}", "define no function that others can call"),
        ("void sum_up(void) {}", "define sum_up. A kernel replaces the one of its name"),
    ],
    ids=["misspelt", "static", "helper"],
)
def test_kernels_that_replace_nothing_are_an_error(tmp_path: Path, own: str, words: str) -> None:
    reference = "void tq_mean_s8(void) {} void tq_softmax_s8(void) {}"
    library(tmp_path / REFERENCE_LIBRARY, reference)
    library(tmp_path / "own" / KERNELS_LIBRARY, own)
    with pytest.raises(ConfigurationError, match=f"the kernels of board: dir replace .*{words}"):
        replaced_kernels(tmp_path / "own", [tmp_path], where="board: dir")
    library(tmp_path / "own" / KERNELS_LIBRARY, own, "void tq_softmax_s8(void) {}")
    replaced = replaced_kernels(tmp_path / "own", [tmp_path], where="board: dir")
    assert replaced == {"tq_softmax_s8"}


def test_kernels_of_the_boards_set_can_be_replaced_as_well(tmp_path: Path) -> None:
    library(tmp_path / REFERENCE_LIBRARY, "void tq_mean_s8(void) {}")
    library(tmp_path / "set" / KERNELS_LIBRARY, "void tq_mean_s8_dsp(void) {}")
    library(tmp_path / "own" / KERNELS_LIBRARY, "void tq_mean_s8_dsp(void) {} void more(void) {}")
    built_in = [tmp_path, tmp_path / "set"]
    assert replaced_kernels(tmp_path / "own", built_in, where="") == {"tq_mean_s8_dsp"}
