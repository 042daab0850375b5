"""Trouble of the machine at every stage: always an error of the bench, never the model's.

Each attack is a stage and what befalls its child process, as a line of shell that takes the
child's place. The quick run tries three on each stage, the nightly one all.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.emulator.cortex_m import EmulatedCortexM
from pytest_tinyquant.boards.emulator.rx_simulator import simulate
from pytest_tinyquant.boards.host.host import HostDevice
from pytest_tinyquant.boards.npu.vela import Vela
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ConversionError
from pytest_tinyquant.errors import DeviceHaltedError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware import cmake
from pytest_tinyquant.firmware import toolchain_profiler
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.firmware.toolchain_rx import verify_compiler
from pytest_tinyquant.firmware.toolchain_rx_sim import verify_simulator
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.schemes import convert as convert_module
from pytest_tinyquant.schemes.child_process import ForkServer
from pytest_tinyquant.schemes.convert import convert
from pytest_tinyquant.schemes.convert import reference_outputs
from pytest_tinyquant.schemes.exchange import run_job
from pytest_tinyquant.schemes.scheme import SCHEMES
from pytest_tinyquant.schemes.servers import SERVERS
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.reads import Places


NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"

Attack = Callable[[str], None]

#: What befalls a child: shell in its place. The programs' own words come from the C library.
HOW = {
    "killed": "kill -KILL $$",
    "disk full": "head -c 9 /dev/zero >/dev/full || exit 1",
    "no more files": "ulimit -n 3; exec cat /dev/null",
}
HOW_NIGHTLY = {
    **{
        f"SIG{name}": f"kill -{name} $$"
        for name in ("TERM", "INT", "HUP", "QUIT", "BUS", "XCPU", "XFSZ", "PIPE", "ALRM", "USR1")
    },
    "exit 137": "exit 137",
    "a killed child": "sh -c 'kill -KILL $$'; exit $?",
    "quota": "echo 'write: Disk quota exceeded' >&2; exit 1",
    "no memory": "echo 'mmap: Cannot allocate memory' >&2; exit 1",
    "bad_alloc": 'echo "terminate called: std::bad_alloc" >&2; kill -ABRT $$',
    "no process": "echo 'fork: Resource temporarily unavailable' >&2; exit 1",
    "broken disk": "echo 'read: Input/output error' >&2; exit 1",
    "read-only": "echo 'open: Read-only file system' >&2; exit 1",
}

#: What a program does of itself, and the error that is the model's or the kernel's.
OWN = {
    "converter": ("echo 'ValueError: no such layer' >&2; exit 1", ConversionError),
    "reference": ("kill -ABRT $$", ConversionError),
    "compiler": ("echo 'x.c:1:1: error: no such type' >&2; exit 1", ConfigurationError),
    "linker": ("echo 'undefined reference to `tq_x' >&2; exit 1", ConfigurationError),
    "host": ("kill -SEGV $$", DeviceHaltedError),
    "vela": ("echo 'ValueError: no such operator' >&2; exit 1", ConversionError),
    "quantizer": ("echo 'ValueError: no such tensor' >&2; exit 1", ConversionError),
}


class TinyModel:
    """What conversion needs of a model."""

    name = "tiny"
    kind = "zoo"
    source_sha256 = "0" * 64
    dense_per_channel = False
    custom_objects = ()
    path = Path("tiny.keras")

    def calibration(self) -> Any:
        return np.zeros((1, 1), np.float32)

    check = calibration


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def in_converter(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Attack]:
    """Attack the converter's process with one of its calls."""

    def in_converter(call: Callable[[Any, Cache], object]) -> Attack:
        def attack(how: str) -> None:
            body = f"import os\n    os.execv('/bin/sh', ['sh', '-c', {how!r}])"
            names = ("convert", "keras_reference")
            source = "\n".join(f"def {name}(request):\n    {body}" for name in names)
            (tmp_path / "attacked_converter.py").write_text(source)
            monkeypatch.syspath_prepend(tmp_path)
            server = ForkServer(("attacked_converter",))
            monkeypatch.setattr(convert_module, "_PROCESS", "attacked_converter")
            monkeypatch.setitem(SERVERS, "tensorflow", server)
            try:
                call(TinyModel(), cache)
            finally:
                server.close()

        return attack

    return in_converter


