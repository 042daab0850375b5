"""What firmware/engine/README.md says of assembler and macros."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_tinyquant.firmware.sources import firmware_sources


SOURCES = firmware_sources()
ASSEMBLER = sorted(SOURCES.rglob("*.S"))
C = sorted(path for suffix in ("*.c", "*.h", "*.cc") for path in SOURCES.rglob(suffix))

#: Structs that assembler reads, with the file that does.
SHARED = {
    "tq_convolve_block": "convolve.S",
    "tq_convolve_move": "convolve.S",
    "tq_conv_s8_dsp_channel": "convolve.S",
    "tq_conv_s16_dsp_pair": "convolve.S",
    "tq_gather_rows": "gather.S",
    "tq_depthwise_block": "depthwise.S",
    "tq_depthwise_dsp_channel": "depthwise.S",
    "tq_dense_s8": "dense_groups_s8.S",
    "tq_dense_s16": "dense_groups_s16.S",
    "tq_runs_f32": "runs_f32.S",
    "tq_taps_f32": "taps_f32.S",
    "tq_block_f32": "block_f32.S",
    "tq_depthwise_table": "depthwise_rows.S",
    "tq_depthwise_row": "depthwise_rows.S",
    "tq_channels_rx": "channels_s8.S",
    "tq_channel_rx": "channels_s8.S",
    "tq_frame": "start.S",
    "tq_reading": "timed_call.S",
}


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(SOURCES)) for path in paths]


@pytest.mark.parametrize("path", ASSEMBLER, ids=names(ASSEMBLER))
def test_assembler_is_written_one_way(path: Path) -> None:
    lines = path.read_text().splitlines()
    code = _without_comments(path.read_text())
    assert lines[0] == "/*", "the first thing is the comment about the whole file"
    comments = "".join(re.findall(r"/\*.*?\*/", path.read_text(), flags=re.DOTALL))
    registers = re.search(r"^ \*   (r\d|s\d)|\br1\b", comments, flags=re.MULTILINE)
    assert registers, "it says what each register holds"
    wrong = [line for line in code if re.match(r" *\d+:", line)]
    assert not wrong, "labels have names, .Lwords"
    wrong = [line for line in code if re.match(r"\s*\.(macro|endm|equ|if|else|endif)\b", line)]
    assert all(not line.startswith(" ") for line in wrong), "at the margin"
    wrong = [line for line in code if line.startswith("    ") or "\t" in line]
    assert not wrong, "two spaces"


def _without_comments(text: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize(("struct", "file"), SHARED.items(), ids=SHARED)
def test_every_member_that_assembler_reads_is_asserted(struct: str, file: str) -> None:
    assert any(path.name == file for path in ASSEMBLER)
    (body,) = [
        found[1]
        for path in C
        for found in re.finditer(
            rf"typedef struct {struct} \{{(.*?)\n\}} {struct};", path.read_text(), re.DOTALL
        )
    ]
    body = re.sub(r"/\*.*?\*/|union \{|\};", "", body, flags=re.DOTALL)
    members = set(re.findall(r"(\w+)(?:\[[^]]*\])*;", body))
    assert members
    text = "\n".join(path.read_text() for path in C)
    asserted = set(re.findall(rf'offsetof\({struct}, (\w+)\) == \d+,\s*"{re.escape(file)}"', text))
    assert members == asserted


def test_assembler_that_names_a_header_reads_no_struct_beyond_these() -> None:
    """A new .S file has to say here which structs it shares."""
    known = set(SHARED.values())
    shares = {
        path.name
        for path in ASSEMBLER
        if re.search(r"const (tq_\w+) \*\w+[,)]", path.read_text().partition("*/")[0])
    }
    assert shares
    assert shares <= known


@pytest.mark.parametrize("path", C, ids=names(C))
def test_no_argument_of_a_macro_has_a_side_effect(path: Path) -> None:
    """A macro may use its argument several times, or never."""
    calls = re.findall(r"\b([A-Z][A-Z0-9_]{2,}\((?:[^()]|\([^()]*\))*\))", path.read_text())
    wrong = [call for call in calls if re.search(r"\+\+|--|[^=!<>]=[^=]", call)]
    assert not wrong
