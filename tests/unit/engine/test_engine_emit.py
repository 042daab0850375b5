"""Generated C: deterministic, free of warnings, and the same for host and microcontroller."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pytest_tinyquant.engine.emit import emit
from pytest_tinyquant.engine.plan import plan
from pytest_tinyquant.models.tflite_reader import read_graph


INCLUDE = Path(__file__).resolve().parents[3] / "firmware" / "engine" / "include"
COMPILERS = {
    "gcc": ("-fPIC",),
    "arm-none-eabi-gcc": ("-mcpu=cortex-m4", "-mthumb"),
}


def _compile(compiler: str, sources: tuple[Path, ...], directory: Path) -> list[Path]:
    objects = []
    for source in sources:
        target = directory / f"{source.name}.o"
        command = [compiler, "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
        command += [*COMPILERS[compiler], f"-I{INCLUDE}", f"-I{source.parent}"]
        subprocess.run([*command, "-c", str(source), "-o", str(target)], check=True)
        objects.append(target)
    return objects


@pytest.mark.parametrize("compiler", [c for c in COMPILERS if shutil.which(c)])
@pytest.mark.parametrize("model", ["int8_cnn", "float_cnn"])
def test_generated_code_compiles_without_warnings(
    compiler: str, model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    emitted = emit(plan(read_graph(request.getfixturevalue(model)), name="cnn"), tmp_path)
    objects = _compile(compiler, emitted.sources, tmp_path)
    symbols = subprocess.run(
        ["nm", "--format=posix", *map(str, objects)], capture_output=True, text=True, check=True
    ).stdout
    for symbol, size in {
        "tq_arena": emitted.arena_bytes,
        "tq_weights": emitted.weights_bytes,
    }.items():
        rows = [line.split() for line in symbols.splitlines() if line.startswith(f"{symbol} ")]
        sizes = [int(row[3], 16) for row in rows if len(row) == 4 and row[1] in "BbRr"]
        assert sizes == [size]
    assert "tq_model_instance" in symbols


def test_the_same_plan_gives_the_same_bytes(int8_cnn: bytes, tmp_path: Path) -> None:
    for directory in ("a", "b"):
        emit(plan(read_graph(int8_cnn), name="cnn"), tmp_path / directory)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_the_file_says_where_it_comes_from(int8_cnn: bytes, tmp_path: Path) -> None:
    graph = read_graph(int8_cnn)
    emit(plan(graph, name="*/ #error"), tmp_path)
    text = (tmp_path / "tq_model.c").read_text()
    assert " * Model: * / #error\n" in text
    assert f" * SHA-256 of the .tflite file: {graph.sha256}\n" in text


def test_parameters_are_designated_initialisers(int8_cnn: bytes, tmp_path: Path) -> None:
    emit(plan(read_graph(int8_cnn), name="cnn"), tmp_path)
    text = (tmp_path / "tq_model.c").read_text()
    assert "static const tq_softmax_s8_params tq_model_params_3 = {\n" in text
    assert "    {tq_softmax_s8, &tq_model_params_3},\n" in text
    assert "    .output_count = 1,\n" in text


def test_a_model_that_only_reshapes_has_no_operator(builder: Any, tmp_path: Path) -> None:
    source, output = builder.tensor((2, 2)), builder.tensor((4,))
    builder.operator("RESHAPE", [source], [output], new_shape=(4,))
    emitted = emit(plan(read_graph(builder.build([source], [output]))), tmp_path)
    assert emitted.ops == ()
    assert ".ops = NULL" in (tmp_path / "tq_model.c").read_text()
    if shutil.which("gcc"):
        _compile("gcc", emitted.sources, tmp_path)