@pytest.fixture
def in_build(tmp_path: Path) -> Callable[[str], Attack]:
    """Attack a program that the compiler's driver starts; all else of the build is real."""

    def in_build(program: str) -> Attack:
        def attack(how: str) -> None:
            programs, output, sources = (tmp_path / name for name in ("bin", "out", "src"))
            for directory in (programs, output, sources):
                directory.mkdir()
            _script(programs / "cc", f'exec gcc -B{programs}/ "$@"')
            # CMake tries the compiler; what it tries must not be what is attacked.
            real = _answer("gcc", f"-print-prog-name={program}")
            _script(
                programs / program,
                f'case "$*" in *attacked*) {how} ;; esac\nexec {real} "$@"',
            )
            (sources / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.16)\nproject(p C)\nadd_executable(attacked a.c)\n"
            )
            (sources / "a.c").write_text("int main(void) { return 0; }\n")
            (tmp_path / "toolchain.cmake").write_text(f"set(CMAKE_C_COMPILER {programs}/cc)\n")
            toolchain = tmp_path / "toolchain.cmake"
            with (
                cmake.explained("correct the kernels", {}),
                cmake.configured(sources, output, toolchain, {}, places=Places({})) as made,
            ):
                made.make()

        return attack

    return in_build


@pytest.fixture
def in_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attack:
    def attack(how: str) -> None:
        elf = tmp_path / "bin" / "qemu-system-arm"
        elf.parent.mkdir()
        _script(elf, how)
        monkeypatch.setenv("PATH", f"{elf.parent}:{os.environ['PATH']}")
        device = EmulatedCortexM("board", "mps2-an386", timeout=30)
        try:
            device.flash(_image(elf))
            device.run()
        finally:
            device.close()

    return attack


@pytest.fixture
def in_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attack:
    def attack(how: str) -> None:
        package = tmp_path / "fake" / "tflite_micro" / "python" / "tflite_micro"
        package.mkdir(parents=True)
        for directory in (package, package.parent, package.parent.parent):
            (directory / "__init__.py").touch()
        source = f"import os\nos.execv('/bin/sh', ['sh', '-c', {how!r}])\n"
        (package / "runtime.py").write_text(source)
        made = functools.partial(environment.made_for_python, PYTHONPATH=str(tmp_path / "fake"))
        monkeypatch.setattr(environment, "made_for_python", made)
        tflite = tmp_path / "tiny.tflite"
        tflite.touch()
        device = HostDevice("host", work_dir=tmp_path, timeout=60)
        device.flash(HostImage(tflite, [bytes(4)]))
        device.run()

    return attack


@pytest.fixture
def in_simulator(tmp_path: Path) -> Attack:
    def attack(how: str) -> None:
        program = tmp_path / "simulator"
        _script(program, how)
        simulate(program, _image(program), timeout=60, where="tiny")

    return attack


@pytest.fixture
def in_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attack:
    """Attack the compiler when it is asked who it is."""

    def attack(how: str) -> None:
        programs = tmp_path / "probed"
        programs.mkdir()
        _script(programs / "arm-none-eabi-gcc", how)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        find_toolchain.cache_clear()
        find_toolchain("cortex-m4")

    return attack


@pytest.fixture
def in_profiler(tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch) -> Attack:
    """Attack the build of QEMU's plug-in."""

    def attack(how: str) -> None:
        compiler = tmp_path / "cc"
        _script(compiler, f'case "$*" in *profile.c*) {how} ;; esac\nexec cc "$@"')
        monkeypatch.setattr(toolchain_profiler, "find_host_compiler", lambda: compiler)
        toolchain_profiler.build_profiler(cache)

    return attack


@pytest.fixture
def in_rx_probe(tmp_path: Path) -> Attack:
    def attack(how: str) -> None:
        _script(tmp_path / "rx-elf-gcc", how)
        verify_compiler(tmp_path / "rx-elf-gcc", tmp_path)

    return attack


@pytest.fixture
def in_simulators_probe(tmp_path: Path) -> Attack:
    def attack(how: str) -> None:
        _script(tmp_path / "rx-elf-run", how)
        verify_simulator(tmp_path / "rx-elf-run", tmp_path)

    return attack


