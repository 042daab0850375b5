"""Nothing of a shell reaches an image, a converted model or what a run on the host computes.

Each row is a variable that compilers, CMake, Python or TensorFlow obey, set so that it would show.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attack import NIGHTLY
from attack import parameters

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.host.host import HostDevice
from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.system.cache import Cache


#: Variable -> its value; {trap} is a directory of headers, programs and modules that do harm.
COMPILER: dict[str, str] = {
    "CFLAGS": "-fno-inline -fstack-protector-strong",
    "CXXFLAGS": "-O0",
    "ASMFLAGS": "-Wa,--defsym,TRAP=1",
    "LDFLAGS": "-Wl,--defsym=trap=1",
    "CPPFLAGS": "-DTQ_TRAP",
    "CC": "{trap}/bin/false",
    "CPATH": "{trap}/include",
    "C_INCLUDE_PATH": "{trap}/include",
    "CPLUS_INCLUDE_PATH": "{trap}/include",
    "GCC_EXEC_PREFIX": "{trap}/",
    "COMPILER_PATH": "{trap}/bin",
    "LIBRARY_PATH": "{trap}/lib",
    "GCC_COMPARE_DEBUG": "-fcompare-debug-not-overridden",
    "DEPENDENCIES_OUTPUT": "{trap}/depends",
    "SUNPRO_DEPENDENCIES": "{trap}/depends",
    "SOURCE_DATE_EPOCH": "1000000000",
    "CMAKE_C_COMPILER_LAUNCHER": "{trap}/bin/launcher",
    "CMAKE_GENERATOR": "Unix Makefiles",
    "CMAKE_TOOLCHAIN_FILE": "{trap}/none.cmake",
    "CMAKE_BUILD_TYPE": "Debug",
    "CMAKE_PREFIX_PATH": "{trap}",
    "CMAKE_EXPORT_COMPILE_COMMANDS": "junk",
    "CMAKE_CONFIG_TYPE": "Debug",
    "VERBOSE": "1",
    "NINJA_STATUS": "error: [%f/%t] ",
    "LC_ALL": "tr_TR.UTF-8",
    "LANGUAGE": "de",
    "HOME": "{trap}",
    "TMPDIR": "{trap}/tmp with = and blank",
    "LD_PRELOAD": "{trap}/none.so",
    "LD_LIBRARY_PATH": "{trap}/lib",
    "PATH": "{trap}/bin",
    "MAKEFLAGS": "-k -j1 -e",
    "COLLECT_NO_DEMANGLE": "1",
    "LTO": "1",
    "TZ": "Antarctica/Troll",
}

PYTHON: dict[str, str] = {
    "PYTHONPATH": "{trap}/modules",
    "PYTHONSTARTUP": "{trap}/modules/numpy.py",
    "PYTHONHASHSEED": "7",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "PYTHONNOUSERSITE": "",
    "PYTHONINSPECT": "1",
    "OMP_NUM_THREADS": "junk",
    "HOME": "{trap}",
    "KERAS_HOME": "{trap}/.keras",
    "KERAS_BACKEND": "jax",
    "TF_USE_LEGACY_KERAS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "XLA_FLAGS": "--no_such_flag",
    "NPY_PROMOTION_STATE": "weak_and_warn",
    "LD_PRELOAD": "{trap}/none.so",
}

_KERNEL = """
#include <stdint.h>
#include "tq_kernels.h"
#ifdef TQ_TRAP
#error the trap's macro
#endif
static int twice(int x) { return 2 * x; }
void tq_add_s8(const void *p) {
    *(volatile int *)p = twice(*(const char *)p) + sizeof __DATE__ + __DATE__[7];
}
"""

_MODEL = """
#include "tq_engine.h"
#include "tq_kernels.h"
extern const tq_model tq_model_instance;
__attribute__((section(".bss.tq_arena"), aligned(16))) uint8_t tq_arena[64];
static const tq_op ops[] = {{tq_add_s8, tq_arena}};
static const tq_buffer inputs[] = {{tq_arena, 8}};
static const tq_buffer outputs[] = {{tq_arena, 8}};
const tq_model tq_model_instance = {
    .ops = ops, .inputs = inputs, .outputs = outputs,
    .op_count = 1, .input_count = 1, .output_count = 1};
"""


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of things that harm whoever takes them."""
    trap = tmp_path_factory.mktemp("trap")
    for name in ("bin", "include", "lib", "modules", ".keras", "tmp with = and blank"):
        (trap / name).mkdir()
    for header in ("stdint.h", "string.h", "tq_kernels.h", "math.h"):
        (trap / "include" / header).write_text("#error the trap's header\n")
    for program in ("as", "ld", "cc1", "collect2", "ar", "false", "launcher", "arm-none-eabi-as"):
        (trap / "bin" / program).write_text("#!/bin/sh\nexit 1\n")
        (trap / "bin" / program).chmod(0o755)
    for module in ("numpy", "sitecustomize", "usercustomize", "json", "tflite_micro", "keras"):
        (trap / "modules" / f"{module}.py").write_text("raise SystemExit(9)\n")
    (trap / ".keras" / "keras.json").write_text('{"floatx": "float64", "backend": "jax"}')
    return trap


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Any]:
    """Build the image of a tiny model with an own kernel, in a cache of its own."""
    source = tmp_path_factory.mktemp("source")
    (source / "model").mkdir()
    (source / "kernels").mkdir()
    (source / "model" / "model.c").write_text(_MODEL)
    (source / "kernels" / "add.c").write_text(_KERNEL)
    board = load_boards([])["nucleo-l4r5zi"]
    board = Board(**{**vars(board), "kernels": str(source / "kernels")})
    emitted = EmittedModel(source / "model", (Path("model.c"),), 64, 0, ())

    def make(cache: Path) -> Any:
        find_toolchain.cache_clear()
        return build(emitted, board, [bytes(8)], Cache(cache), where="tiny-int8-nucleo-l4r5zi")

    return make


