"""A test that says nothing does not pass: each guard, as the user meets it."""

from __future__ import annotations

import json
import shutil
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tflite
from played_project import Bench

from pytest_tinyquant.models.discovery import load_model
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


if TYPE_CHECKING:
    from tests.acceptance.conftest import RealProject


REPOSITORY = Path(__file__).parents[2]
BOARD = "nucleo-l4r5zi"
ONE = ("--model=cnn_4", "--scheme=int8-only", f"--board={BOARD}")
COMBINATION = f"cnn_4-int8-only-{BOARD}"

# Stands between the device and the rest: changes what a run on it yielded.
RECORD = """
import dataclasses

from pytest_tinyquant.stages.pipeline import Stages

run = Stages.run

def changed(self, device, case):
    record = run(self, device, case)
    outputs = record.outputs
    return dataclasses.replace(record, {change})

Stages.run = changed
"""


@pytest.fixture
def project(real_project: RealProject) -> RealProject:
    """A project with fc_1 and its baselines; the run goes through every stage."""
    real_project.add_zoo("fc_1")
    for target in ("host/host", f"{BOARD}/emulator"):
        folder = real_project.root / "baselines" / target
        folder.mkdir(parents=True)
        for file in (REPOSITORY / "baselines" / target).glob("fc_1-*.json"):
            shutil.copy(file, folder)
    return real_project


def test_the_project_passes_as_it_is(project: RealProject) -> None:
    result = project.run("--model", "fc_1", "--scheme", "basic,int8-only", "--board", "host")
    result.assert_outcomes(passed=4)


def test_a_scheme_without_effect(project: RealProject) -> None:
    result = project.run("--model", "fc_1", "--scheme", "dynamic", "--board", "host")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["VacuousSchemeError: fc_1-dynamic-host: scheme 'dynamic' quantized nothing, every *"]
    )


def with_float_output_of(data: bytes, builtin: int) -> bytes:
    """Declare what an operator of an integer model writes to be float32."""
    changed = bytearray(data)
    model = tflite.Model.GetRootAs(changed)
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        if model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == builtin:
            table = graph.Tensors(operator.Outputs(0))._tab
            struct.pack_into("<b", changed, table.Pos + table.Offset(6), tflite.TensorType.FLOAT32)
    return bytes(changed)


def test_operators_left_in_float(project: RealProject, cache_root: Path) -> None:
    """A file with an operator in float32 is no integer-only one, whatever its inputs are."""
    cnn = load_model(REPOSITORY / "models" / "cnn_1.toml")
    data = convert(cnn, SCHEMES["int8-only"], Cache(cache_root)).read()
    mixed = with_float_output_of(data, tflite.BuiltinOperator.MEAN)
    (project.root / "models" / "mixed.tflite").write_bytes(mixed)
    result = project.run("--model", "mixed", "--board", "host")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "ConversionError: mixed-int8-host: *",
            "RuntimeError: *Node number 4 (FULLY_CONNECTED) failed to prepare.",
        ]
    )


def test_too_few_samples(project: RealProject) -> None:
    model = project.root / "models" / "fc_1.toml"
    model.write_text(model.read_text().replace("check_samples = 50", "check_samples = 3"))
    result = project.run("--model", "fc_1", "--scheme", "int8-only", "--board", "host")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*fc_1-int8-only-host: 3 check samples are too few *"])


@pytest.mark.parametrize(
    ("scheme", "change", "message"),
    [
        (
            "int8-only",
            "outputs=outputs[:1] * len(outputs)",
            "the device's output is the same for all 50 check samples while the reference varies *",
        ),
        (
            "basic",
            r"outputs=(b'\x00\x00\xc0\x7f', *outputs[1:])",
            "the device's output is nan at check sample 0, element 0 (1 of 50 values are not *",
        ),
        (
            "int8-only",
            "outputs=outputs[:-1]",
            "the device gave outputs for 49 of 50 check samples; run again, and read its log *",
        ),
    ],
    ids=["constant", "NaN", "one sample missing"],
)
def test_outputs_that_cannot_be_judged(
    project: RealProject, scheme: str, change: str, message: str
) -> None:
    project.pytester.makeconftest(RECORD.format(change=change))
    result = project.run("--model", "fc_1", "--scheme", scheme, "--board", "host")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines([f"InvalidOutputError: fc_1-{scheme}-host: {message}"])


def test_a_counter_that_stands_at_zero(project: RealProject) -> None:
    project.pytester.makeconftest(RECORD.format(change="counter=0, walk_counter=0"))
    result = project.run("--model", "fc_1", "--scheme", "int8-only", "--board", BOARD)
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        [f"ConsoleError: fc_1-int8-only-{BOARD}: the device counted 0 instructions *"]
    )


@pytest.mark.parametrize(
    ("recorded", "here"),
    [("exact", "estimated"), ("estimated", "exact"), ("estimated", "measured")],
)
def test_an_estimate_is_not_judged_as_a_measurement(bench: Bench, recorded: str, here: str) -> None:
    bench.says[COMBINATION] = {"class": recorded}
    bench.record(*ONE)
    bench.says[COMBINATION] = {"class": here}
    result = bench.run(*ONE)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(
        [
            f"{COMBINATION}  latency  1,500 * ({recorded}) -> 1,500 * ({here})  NOT COMPARABLE",
            f"  latency.invoke is {recorded} in the baseline and {here} here; numbers of diff*",
        ]
    )


def test_an_estimate_makes_no_gate_wider(bench: Bench) -> None:
    bench.says[COMBINATION] = {"class": "measured"}
    bench.record(*ONE)
    noise = {
        "class": "estimated", "model": "cnn_4", "scheme": "int8-only", "unit": "cycles",
        "toolchain": "gcc", "counts": [100, 200],
    }  # fmt: skip
    (bench.root / "baselines" / BOARD / "emulator" / "noise.json").write_text(json.dumps(noise))
    result = bench.run(*ONE, "-k", "latency")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["BaselineError: *noise.json: its counts are of class 'estimated'*"]
    )


def test_an_estimate_is_not_judged_against_an_estimate_either(bench: Bench) -> None:
    bench.says[COMBINATION] = {"class": "estimated"}
    bench.record(*ONE)
    result = bench.run(*ONE)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*is an estimate; estimates are reported, not judged*"])


def test_fewer_combinations_than_were_selected(bench: Bench) -> None:
    """Whatever takes selected tests out of the run: here a plugin that drops a model's."""
    bench.record("--scheme=int8-only", f"--board={BOARD}")
    bench.pytester.makeconftest(
        (bench.root / "conftest.py").read_text()
        + "\ndef pytest_runtest_protocol(item):\n    return 'cnn_1' in item.name or None\n"
    )
    result = bench.run("--scheme=int8-only", f"--board={BOARD}")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "tinyquant: selected tests that did not run: 4, the first of them "
            f"test_matrix.py::test_error[[]cnn_1-int8-only-{BOARD}]"
        ]
    )