@pytest.fixture
def in_vela(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attack:
    """Attack the compiler of the Ethos-U NPUs."""

    def attack(how: str) -> None:
        monkeypatch.setattr(environment, "python_command", lambda *_: ["/bin/sh", "-c", how])
        tflite = tmp_path / "tiny.tflite"
        tflite.touch()
        npu = load_boards([])["ethos-u55-128"].npu
        assert npu is not None
        (tmp_path / "work").mkdir()
        Vela("ethos-u55-128", npu, 60).estimate(tflite, tmp_path / "work", where="tiny")

    return attack


@pytest.fixture
def in_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Attack]:
    """Attack one of the processes that quantize, compress, export or interpret a model."""

    def in_server(name: str) -> Attack:
        def attack(how: str) -> None:
            body = f"import os\n    os.execv('/bin/sh', ['sh', '-c', {how!r}])"
            (tmp_path / "attacked_job.py").write_text(f"def job(request):\n    {body}")
            monkeypatch.syspath_prepend(tmp_path)
            server = ForkServer(("attacked_job",))
            monkeypatch.setitem(SERVERS, name, server)
            request = {"output": str(tmp_path / "output")}
            try:
                run_job(SERVERS[name], "attacked_job:job", request, f"tiny: {name}", 60)
            finally:
                server.close()

        return attack

    return in_server


@pytest.fixture
def stages(
    in_converter: Callable[..., Attack],
    in_build: Callable[[str], Attack],
    in_emulator: Attack,
    in_host: Attack,
    in_simulator: Attack,
    in_probe: Attack,
    in_profiler: Attack,
    in_rx_probe: Attack,
    in_simulators_probe: Attack,
    in_vela: Attack,
    in_server: Callable[[str], Attack],
) -> dict[str, Attack]:
    """Every stage that starts a child."""
    return {
        "converter": in_converter(lambda model, cache: convert(model, SCHEMES["basic"], cache)),
        "reference": in_converter(reference_outputs),
        "compiler": in_build("cc1"),
        "assembler": in_build("as"),
        "linker": in_build("ld"),
        "emulator": in_emulator,
        "host": in_host,
        "simulator": in_simulator,
        "probe": in_probe,
        "profiler": in_profiler,
        "rx probe": in_rx_probe,
        "simulator's probe": in_simulators_probe,
        "vela": in_vela,
        **{name: in_server(name) for name in SERVERS if name != "tensorflow"},
    }


STAGES = (
    "converter", "reference", "compiler", "assembler", "linker", "emulator", "host", "simulator",
    "probe", "profiler", "rx probe", "simulator's probe", "vela",
    *(name for name in SERVERS if name != "tensorflow"),
)  # fmt: skip


@pytest.mark.parametrize("how", [*HOW, *(HOW_NIGHTLY if NIGHTLY else ())])
@pytest.mark.parametrize("stage", STAGES)
def test_trouble_of_the_machine_is_never_the_models(
    stage: str, how: str, stages: dict[str, Attack], cache: Cache
) -> None:
    with pytest.raises(BenchError) as caught:
        stages[stage]((HOW | HOW_NIGHTLY)[how])
    # "Install it" is no advice, and where a tool is only of use it would be left out silently.
    assert not isinstance(caught.value, ToolchainNotFoundError)
    assert not [file for file in cache.root.rglob("*") if file.suffix not in ("", ".lock")]


@pytest.mark.parametrize("stage", OWN)
def test_what_a_program_says_of_its_work_is_not_the_machines(
    stage: str, stages: dict[str, Attack]
) -> None:
    how, error = OWN[stage]
    with pytest.raises(error) as caught:
        stages[stage](how)
    assert not isinstance(caught.value, BenchError)


@pytest.mark.parametrize("stage", ["converter", "reference", "host"])
def test_a_crash_that_does_not_come_again_was_sent(
    stage: str, stages: dict[str, Attack], tmp_path: Path
) -> None:
    """Somebody else's SIGSEGV must not satisfy a known gap that expects a crash."""
    mark = tmp_path / "crashed"
    once = f"test -e {mark} || {{ touch {mark}; kill -SEGV $$; }}; echo 'a complaint' >&2; exit 1"
    with pytest.raises(BenchError, match="SIGSEGV, and not when it was run once more"):
        stages[stage](once)


def test_a_killed_driver_of_the_compiler_leaves_no_word() -> None:
    """The shell that a build tool starts becomes the compiler: nobody is left to say Killed."""
    failure = cmake.BuildFailedError("[1/2] Building C object\nFAILED: a.o\ngcc -c a.c\n", 1)
    explained = cmake.explained("correct the kernels", {})
    with pytest.raises(BenchError, match="ended without saying why"), explained:
        raise failure


def _image(elf: Path) -> Any:
    return SimpleNamespace(elf=elf, image_id="0" * 16, samples=[bytes(4)])


def _script(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def _answer(*command: str) -> str:
    path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    found = shutil.which(path)
    assert found is not None
    return found
