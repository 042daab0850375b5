"""The recipe of the cross compiler for RX, and how a compiler is tried out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.firmware.toolchain_rx import recipe
from pytest_tinyquant.firmware.toolchain_rx import verify_compiler


def test_prunes_what_compiling_does_not_need(tmp_path: Path) -> None:
    needed = ("bin/rx-elf-gcc", "lib/libc.a", "libexec/gcc/rx-elf/12/cc1")
    others = ("bin/rx-elf-elfedit", "share/info/gcc.info", "libexec/gcc/rx-elf/12/lto-wrapper")
    for name in (*needed, *others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    recipe().prune(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == set(needed)


def test_another_recipe_would_be_built_anew_on_every_machine() -> None:
    """Whoever changes this makes everyone wait for ten minutes."""
    assert recipe().key == "2d0e2169fce1159c2baabea5be072755a8149b3b4019596c7e035d6dff147c71"


def test_refuses_a_compiler_for_another_machine(tmp_path: Path) -> None:
    fake = tmp_path / "gcc"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{_COPY}' \"$@\"\n")
    fake.chmod(0o755)
    with pytest.raises(ToolchainNotFoundError, match="machine 62, not 173"):
        verify_compiler(fake, tmp_path)


_COPY = (
    'import sys; open(sys.argv[sys.argv.index("-o") + 1], "wb").write(bytes(18) + bytes([62, 0]))'
)


def test_refuses_a_compiler_that_fails(tmp_path: Path) -> None:
    fake = tmp_path / "gcc"
    fake.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(ToolchainNotFoundError, match="does not work: no such option"):
        verify_compiler(fake, tmp_path)


def test_without_a_compiler_the_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("TINYQUANT_CACHE", str(tmp_path))
    find_toolchain.cache_clear()
    with pytest.raises(ToolchainNotFoundError, match="tinyquant toolchain rx-elf"):
        find_toolchain("rx")


def test_a_named_compiler_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ToolchainNotFoundError, match=r"correct the key toolchain in boards\.toml"):
        find_toolchain("rx", str(tmp_path / "rx-elf-gcc"))
