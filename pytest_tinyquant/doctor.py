"""What ``tinyquant doctor`` checks: everything a board needs beyond this package."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from pytest_tinyquant.boards.qemu import find_qemu
from pytest_tinyquant.cache import Cache
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.toolchain import find_build_tool
from pytest_tinyquant.toolchain import find_toolchain


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is needed for, what was found, what to do about it."""

    name: str
    purpose: str
    found: str
    remedy: str = ""

    @property
    def missing(self) -> bool:
        """Tell whether it is not there."""
        return self.found == ""


_PACKAGES = (
    ("tensorflow", "converting models", "convert"),
    ("tflite-micro", "board host", "emulation"),
    ("pyocd", "emulated boards", "emulation"),
    ("pyserial", "emulated boards", "emulation"),
    ("pyelftools", "building firmware", "emulation"),
    ("pytest-xdist", "pytest -n", "xdist"),
)


def examine() -> int:
    """Print what is installed; return 1 if anything is missing."""
    findings = list(_findings())
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
    yield _tried("arm-none-eabi-gcc", firmware, lambda: find_toolchain("cortex-m4").version)
    for tool in ("cmake", "ninja"):
        yield _tried(tool, firmware, partial(_build_tool, tool))
    yield _tried("qemu-system-arm", "emulated boards", lambda: find_qemu("qemu-system-arm"))
    yield _tried("rx-elf-gcc", "building firmware for RX", lambda: find_toolchain("rx").version)
    yield _tried("qemu-system-rx", "emulated RX boards", lambda: find_qemu("qemu-system-rx"))
    yield _tried("cache", "converted models and firmware", _cache)


def _tried(name: str, purpose: str, find: Callable[[], str]) -> Finding:
    """Return what `find` found, or what its error says to do."""
    try:
        return Finding(name, purpose, find())
    except TinyQuantError as error:
        return Finding(name, purpose, "", str(error))


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
