from __future__ import annotations

import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain import find_build_tool
from pytest_tinyquant.firmware.toolchain import find_toolchain


FAKE_GCC = """\
#!/bin/sh
here=$(dirname "$0")
case "$*" in
  -dumpfullversion) echo {version} ;;
  --version) echo "arm-none-eabi-gcc (build {build}) {version}" ;;
  -print-file-name=*|-print-prog-name=*)
    name=${{1#*=}}
    if [ -e "$here/$name" ]; then echo "$here/$name"; else echo "$name"; fi ;;
  *) exit 1 ;;
esac
"""

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a compiler and its C library into the only directory on the PATH besides /bin."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")

    def install(
        *, version: str = "12.2.1", build: str = "1", library: str = "libc", **programs: str
    ) -> Path:
        compiler = tmp_path / "arm-none-eabi-gcc"
        compiler.write_text(FAKE_GCC.format(version=version, build=build))
        compiler.chmod(0o755)
        for name in ("cc1", "as", "collect2", "ld"):
            (tmp_path / name).write_text(programs.get(name, name))
            (tmp_path / name).chmod(0o755)
        (tmp_path / "nano.specs").write_text("specs")
        (tmp_path / "libc_nano.a").write_text(library)
        find_toolchain.cache_clear()
        return compiler

    find_toolchain.cache_clear()
    yield install
    find_toolchain.cache_clear()


def test_the_compiler_is_found_on_the_path(install: Install) -> None:
    compiler = install()
    toolchain = find_toolchain("cortex-m4")
    assert toolchain.cc == compiler
    assert toolchain.version == "arm-none-eabi-gcc 12.2.1"
    assert toolchain.prefix == str(compiler.parent / "arm-none-eabi-")


def test_the_identity_is_that_of_compiler_linker_and_library(install: Install) -> None:
    def identity(**options: str) -> str:
        install(**options)
        return find_toolchain("cortex-m4").identity

    variants = [
        identity(),
        identity(version="13.1.0"),
        identity(build="2"),
        identity(ld="patched, and of the same version"),
        identity(cc1="patched"),
        identity(collect2="patched"),
        identity(**{"as": "patched"}),
        identity(library="newer libc"),
    ]
    assert len(set(variants)) == len(variants)
    assert identity() == variants[0]


def test_a_missing_compiler_names_the_package(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, install: Install
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainNotFoundError, match="apt install gcc-arm-none-eabi"):
        find_toolchain("cortex-m4")


def test_a_missing_library_names_the_package(install: Install, tmp_path: Path) -> None:
    install()
    (tmp_path / "libc_nano.a").unlink()
    with pytest.raises(
        ToolchainNotFoundError, match=r"has no libc_nano\.a.*libnewlib-arm-none-eabi"
    ):
        find_toolchain("cortex-m4")


def test_a_compiler_that_does_not_run_is_reported(install: Install) -> None:
    install().write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ToolchainNotFoundError, match=r"does not run.*exit code 3"):
        find_toolchain("cortex-m4")


def test_a_board_kind_without_toolchain_names_those_with_one() -> None:
    with pytest.raises(ToolchainNotFoundError, match=r"kind 'host'.*cortex-m4"):
        find_toolchain("host")


def program(directory: Path, name: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_build_tool_of_the_python_package_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    packaged = program(tmp_path / "package", "cmake")
    program(tmp_path / "path", "cmake")
    module = ModuleType("cmake")
    module.CMAKE_BIN_DIR = str(packaged.parent)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cmake", module)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_build_tool("cmake") == packaged


def test_without_the_python_package_the_path_is_searched(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = program(tmp_path / "path", "ninja")
    monkeypatch.setitem(sys.modules, "ninja", None)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert find_build_tool("ninja") == installed


def test_a_missing_build_tool_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ninja", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolchainNotFoundError, match="pip install ninja"):
        find_build_tool("ninja")
