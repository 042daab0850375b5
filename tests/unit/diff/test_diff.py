"""``tinyquant diff``: runs, images, baselines and revisions are read and compared."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.baselines import schema
from pytest_tinyquant.cli.main import main
from pytest_tinyquant.diff.changes import Change
from pytest_tinyquant.diff.changes import compare_measurements
from pytest_tinyquant.measure.measurement import ArenaTensor
from pytest_tinyquant.measure.measurement import Measurement
from pytest_tinyquant.metrics.metric import Metric
from pytest_tinyquant.metrics.metric import NumberClass


@pytest.fixture(autouse=True)
def plain_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def slower(change: Callable[..., Measurement]) -> Measurement:
    """The recorded measurement with a slower layer, a larger kernel and one more tensor."""
    recorded = change()
    ops = list(recorded.ops)
    ops[3] = type(ops[3])(ops[3].label, ops[3].kernel, ops[3].output_shape, 2_570_884)
    return change(
        latency_invoke=5_237_996,
        flash_total=61_540,
        ops=tuple(ops),
        symbols={"tq_conv_2d_s8": 1_304, "tq_fully_connected_s8": 480, "tq_extra": 8},
        arena_tensors=(*recorded.arena_tensors, ArenaTensor("scratch", 64)),
    )


def write(measurement: Measurement, root: Path) -> Path:
    path = root / measurement.board / measurement.target / f"{measurement.model}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(schema.dump(measurement))
    return path


def rows(changes: tuple[Change, ...]) -> Any:
    return [(change.name, change.before, change.after) for change in changes]


def test_every_change_is_listed_largest_first(recorded: Measurement, slower: Measurement) -> None:
    difference = compare_measurements("x", recorded, slower)
    assert rows(difference.numbers) == [
        ("latency invoke", 4_867_112, 5_237_996),
        ("flash total", 61_440, 61_540),
    ]
    assert rows(difference.operators) == [("conv2d[3] 16x16x32", 2_200_000, 2_570_884)]
    assert rows(difference.symbols) == [
        ("tq_conv_2d_s8", 1_204, 1_304),
        ("tq_invoke", 64, None),
        ("tq_extra", None, 8),
    ]
    assert rows(difference.tensors) == [("scratch", None, 64)]


@pytest.mark.parametrize(
    ("unit", "number_class"), [("instructions", "estimated"), ("cycles", "exact")]
)
def test_numbers_of_two_kinds_have_no_difference(
    recorded: Measurement, change: Callable[..., Measurement], unit: str, number_class: NumberClass
) -> None:
    other = change(latency_invoke=Metric(5_000_000, unit, number_class))
    found = compare_measurements("x", recorded, other).numbers
    assert [(c.before, c.after, c.unit, c.about) for c in found] == [
        (4_867_112, None, "instructions", "exact"),
        (None, 5_000_000, unit, number_class),
    ]


def test_equal_measurements_do_not_differ(recorded: Measurement) -> None:
    assert not compare_measurements("x", recorded, recorded)


def test_two_baseline_files(
    recorded: Measurement, slower: Measurement, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(write(m, tmp_path / side)) for m, side in ((recorded, "a"), (slower, "b"))]
    assert main(["diff", *files]) == 1
    output = capsys.readouterr().out
    assert "conv2d[3] 16x16x32" in output
    assert "+370,884 +16.86 %" in output
    assert "new" in output
    assert "gone" in output


def test_equal_sides_end_with_status_0(
    recorded: Measurement, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(write(recorded, tmp_path))
    assert main(["diff", file, file]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no difference"


def test_directories_and_json(
    recorded: Measurement,
    slower: Measurement,
    change: Callable[..., Measurement],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(recorded, tmp_path / "a")
    write(slower, tmp_path / "b")
    write(change(model="fc_1"), tmp_path / "b")
    (tmp_path / "b" / "nucleo-l4r5zi" / "emulator" / "noise.json").write_text("{}")
    (tmp_path / "b" / "published").mkdir()
    (tmp_path / "b" / "published" / "figures.json").write_text("{}")
    assert main(["diff", "a", "b", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    names = {d["name"]: d for d in document["differences"]}
    assert names["fc_1-int8-only-nucleo-l4r5zi emulator"]["only_in"] == "B"
    changed = names["cnn_4-int8-only-nucleo-l4r5zi emulator"]
    assert changed["operators"][0]["after"] == 2_570_884


def test_revisions_stand_for_their_baselines(
    recorded: Measurement, slower: Measurement, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)

    git("init", "--quiet")
    for measurement in (recorded, slower):
        path = write(measurement, tmp_path / "baselines")
        git("add", ".")
        git("commit", "--quiet", "--message", "baselines")
    assert main(["diff", "HEAD~1", "HEAD"]) == 1
    assert "tq_extra" in capsys.readouterr().out
    assert main(["diff", "HEAD"]) == 0, "the working tree is the other side by default"
    within = path.relative_to(tmp_path).as_posix()
    assert main(["diff", f"HEAD~1:{within}", within]) == 1


def test_runs_are_compared_by_their_measurements(
    recorded: Measurement, slower: Measurement, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, measurement in (("a.json", recorded), ("b.json", slower)):
        combination = {"measurement": measurement.to_json()}
        document = {"format": 1, "combinations": {measurement.combination: combination}}
        (tmp_path / name).write_text(json.dumps(document))
    assert main(["diff", "a.json", "b.json"]) == 1
    assert "scratch" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no json", "neither an image (ELF) nor JSON"),
        (b'{"combinations": {}}', "holds no measurements"),
        (b'{"combinations": {"x": {"measurement": {"model": "x"}}}}', "of another version"),
        (b"{}", "format is None"),
        (b"\x7fELF and no more", "cannot be read as a firmware image"),
    ],
)
def test_what_cannot_be_read_is_trouble(
    content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert main(["diff", "file", "file"]) == 2
    assert says in capsys.readouterr().err


def test_what_is_not_there_is_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "before.json", "after.json"]) == 2
    assert "before.json: no such file or directory, and " in capsys.readouterr().err


def test_files_of_two_boards_are_compared_by_model_and_scheme(
    recorded: Measurement,
    change: Callable[..., Measurement],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = change(board="nucleo-tflm", symbols={"_ZN6tflite8EvalInt8Ev": 1_000, "main": 100})
    files = [str(write(m, tmp_path)) for m in (recorded, other)]
    assert main(["diff", *files]) == 1
    shown = capsys.readouterr().out
    assert "cnn_4-int8-only" in shown
    assert "tflite::EvalInt8" in shown


def test_sides_without_a_common_combination(
    recorded: Measurement,
    change: Callable[..., Measurement],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [str(write(m, tmp_path)) for m in (recorded, change(model="fc_1"))]
    assert main(["diff", *files]) == 2
    assert "no combination in common" in capsys.readouterr().err
