"""``tinyquant board add``: what pyOCD finds becomes rows of a boards.toml."""

from __future__ import annotations

import contextlib
import errno
import tomllib
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from pytest_tinyquant.cli import add_board
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.system import atomic


if TYPE_CHECKING:
    from tests.conftest import EmulatedBench


OLD = "# my boards, do not lose this\n[other]\nbase = 'rp2040' # nor this\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    project = tmp_path / "project"
    (project / "models").mkdir(parents=True)
    monkeypatch.chdir(project)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (project / "boards.toml").write_text(OLD)
    return project


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
    assert sorted(file.name for file in project.iterdir()) == ["boards.toml", "models"]
    assert (project / "boards.toml").read_text() == OLD


def test_a_name_that_is_taken_is_refused(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(1)
    for name in ("other", "rp2040"):  # The second is built in; a table would change that one.
        assert main(["board", "add", name, "--target", "nrf52840"]) == 1
        assert f"there is a board {name!r} already" in capsys.readouterr().err
    assert (project / "boards.toml").read_text() == OLD


def test_a_second_add_of_the_same_probe_names_the_row_that_it_has(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(1)
    assert main(["board", "add", "mine", "--target", "nrf52840"]) == 0
    text = (project / "boards.toml").read_text()
    for place in ([], ["--user"], ["--file", "more.toml"]):
        assert main(["board", "add", "again", "--target", "nrf52840", *place]) == 1
        said = " ".join(capsys.readouterr().err.split())
        assert "the probe QEMU1 is that of" in said
        assert "boards.toml: [[bench]] 1 ('mine') already: pytest --board mine" in said
    assert (project / "boards.toml").read_text() == text
    assert not (project / "more.toml").exists()


def test_the_rows_go_into_the_user_s_own_file_or_another(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(2)
    user = project.parent / "config" / "pytest-tinyquant" / "boards.toml"
    chip = ["--target", "nrf52840", "--probe"]
    assert main(["board", "add", "mine", *chip, "QEMU1", "--user"]) == 0
    assert list(tomllib.loads(user.read_text())) == ["mine", "bench"]
    assert str(user) in capsys.readouterr().out
    assert main(["board", "add", "second", *chip, "QEMU2", "--file", "more.toml"]) == 0
    assert list(tomllib.loads((project / "more.toml").read_text())) == ["second", "bench"]
    assert (project / "boards.toml").read_text() == OLD


def test_below_the_project_the_rows_go_to_the_project_s_file(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    emulated_bench(1)
    monkeypatch.chdir(project / "models")
    assert main(["board", "add", "mine", "--target", "nrf52840"]) == 0
    assert "[mine]" in (project / "boards.toml").read_text()
    assert list((project / "models").iterdir()) == []


def test_a_file_that_may_not_be_written_says_which_other_will_do(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    emulated_bench(1)
    # Whoever runs this may be root, whom no mode of a directory keeps out.
    monkeypatch.setattr(atomic, "write_text", refuse)
    assert main(["board", "add", "mine", "--target", "nrf52840"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "boards.toml cannot be written (Permission denied); make" in said
    assert "choose another file with --file or, for all your projects, --user" in said
    assert (project / "boards.toml").read_text() == OLD


# ---- what other probes say, played: pyOCD's own table of boards, CPUIDs by Arm's manuals ----

PROBES = [
    # pyOCD's board id, CPUID, MVFR0, core and target that are to be written.
    ("1102", 0x410FC241, 0x10110021, "cortex-m4f", "nrf52840"),
    ("0796", 0x410FC241, 0x10110021, "cortex-m4f", "stm32f429xi"),
    ("1101", 0x410FC241, 0x10110021, "cortex-m4f", "nrf52"),
    ("1100", 0x410CC200, 0, "cortex-m0plus", "nrf51"),
    ("0790", 0x410CC601, 0, "cortex-m0plus", "stm32l031x6"),
    ("0240", 0x410FC241, 0x10110021, "cortex-m4f", "k64f"),
]


@pytest.mark.parametrize(("board_id", "cpuid", "mvfr0", "core", "target"), PROBES)
def test_a_probe_that_is_part_of_a_known_board_needs_no_target(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    board_id: str,
    cpuid: int,
    mvfr0: int,
    core: str,
    target: str,
) -> None:
    from pyocd.board.board_ids import BOARD_ID_TO_INFO
    from pyocd.probe.aggregator import DebugProbeAggregator

    info = BOARD_ID_TO_INFO[board_id]
    played = [
        SimpleNamespace(
            unique_id=f"{board_id}0000{more}",
            vendor_name=info.vendor or "Arm",
            product_name=f"{info.name} CMSIS-DAP",
            associated_board_info=told,
        )
        # pyOCD finds the second by the first one's id as well: it takes a part for the whole.
        for more, told in (("77", None), ("7", info))
    ]

    def connected(unique_id: str | None = None) -> list[SimpleNamespace]:
        return [probe for probe in played if (unique_id or "") in probe.unique_id]

    monkeypatch.setattr(DebugProbeAggregator, "get_all_connected_probes", connected)

    @contextlib.contextmanager
    def registers(probe: str) -> Iterator[SimpleNamespace]:
        values = {0xE000ED00: cpuid, 0xE000EF40: mvfr0}
        yield SimpleNamespace(read=lambda address, size: values[address].to_bytes(size, "little"))

    monkeypatch.setattr(add_board, "_connected", registers)
    assert main(["board", "add", "mine", "--probe", f"{board_id}00007"]) == 0
    rows = tomllib.loads((project / "boards.toml").read_text())
    assert rows["mine"] == {"core": core, "pyocd_target": target}
    assert rows["bench"] == [{"name": "mine", "type": "mine", "probe": f"{board_id}00007"}]


def test_a_core_that_is_not_known_is_told_by_its_number(
    emulated_bench: Callable[[int], EmulatedBench],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    emulated_bench(1)

    @contextlib.contextmanager
    def registers(probe: str) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(read=lambda address, size: (0x411FD230).to_bytes(4, "little"))

    monkeypatch.setattr(add_board, "_connected", registers)
    assert main(["board", "add", "mine", "--target", "nrf52840"]) == 1
    assert "(CPUID 0x411fd230) is none that is known here" in capsys.readouterr().err
