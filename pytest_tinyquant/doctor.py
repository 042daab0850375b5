"""What ``tinyquant doctor`` checks: everything a board needs beyond this package."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from collections.abc import Iterator
from functools import partial

from pytest_tinyquant.boards.qemu import find_qemu
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.finding import Finding
from pytest_tinyquant.finding import tried
from pytest_tinyquant.project import Project
from pytest_tinyquant.toolchain import find_build_tool
from pytest_tinyquant.toolchain import find_toolchain


_PACKAGES = (
    ("tensorflow", "converting models", "convert"),
    ("tflite-micro", "board host", "emulation"),
    ("pyocd", "emulated boards", "emulation"),
    ("pyserial", "emulated boards", "emulation"),
    ("pyelftools", "building firmware", "emulation"),
    ("pytest-xdist", "pytest -n", "xdist"),
)


def examine(load: Callable[[], Project]) -> int:
    """Print what is installed and what is attached; return 1 if anything is missing.

    :param load: returns the project of the current directory.
    """
    findings = [*_findings(), *_bench_findings(load)]
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "missing" if finding.missing else "ok     "
        print(f"{mark}  {finding.name:{width}}  {finding.found or finding.remedy}")
        if finding.missing:
            print(f"         {'':{width}}  needed for {finding.purpose}")
    missing = sum(finding.missing for finding in findings)
    print(f"{missing} missing" if missing else "everything is installed")
    return 1 if missing else 0


def _findings() -> Iterator[Finding]:
    """Yield one finding per thing that a board may need."""
    for package, purpose, extra in _PACKAGES:
        yield Finding(
            package, purpose, _version(package), f"pip install 'pytest-tinyquant[{extra}]'"
        )
    firmware = "building firmware"
    yield tried("arm-none-eabi-gcc", firmware, lambda: find_toolchain("cortex-m4").version)
    for tool in ("cmake", "ninja"):
        yield tried(tool, firmware, partial(_build_tool, tool))
    yield tried("qemu-system-arm", "emulated boards", lambda: find_qemu("qemu-system-arm"))
    yield tried("rx-elf-gcc", "building firmware for RX", lambda: find_toolchain("rx").version)
    yield tried("qemu-system-rx", "emulated RX boards", lambda: find_qemu("qemu-system-rx"))
    yield tried("cache", "converted models and firmware", _cache)


def _bench_findings(load: Callable[[], Project]) -> list[Finding]:
    """Return what real boards need; without pyOCD and pyserial there is nothing to look with."""
    if not (_version("pyocd") and _version("pyserial")):
        return []
    from pytest_tinyquant.doctor_bench import bench_findings

    return list(bench_findings(load))


def _version(package: str) -> str:
    """Return the version of an installed package, empty if it is not."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _build_tool(name: str) -> str:
    """Return the path of a build tool."""
    return str(find_build_tool(name))


def _cache() -> str:
    """Return where the cache is, once an entry has been written to it."""
    cache = Cache()
    cache.entry("doctor", Cache.key("doctor"), lambda directory: (directory / "probe").touch())
    return str(cache.root)
