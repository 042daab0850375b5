"""What is wrong with the input or the bench is said in one line, and nothing is lost.

Everything is real here: files are damaged on disk, programs are missing from the PATH. A wrong
model fails its tests, trouble with the bench is an error, a wrong name stops the run (exit 4).
"""

from __future__ import annotations

import os
import re
import shutil
import struct
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest
import tflite

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


REPOSITORY = Path(__file__).parents[2]
BOARD = "nucleo-l4r5zi"
HOST = ("--board", "host")
FC = ("--model", "fc_1", "--scheme", "int8-only")


@pytest.fixture(scope="session")
def mean_model(cache_root: Path) -> bytes:
    """A .tflite file whose operator MEAN has two inputs: cnn_1, converted."""
    model = load_model(REPOSITORY / "models" / "cnn_1.toml")
    return convert(model, SCHEMES["int8-only"], Cache(cache_root)).read()


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A project with fc_1 and its baselines."""
    real_project.add_zoo("fc_1")
    for file in ("host/host/fc_1-int8-only.json", f"{BOARD}/emulator/fc_1-int8-only.json"):
        target = real_project.root / "baselines" / file
        target.parent.mkdir(parents=True)
        shutil.copy(REPOSITORY / "baselines" / file, target)
    return real_project


def expect(
    project: RealProject, arguments: Sequence[str], line: str, **outcomes: Any
) -> pytest.RunResult:
    """Run, expect `line` (a regular expression) and no traceback, and that no file changes."""
    before = project.tree()
    result = project.run(*arguments, "--tq-update-baselines=new")
    if outcomes:
        result.assert_outcomes(**outcomes)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
    else:
        assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [text for text in (*result.outlines, *result.errlines) if re.fullmatch(line, text)]
    assert lines, line
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*.py:[0-9]*: *")
    result.stderr.no_fnmatch_line("*Traceback*")
    assert project.tree() == before
    return result


# ---- Models ----


def add_model(project: RealProject, data: bytes) -> None:
    (project.root / "models" / "bad.tflite").write_bytes(data)


def with_two_inputs(data: bytes) -> bytes:
    """Let the axes of the operator MEAN be an input of the graph instead of a constant."""
    changed = bytearray(data)
    subgraph = tflite.Model.GetRootAs(changed).Subgraphs(0)
    operators = map(subgraph.Operators, range(subgraph.OperatorsLength()))
    axes = next(op for op in operators if op.InputsLength() == 2).Inputs(1)
    tensor = subgraph.Tensors(axes)
    struct.pack_into("<I", changed, tensor._tab.Pos + tensor._tab.Offset(8), 0)
    # A new vector at the end, to which the graph's field is a relative reference.
    inputs = (subgraph.Inputs(0), axes)
    changed += bytes(-len(changed) % 4)
    field = subgraph._tab.Pos + subgraph._tab.Offset(6)
    struct.pack_into("<I", changed, field, len(changed) - field)
    return bytes(changed) + struct.pack("<3i", 2, *inputs)


def with_unknown_operator(data: bytes) -> bytes:
    """Let MEAN be REDUCE_PROD."""
    changed = bytearray(data)
    model = tflite.Model.GetRootAs(changed)
    for index in range(model.OperatorCodesLength()):
        code = model.OperatorCodes(index)
        if code.BuiltinCode() == tflite.BuiltinOperator.MEAN:
            for slot, layout in ((4, "<b"), (10, "<i")):
                position = code._tab.Pos + code._tab.Offset(slot)
                struct.pack_into(layout, changed, position, tflite.BuiltinOperator.REDUCE_PROD)
    return bytes(changed)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda data: b"\0" * len(data), "ModelError: bad-unreadable-host: .*"),
        (lambda data: data[: len(data) // 2], "ModelError: bad-unreadable-host: .*"),
        (
            with_two_inputs,
            "ModelError: bad-int8-host: .* is int32 without a scale, .*",
        ),
        (with_unknown_operator, "UnsupportedModelError: bad-int8-only-host: .*REDUCE_PROD.*"),
    ],
    ids=["corrupt", "truncated", "an input without a scale", "operator without a kernel"],
)
def test_a_model_file_that_cannot_be_run_fails_its_tests(
    project: RealProject, mean_model: bytes, damage: Callable[..., Any], line: str
) -> None:
    add_model(project, damage(mean_model))
    expect(project, ("--model", "bad", *HOST), line, failed=2)


def test_an_operator_without_a_kernel_fails_on_the_emulated_board(
    project: RealProject, mean_model: bytes
) -> None:
    add_model(project, with_unknown_operator(mean_model))
    line = f"UnsupportedModelError: bad-int8-only-{BOARD}: .*REDUCE_PROD.*"
    expect(project, ("--model", "bad", "--board", BOARD), line, failed=4)


def test_a_key_that_no_model_has_stops_the_run(project: RealProject) -> None:
    file = project.root / "models" / "fc_1.toml"
    file.write_text(file.read_text().replace("[model]", "[model]\nuse_batch_norm = true"))
    expect(project, HOST, r"ERROR: .*fc_1\.toml: .*unknown key 'use_batch_norm' .*known keys: .*")


# ---- Names ----


@pytest.mark.parametrize(
    ("option", "name", "known"),
    [("--board", "nucleo", BOARD), ("--scheme", "int9", "int8-only"), ("--model", "fc_9", "fc_1")],
)
def test_an_unknown_name_stops_the_run_and_lists_the_known_ones(
    project: RealProject, option: str, name: str, known: str
) -> None:
    line = rf"ERROR: {option}: unknown {option[2:]} '{name}' \(closest: .*\b{known}\b.*"
    expect(project, (option, name), line)


# ---- Baselines ----


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"(?s)\A(.{300}).*", r"\1"),
        (r'("mae": \{[^}]*"value": )([\d.]+)', r'\1"\2"'),
    ],
    ids=["truncated", "a string for a number"],
)
def test_a_damaged_baseline_fails_every_test_that_needs_it(
    project: RealProject, pattern: str, replacement: str
) -> None:
    file = project.root / "baselines/host/host/fc_1-int8-only.json"
    text, count = re.subn(pattern, replacement, file.read_text())
    assert count == 1
    file.write_text(text)
    line = r"BaselineError: fc_1-int8-only-host: .*fc_1-int8-only\.json.* Restore the file from .*"
    expect(project, (*FC, *HOST), line, failed=2)


def test_a_baseline_with_a_negative_count_fails_every_test_that_needs_it(
    project: RealProject,
) -> None:
    file = project.root / f"baselines/{BOARD}/emulator/fc_1-int8-only.json"
    text, count = re.subn(r'"count": ', '"count": -', file.read_text(), count=1)
    assert count == 1
    file.write_text(text)
    line = rf"BaselineError: fc_1-int8-only-{BOARD}: .*fc_1-int8-only\.json.*count.*"
    expect(project, (*FC, "--board", BOARD), line, failed=4)


# ---- The bench ----


@pytest.fixture
def programs(project: RealProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is all of the PATH, with links to what the firmware is built with."""
    directory = project.root / "bin"
    directory.mkdir()
    for folder in map(Path, os.environ["PATH"].split(os.pathsep)):
        found = [*folder.glob("arm-none-eabi-*"), folder / "setpriv", folder / "qemu-system-arm"]
        for program in found:
            link = directory / program.name
            if program.is_file() and not link.exists():
                link.symlink_to(program)
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.mark.parametrize(
    ("program", "package"),
    [("arm-none-eabi-gcc", "gcc-arm-none-eabi"), ("qemu-system-arm", "qemu-system-arm")],
)
def test_a_missing_program_is_an_error_that_says_how_to_install_it(
    project: RealProject, programs: Path, program: str, package: str
) -> None:
    (programs / program).unlink()
    line = (
        rf"ToolchainNotFoundError: fc_1-int8-only-{BOARD}: {program} .*\bapt(-get)? install "
        f"{package}.*"
    )
    expect(project, (*FC, "--board", BOARD), line, errors=4)