@pytest.fixture(scope="module")
def clean(image: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The image as this shell builds it."""
    return image(tmp_path_factory.mktemp("clean"))


def _set(monkeypatch: pytest.MonkeyPatch, trap: Path, variable: str, value: str) -> None:
    value = value.format(trap=trap)
    monkeypatch.setenv(
        variable, f"{value}{os.pathsep}{os.environ['PATH']}" if variable == "PATH" else value
    )


@pytest.mark.parametrize("variable", parameters(sorted(COMPILER), quick=6))
def test_no_variable_changes_a_byte_of_an_image(
    variable: str,
    trap: Path,
    image: Callable[[Path], Any],
    clean: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _set(monkeypatch, trap, variable, COMPILER[variable])
    built = image(tmp_path)
    assert built.elf.read_bytes() == clean.elf.read_bytes()
    assert not (trap / "depends").exists()


def test_all_variables_at_once_change_no_byte_of_an_image(
    trap: Path,
    image: Callable[[Path], Any],
    clean: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for variable, value in COMPILER.items():
        _set(monkeypatch, trap, variable, value)
    monkeypatch.delenv("LD_PRELOAD")  # the linker's own complaint about it, in every child
    assert image(tmp_path).elf.read_bytes() == clean.elf.read_bytes()


def test_the_trap_would_have_been_felt(trap: Path, tmp_path: Path) -> None:
    """The rows above are vacuous if a compiler does not obey such variables at all."""
    (tmp_path / "kernel.c").write_text(_KERNEL.replace('#include "tq_kernels.h"', ""))
    compiler = str(find_toolchain("cortex-m4").cc)
    command = [compiler, "-mcpu=cortex-m4", "-mthumb", "-c", "kernel.c", "-o", "kernel.o"]

    def compiled(**variables: str) -> bytes | None:
        environment = {"PATH": os.environ["PATH"], **variables}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, check=False
        )
        return None if done.returncode else (tmp_path / "kernel.o").read_bytes()

    clean = compiled(SOURCE_DATE_EPOCH="0")
    assert clean is not None
    assert compiled(SOURCE_DATE_EPOCH="1000000000") not in (clean, None)
    assert compiled(CPATH=f"{trap}/include") is None
    assert compiled(COMPILER_PATH=f"{trap}/bin") is None


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], tuple[bytes, ...]]:
    """Run the runtime's own float model on the host."""
    import importlib.util

    spec = importlib.util.find_spec("tflite_micro")
    assert spec is not None
    assert spec.origin is not None
    sine = Path(spec.origin).parent / "python" / "tflite_micro" / "sine_float.tflite"
    device = HostDevice("host", work_dir=tmp_path_factory.mktemp("host"), timeout=120)
    device.flash(HostImage(sine, [np.float32(0.5).tobytes()]))
    return lambda: device.run().outputs


@pytest.mark.parametrize("variable", parameters(sorted(PYTHON), quick=3))
def test_no_variable_changes_what_the_host_computes(
    variable: str,
    trap: Path,
    outputs: Callable[[], tuple[bytes, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = outputs()
    _set(monkeypatch, trap, variable, PYTHON[variable])
    assert outputs() == expected


_MAKE_MODEL = """
import keras, numpy as np
layer = keras.layers.Dense(3)
model = keras.Sequential([keras.Input((4,)), layer])
layer.set_weights([np.linspace(-1, 1, 12).reshape(4, 3), np.zeros(3)])
model.save({path!r})
"""


@pytest.mark.skipif(not NIGHTLY, reason="starts TensorFlow three times; in the nightly profile")
def test_no_variable_changes_a_converted_model(
    trap: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "dense.keras"
    source = _MAKE_MODEL.format(path=str(path))
    assert not convert_module._server.call("builtins:exec", [source, {}], timeout=120).trouble
    samples = np.linspace(-1, 1, 40, dtype=np.float32).reshape(10, 4)
    dense_model: Any = SimpleNamespace(
        name="dense",
        path=path,
        kind="keras",
        source_sha256="0" * 64,
        dense_per_channel=False,
        calibration=lambda: samples,
        check=lambda: samples,
    )

    def converted(cache: str) -> str:
        try:
            return convert(dense_model, SCHEMES["int8-only"], Cache(tmp_path / cache)).sha256
        finally:
            convert_module._server.close()

    expected = converted("clean")
    for variable, value in PYTHON.items():
        _set(monkeypatch, trap, variable, value)
    assert converted("hostile") == expected
