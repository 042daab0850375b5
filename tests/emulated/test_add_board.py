"""``tinyquant board add``: what pyOCD finds becomes rows of a boards.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.cli.main import main


if TYPE_CHECKING:
    from tests.conftest import EmulatedBench


OLD = "# my boards, do not lose this\n[other]\nbase = 'rp2040' # nor this\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boards.toml").write_text(OLD)
    return tmp_path


def test_writes_what_is_attached_and_keeps_comments(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(1)
    assert main(["board", "add", "mine", "--target", "nrf52840"]) == 0
    text = (project / "boards.toml").read_text()
    assert text.startswith(OLD)
    rows = tomllib.loads(text)
    assert rows["mine"] == {"core": "cortex-m4f", "pyocd_target": "nrf52840"}
    assert rows["bench"] == [{"name": "mine", "type": "mine", "probe": "QEMU1"}]
    assert "now: pytest --board mine" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("probes", "arguments", "words"),
    [
        (2, ["--target", "nrf52840"], "several probes are attached: QEMU1"),
        (1, [], "the probe QEMU1 does not tell which chip is behind it"),
        (1, ["--probe", "QEMU7"], "no probe 'QEMU7' is attached; attached: QEMU1"),
        (1, ["--target", "nrf52841"], "no chip 'nrf52841' built in"),
    ],
)
def test_what_cannot_be_told_is_asked_for_and_nothing_is_written(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
    probes: int,
    arguments: list[str],
    words: str,
) -> None:
    emulated_bench(probes)
    assert main(["board", "add", *arguments]) == 1
    assert words in capsys.readouterr().err
    assert [file.name for file in project.iterdir()] == ["boards.toml"]
    assert (project / "boards.toml").read_text() == OLD


def test_a_name_that_is_taken_is_refused(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(1)
    assert main(["board", "add", "other", "--target", "nrf52840"]) == 1
    assert "there is a board 'other' already" in capsys.readouterr().err
