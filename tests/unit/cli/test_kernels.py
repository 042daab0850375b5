"""``tinyquant kernels``: what can be replaced, and a copy that compiles as it is."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.firmware.own_kernels import archive_names
from pytest_tinyquant.firmware.replaceable import copy_kernel
from pytest_tinyquant.firmware.replaceable import declared_kernels
from pytest_tinyquant.firmware.replaceable import reference_kernels
from pytest_tinyquant.firmware.sources import firmware_sources


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_kernels_are_listed_by_the_file_that_defines_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kernels", "tq_softmax*", "tq_mean_s8"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "mean.c (tq_kernels_pooling.h): tq_mean_s8",
        "softmax.c (tq_kernels_activation.h): tq_softmax_f32, tq_softmax_s16, tq_softmax_s8",
    ]
    assert main(["kernels", "nothing"]) == 1


def test_a_copy_says_what_it_replaces_and_what_runs_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["kernels", "--copy", "tq_softmax_s8"]) == 0
    text = Path("kernels", "softmax.c").read_text()
    assert '#include "tq_kernels.h"' in text
    assert "tq_reference.h" not in text
    out = capsys.readouterr().out
    assert "wrote kernels/softmax.c, which defines tq_softmax_f32, tq_softmax_s16, tq_sof" in out
    assert "delete what you do not mean to replace" in out


def test_what_cannot_be_copied_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kernels", "--copy", "tq_softmax_s9"]) == 1
    assert "no kernel 'tq_softmax_s9' can be replaced (closest: tq_" in capsys.readouterr().err
    assert main(["kernels", "--copy", "tq_mean_s8", "--to", "mine"]) == 0
    Path("mine", "mean.c").write_text("changed")
    assert main(["kernels", "--copy", "tq_mean_s16", "--to", "mine"]) == 1
    assert "mean.c is there already; move it away" in capsys.readouterr().err
    assert Path("mine", "mean.c").read_text() == "changed"


@pytest.mark.skipif(not shutil.which("gcc"), reason="no C compiler: apt install gcc")
def test_every_file_defines_the_kernels_that_are_listed_for_it(tmp_path: Path) -> None:
    include = firmware_sources() / "engine" / "include"
    listed = {kernel.name for kernel in reference_kernels()}
    assert listed == {name for _, name in declared_kernels()}
    assert not [name for name in listed if name.endswith(("_dsp", "_mve", "_rx"))]
    files = {kernel.source.name: kernel.name for kernel in reference_kernels()}
    assert len(files) > 40
    told: dict[str, list[str]] = {}
    for name in files.values():
        file, told[file.name] = copy_kernel(name, tmp_path / "kernels")
    sources = [str(tmp_path / "kernels" / name) for name in files]
    command = ["gcc", "-std=c11", "-O0", "-c", "-I", str(include), *sources]
    subprocess.run(command, cwd=tmp_path, check=True)
    for name, kernels in told.items():
        library = tmp_path / f"{name}.a"
        subprocess.run(["ar", "rcs", library, tmp_path / f"{Path(name).stem}.o"], check=True)
        assert set(kernels) <= archive_names(library), name
