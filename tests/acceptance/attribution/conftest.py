"""A laboratory in which the engine is measured as it is, and with a mistake in it."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from pytest_tinyquant.baselines.compare import compare
from pytest_tinyquant.baselines.verdict import Verdict
from pytest_tinyquant.firmware import libraries as firmware
from pytest_tinyquant.firmware.sources import firmware_sources
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.tolerances import Tolerances
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.project.project import load_project
from pytest_tinyquant.project.settings import Settings
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.stages.investigation import Investigation
from pytest_tinyquant.stages.pipeline import Stages


REPOSITORY = Path(__file__).parents[3]
ENGINE = REPOSITORY / "firmware" / "engine"
REFERENCE = ENGINE / "kernels" / "reference"
KERNELS = ("conv_2d", "mean", "fully_connected", "softmax")
MODEL = "cnn_1"


class Laboratory:
    """Measures one model; images come from the cache, so that only the first run compiles them."""

    def __init__(self, root: Path, cache_root: Path) -> None:
        self.root = root
        settings = Settings(
            root=root,
            models_dir=REPOSITORY / "models",
            baselines_dir=root / "baselines",
            cache_dir=cache_root,
        )
        project = load_project(settings, root / "work")
        self.model = project.models[MODEL]
        self.boards = project.boards
        self.stages = Stages(project)
        self.sound: dict[tuple[Board, str], Measurement] = {}

    def with_kernels(self, board: str, directory: Path) -> Board:
        """Return the board with the kernels of a directory in place of its own."""
        return dataclasses.replace(self.boards[board], kernels=str(directory))

    def kernels(self, name: str) -> Path:
        """Return a directory with copies of the reference kernels that the model needs.

        What a convolution does with products and sums lies in headers beside it.
        """
        directory = self.root / name / "kernels"
        if not directory.is_dir():
            directory.mkdir(parents=True)
            for kernel in KERNELS:
                source = (REFERENCE / f"{kernel}.c").read_text()
                copy = directory / f"{kernel}.c"
                copy.write_text(source.replace("tq_reference.h", "tq_kernels.h"))
            for header in (ENGINE / "include").glob("tq_arithmetic_*.h"):
                shutil.copy(header, directory)
        return directory

    def firmware(self, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
        """Return a copy of the firmware's sources, which images are built from until the end."""
        sources = self.root / name / "firmware"
        shutil.copytree(firmware_sources(), sources)
        monkeypatch.setattr(firmware, "firmware_sources", lambda: sources)
        return sources

    def baseline(self, scheme: str, board: Board) -> Measurement:
        """Return what is measured without a mistake; to be asked for before one is made."""
        key = (board, scheme)
        if key not in self.sound:
            self.sound[key] = self.measure(scheme, board)
        return self.sound[key]

    def measure(self, scheme: str, board: Board) -> Measurement:
        """Return what the sources as they are now make the board measure."""
        return self.stages.measure(Case(self.model, SCHEMES[scheme], board))

    def judge(
        self, metric: str, scheme: str, board: Board, baseline: Measurement, current: Measurement
    ) -> Verdict:
        """Return the verdict with its causes."""
        verdict = compare(metric, baseline, current, Tolerances({}, {}), "baseline")
        investigation = Investigation(self.stages, Case(self.model, SCHEMES[scheme], board))
        return investigation.explain(verdict, current, baseline)

    @staticmethod
    def edit(file: Path, function: str, old: str, new: str) -> None:
        """Replace ``old`` in one function or macro of a source file, C or assembler."""
        text = file.read_text()
        beginnings = (
            f"void {function}(",
            # A function that a template becomes, or what a template is given.
            f"#define KERNEL {function}\n",
            f"#define {function}(",
            f".macro {function} ",
            f".macro {function}\n",
        )
        for beginning in beginnings:
            head, start, body = text.partition(beginning)
            if start:
                assert old in body, f"{old!r} is not in {function}"
                file.write_text(head + start + body.replace(old, new, 1))
                return
        raise AssertionError(f"{function} is not in {file}")


@pytest.fixture(scope="session")
def laboratory(tmp_path_factory: pytest.TempPathFactory, cache_root: Path) -> Laboratory:
    """The laboratory of this run: what is sound is measured once."""
    return Laboratory(tmp_path_factory.mktemp("laboratory"), cache_root)
