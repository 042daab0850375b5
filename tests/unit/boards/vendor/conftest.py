"""Boards whose tool is played by a program beside this file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_builder import small_cnn

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import ReportedImage
from pytest_tinyquant.boards.vendor.image import Reporter
from pytest_tinyquant.models.tflite_reader import read_graph
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.cache import Cache


ANALYZE = '"{python}", "{here}/stedgeai_peer.py", "{mode}", "analyze", "--output", "{output}"'
VALIDATE = ANALYZE.replace("analyze", "validate") + ', "--valinput", "{samples}", "--mode", "%s"'
SAMPLES = 6


class Case:
    """As much of a checked case as a tool's board asks of one."""

    name = "net-int8-vendor"

    def __init__(self, board: Board, model: bytes) -> None:
        self.board = board
        self.graph = read_graph(model, where="net")


class Vendor:
    """A directory with a peer, a boards.toml and a model."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.model = small_cnn("int8")
        (root / "net.tflite").write_bytes(self.model)
        shutil.copy(Path(__file__).with_name("stedgeai_peer.py"), root)
        self.graph = read_graph(self.model, where="net")
        (output,) = (self.graph.tensors[index] for index in self.graph.outputs)
        shape = (SAMPLES, *output.shape[1:])
        generator = np.random.default_rng(1)
        self.outputs = generator.integers(-128, 128, shape, np.int8)
        np.save(root / "outputs.npy", self.outputs)
        (source,) = (self.graph.tensors[index] for index in self.graph.inputs)
        inputs = generator.integers(-128, 128, (SAMPLES, *source.shape[1:]), np.int8)
        self.image = HostImage(root / "net.tflite", [each.tobytes() for each in inputs])

    def board(self, tool: str, metrics: str = '"error", "flash", "ram", "macc"') -> Board:
        """Return the board that the lines of a tool table make."""
        (self.root / "boards.toml").write_text(
            '[vendor]\nkind = "command"\nruntime = "st-edge-ai"\n'
            f"metrics = [{metrics}]\n\n[vendor.tool]\n{tool}"
        )
        return load_boards([self.root / "boards.toml"])["vendor"]

    def stedgeai(
        self, mode: str, *, validate: str = "", metrics: str = "", more: str = ""
    ) -> Board:
        """Return a board whose tool is the peer.

        :param validate: ``host`` or ``target``; empty for analysis only.
        """
        lines = [
            'parser = "stedgeai"',
            'version = ["{python}", "{here}/stedgeai_peer.py", "{mode}", "--version"]',
            f"analyze = [{ANALYZE}]",
        ]
        if validate:
            lines.append(f"validate = [{VALIDATE % validate}]")
        if validate == "target":
            lines.append('validates_on = "board"')
        lines += [more, "[vendor.tool.values]", f'mode = "{mode}"']
        default = '"error", "flash", "ram", "macc"'
        return self.board("\n".join(lines) + "\n", metrics or default)

    def report(self, board: Board, *, timeout: float = 60.0) -> ReportedImage:
        """Return what the board's tool reports of the model."""
        reporter = Reporter(Cache(self.root / "cache"), timeout)
        case: Any = Case(board, self.model)
        return reporter.image(case, self.image)

    def calls(self) -> list[str]:
        """Return which commands the peer was asked for so far, its version not counted."""
        file = self.root / "calls"
        return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    """A fresh directory with a peer."""
    return Vendor(tmp_path)