def test_an_emulator_that_dies_is_an_error_with_its_last_words(
    project: RealProject, programs: Path
) -> None:
    emulator = programs / "qemu-system-arm"
    emulator.unlink()
    machines = "echo 'Supported machines are:'; echo 'mps2-an386 an M4'; exit 0"
    lists = f'case "$*" in "-M help") {machines};; esac'
    emulator.write_text(f"#!/bin/sh\n{lists}\necho 'no memory left' >&2\nexit 3\n")
    emulator.chmod(0o755)
    line = rf"EmulatorDiedError: fc_1-int8-only-{BOARD}: qemu-system-arm ended with exit code 3"
    result = expect(project, (*FC, "--board", BOARD), line, errors=4)
    # Four tests fail for one cause; it is told once.
    assert result.outlines.count(line) == result.outlines.count("  it said: no memory left") == 1


def test_a_cache_that_cannot_be_written_is_an_error(
    project: RealProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs the tests may be root, who may write to read-only directories.
    file = project.root / "file"
    file.touch()
    monkeypatch.setenv("TINYQUANT_CACHE", str(file / "cache"))
    line = "CacheError: fc_1-int8-only-host: .*/file/cache: cannot write .*TINYQUANT_CACHE.*"
    expect(project, (*FC, *HOST), line, errors=2)


# ---- Own kernels ----


def test_own_kernels_that_replace_nothing_are_an_error(project: RealProject) -> None:
    (project.root / "boards.toml").write_text(f'[{BOARD}]\nkernels = "./kernels"\n')
    (project.root / "kernels").mkdir()
    kernel = '#include "tq_kernels.h"\nvoid tq_softmax_s8_fast(const void *params);\n'
    kernel += "void tq_softmax_s8_fast(const void *params) { (void)params; }\n"
    (project.root / "kernels" / "softmax.c").write_text(kernel)
    line = (
        rf"ConfigurationError: fc_1-int8-only-{BOARD}: the kernels of {BOARD}: .*/kernels replace "
        r"no kernel: they define tq_softmax_s8_fast \(closest: tq_softmax_s8\b.*"
    )
    expect(project, (*FC, "--board", BOARD), line, failed=4)
