"""The table ``tool`` of a board of kind ``command``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.project.target import Target


BOARD = '[ours]\nkind = "command"\nruntime = "tool"\nmetrics = ["flash"]\n'
TOOL = '[ours.tool]\nparser = "size"\nanalyze = ["make", "{model}", "--port={port}"]\n'
VALUES = '[ours.tool.values]\nport = "/dev/ttyACM0"\n'


@pytest.fixture
def boards(tmp_path: Path) -> Callable[..., dict[str, Board]]:
    def load(text: str) -> dict[str, Board]:
        (tmp_path / "boards.toml").write_text(text)
        return load_boards([tmp_path / "boards.toml"])

    return load


def test_a_board_is_read_with_its_tool(
    boards: Callable[..., dict[str, Board]], tmp_path: Path
) -> None:
    board = boards(BOARD + TOOL + VALUES)["ours"]
    assert board.target is Target.TOOL
    assert board.tool is not None
    assert board.tool.commands == {"analyze": ("make", "{model}", "--port={port}")}
    assert board.tool.filled(board.tool.analyze, {"model": "m"})[1:] == ["m", "--port=/dev/ttyACM0"]
    assert board.tool.directory == str(tmp_path)


def test_a_board_changes_single_keys_of_another_s_tool(
    boards: Callable[..., dict[str, Board]],
) -> None:
    more = '[other]\nbase = "ours"\n[other.tool.values]\nport = "COM3"\n'
    other = boards(BOARD + TOOL + VALUES + more)["other"]
    assert other.tool is not None
    assert dict(other.tool.values) == {"port": "COM3"}
    assert other.tool.analyze == ("make", "{model}", "--port={port}")


def test_a_baseline_holds_no_path_of_this_computer(boards: Callable[..., dict[str, Board]]) -> None:
    tool = TOOL.replace('"make"', '"/opt/vendor/bin/make"').replace("--port={port}", "{port}")
    board = boards(BOARD + tool + VALUES)["ours"]
    assert board.tool is not None
    assert board.tool.settings == "analyze: make {model} ttyACM0"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOARD, "needs a table 'tool' with parser, and at least one of the commands"),
        (
            BOARD + TOOL,
            r"analyze has \{port\}; there are \{model\}, .* in the table 'values'",
        ),
        (BOARD + TOOL.replace('"size"', '"sizes"') + VALUES, "parser 'sizes' is not known"),
        (BOARD + '[ours.tool]\nparser = "size"\n', "has no command; add at least one of analyze"),
        (BOARD + '[ours.tool]\nanalyze = ["make"]\n', "key 'parser' is missing"),
        (BOARD + TOOL + "analyse = []\n" + VALUES, "unknown key 'analyse'"),
        (BOARD + TOOL.replace('["make", ', '[" ", ') + VALUES, "'analyze' names no program"),
        (BOARD + TOOL.replace('["make"', '[1, "make"') + VALUES, r"analyze\[0\]' must be a string"),
        (BOARD + TOOL + "seconds = -1\n" + VALUES, "'seconds' must not be negative"),
        (BOARD + TOOL + 'validates_on = "board"\n' + VALUES, "needs a command 'validate'"),
        (BOARD + TOOL + 'validates_on = "moon"\n' + VALUES, "validates_on 'moon' is not known"),
        (
            BOARD + TOOL + '[ours.tool.values]\nmodel = "x"\n',
            "placeholder that every command has",
        ),
        (BOARD + TOOL + '[ours.tool.values]\n"a-b" = "x"\n', "'a-b' is no name"),
        (BOARD + TOOL + "[ours.tool.values]\nport = 3\n", "key 'port' must be a string"),
    ],
)
def test_a_tool_that_cannot_be_followed_is_refused_by_key(
    boards: Callable[..., dict[str, Board]], text: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        boards(text)
