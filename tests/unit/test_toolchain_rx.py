"""Building the cross compiler for RX, with a compiler's sources that build in no time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytest_tinyquant import toolchain_rx
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.toolchain import find_toolchain
from pytest_tinyquant.toolchain_rx import build_toolchain
from pytest_tinyquant.toolchain_rx import find_built_toolchain
from pytest_tinyquant.toolchain_rx import verify_toolchain


CONFIGURE = """\
#!/bin/sh
for option; do case "$option" in --prefix=*) prefix=${option#--prefix=} ;; esac; done
echo "configured $(basename "$PWD")" >> "$LOG"
sed "s|@prefix@|$prefix|g" "$(dirname "$0")/Makefile.in" > Makefile
"""
MAKEFILE = """\
%:
\techo "made $@" >> "$(LOG)"
\ttest ! -e "$(LOG).broken" || (echo "no space for $@" && false)
all: build
install-strip install-strip-gcc install install-target-libgcc:
\techo "made $@" >> "$(LOG)"
\tmkdir -p @prefix@/bin @prefix@/share/info
\techo manual > @prefix@/share/info/manual
\tprintf '#!/bin/sh\\necho fake\\n' > @prefix@/bin/rx-elf-gcc
\tchmod +x @prefix@/bin/rx-elf-gcc
\tcp @prefix@/bin/rx-elf-gcc @prefix@/bin/rx-elf-elfedit
"""


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Source archives of three tiny packages; the file says what was built."""
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setenv("LOG", str(log))
    sources = {}
    for package in ("binutils", "gcc", "newlib"):
        directory = tmp_path / package / f"{package}-1.0"
        directory.mkdir(parents=True)
        (directory / "configure").write_text(CONFIGURE)
        (directory / "configure").chmod(0o755)
        (directory / "Makefile.in").write_text(MAKEFILE)
        archive = tmp_path / f"{package}-1.0.tar.xz"
        subprocess.run(["tar", "-cJf", archive, "-C", directory.parent, directory.name], check=True)
        sources[package] = archive
    monkeypatch.setattr(toolchain_rx, "_find_sources", lambda say: sources)
    monkeypatch.setattr(toolchain_rx, "verify_toolchain", lambda compiler, directory: None)
    return log


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def silent(line: str) -> None:
    pass


def test_builds_installs_and_prunes(log: Path, cache: Cache) -> None:
    lines: list[str] = []
    compiler = build_toolchain(cache, lines.append)
    assert subprocess.run([compiler], capture_output=True, check=True).stdout == b"fake\n"
    assert sorted(path.name for path in compiler.parent.iterdir()) == ["rx-elf-gcc"]
    assert not (compiler.parents[1] / "share").exists()
    assert "binutils-1.0.tar.xz" in (compiler.parents[1] / "SOURCES").read_text()
    assert not (cache.root / "toolchain" / "rx-elf.work").exists()
    steps = [line.partition(":")[0] for line in lines if line.endswith(" s")]
    assert steps == ["binutils"] * 4 + ["gcc"] * 5 + ["newlib"] * 4


def test_builds_once(log: Path, cache: Cache) -> None:
    first = build_toolchain(cache, silent)
    built = log.read_text()
    assert build_toolchain(cache, silent) == first == find_built_toolchain(cache)
    assert log.read_text() == built


def test_goes_on_where_a_build_failed(log: Path, cache: Cache) -> None:
    broken = log.with_name("log.broken")
    broken.touch()
    with pytest.raises(ToolchainNotFoundError, match=r"failed at binutils: make(.|\n)*no space"):
        build_toolchain(cache, silent)
    assert find_built_toolchain(cache) is None
    broken.unlink()
    lines: list[str] = []
    build_toolchain(cache, lines.append)
    assert "binutils: configure: done before" in lines
    assert log.read_text().count("configured binutils") == 1


def test_a_damaged_toolchain_is_none(log: Path, cache: Cache) -> None:
    compiler = build_toolchain(cache, silent)
    compiler.write_text("damaged")
    assert find_built_toolchain(cache) is None


def test_reports_that_a_step_still_runs(
    log: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain_rx, "_HEARTBEAT", 0.0)
    lines: list[str] = []
    build_toolchain(cache, lines.append)
    assert any("running for" in line for line in lines)


def test_names_the_packages_to_install(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain_rx, "_installed_sources", dict)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ToolchainNotFoundError, match=r"sudo apt-get install .* gcc-12-source"):
        build_toolchain(cache, silent)


def test_refuses_a_compiler_for_another_machine(tmp_path: Path) -> None:
    fake = tmp_path / "gcc"
    fake.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{_COPY}' \"$@\"\n")
    fake.chmod(0o755)
    with pytest.raises(ToolchainNotFoundError, match="machine 62, not 173"):
        verify_toolchain(fake, tmp_path)


_COPY = (
    'import sys; open(sys.argv[sys.argv.index("-o") + 1], "wb").write(bytes(18) + bytes([62, 0]))'
)


def test_refuses_a_compiler_that_fails(tmp_path: Path) -> None:
    fake = tmp_path / "gcc"
    fake.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    fake.chmod(0o755)
    with pytest.raises(ToolchainNotFoundError, match="does not work: no such option"):
        verify_toolchain(fake, tmp_path)


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
