"""A result's key holds everything that it depends on.

First the declared tables: every input is changed in turn, and another key must come of it; an input
without a row here fails. Then what no table can know: the files that compilers read, wherever they
lie and whatever they are called.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import time
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from attack import parameters

from pytest_tinyquant.engine import EmittedModel
from pytest_tinyquant.firmware import keys as firmware_keys
from pytest_tinyquant.firmware.image import build
from pytest_tinyquant.firmware.toolchain import find_toolchain
from pytest_tinyquant.project.board_types import Board
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.schemes import keys as scheme_keys
from pytest_tinyquant.stages.journal import OUTCOME_INPUTS
from pytest_tinyquant.stages.journal import RunJournal
from pytest_tinyquant.system import environment
from pytest_tinyquant.system.cache import Cache
from pytest_tinyquant.system.digests import PACKAGE
from pytest_tinyquant.system.digests import declared_key


# ---- The declared tables ----

TABLES = {
    "library": firmware_keys.LIBRARY_INPUTS,
    "kernels": firmware_keys.KERNEL_INPUTS,
    "image": firmware_keys.IMAGE_INPUTS,
    "conversion": scheme_keys.CONVERSION_INPUTS,
    "output": scheme_keys.OUTPUT_INPUTS,
    "outcome": OUTCOME_INPUTS,
}
ROWS = [(table, name) for table, inputs in TABLES.items() for name in inputs]


@pytest.mark.parametrize(("table", "name"), ROWS)
def test_every_declared_input_is_in_its_key(table: str, name: str) -> None:
    inputs = dict.fromkeys(TABLES[table], "one")
    assert declared_key(TABLES[table], inputs) != declared_key(
        TABLES[table], {**inputs, name: "another"}
    )


@pytest.mark.parametrize("table", TABLES)
def test_an_input_that_is_not_declared_or_was_forgotten_is_refused(table: str) -> None:
    inputs = dict.fromkeys(TABLES[table], "one")
    with pytest.raises(ValueError, match="not those declared"):
        declared_key(TABLES[table], {**inputs, "new": "one"})
    inputs.pop(next(iter(inputs)))
    with pytest.raises(ValueError, match="not those declared"):
        declared_key(TABLES[table], inputs)


def test_two_kinds_that_share_a_machines_firmware_share_no_library(tmp_path: Path) -> None:
    """They took each other's code once, made for another floating-point unit."""

    def key(kind: str) -> str:
        inputs = firmware_keys.library_inputs(
            tmp_path, toolchain="gcc", tools=(), toolchain_file=None, kind=kind,
            machine="mps2-an386", own_files={}, console="uart", cflags=(), runtime="tinyquant",
        )  # fmt: skip
        return declared_key(firmware_keys.LIBRARY_INPUTS, inputs)

    assert key("cortex-m3") != key("cortex-m4")


def _imported_by(module: str) -> set[str]:
    """Return the package's files that a module imports, whatever they import included."""
    found: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        file = PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
        if name in found or not file.is_file():
            continue
        found.add(name)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                todo += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return found


@pytest.mark.parametrize(
    "process",
    [
        "converter_process",
        "interpreter_process",
        "recipe_process",
        "compress_process",
        "fork_server",
    ],
)
def test_the_code_of_a_conversion_is_in_its_key(process: str) -> None:
    """Beside the rooms in the key, what a conversion's process imports makes no number."""
    harmless = ("errors", "metrics", "system")
    rooms = {name.split(".")[1] for name in _imported_by(f"pytest_tinyquant.schemes.{process}")}
    assert rooms <= {*scheme_keys.CODE, *harmless}


# ---- What compilers read ----

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
_KERNEL = """
#include "tq_kernels.h"
%s
void tq_add_s8(const void *p) { *(volatile int *)p = TQ_VALUE; }
"""


@dataclasses.dataclass
class Project:
    """Own kernels, and the board that is built with them."""

    root: Path
    cflags: tuple[str, ...] = ()

    @property
    def kernels(self) -> Path:
        return self.root / "kernels"

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def kernel(self, head: str) -> None:
        self.write("kernels/add.c", _KERNEL % head)


Do = Callable[[Project], None]


def _included(file: str, as_named: str = "", flags: tuple[str, ...] = ()) -> tuple[Do, Do]:
    """Return how a kernel comes to include a file, and how that changes."""

    def before(project: Project) -> None:
        project.write(file, "#define TQ_VALUE 1\n")
        project.kernel(f'#include "{as_named or Path(file).name}"')
        project.cflags = tuple(flag.format(root=project.root) for flag in flags)

    return before, lambda project: (project.write(file, "#define TQ_VALUE 2\n"), None)[1]


def _steps(before: Do, after: Do) -> tuple[Do, Do]:
    return before, after


def _both(project: Project, *acts: Any) -> None:
    for name, text in acts:
        project.write(name, text)


def _link(project: Project, link: str, target: str) -> None:
    path = project.root / link
    path.unlink(missing_ok=True)
    path.symlink_to(project.root / target)


def _linked_file() -> tuple[Do, Do]:
    def before(project: Project) -> None:
        _both(project, ("a/v.h", "#define TQ_VALUE 1\n"), ("b/v.h", "#define TQ_VALUE 2\n"))
        project.kernel('#include "v.h"')
        _link(project, "kernels/v.h", "a/v.h")

    return before, lambda project: _link(project, "kernels/v.h", "b/v.h")


def _linked_directory(then: str) -> tuple[Do, Do]:
    def before(project: Project) -> None:
        _both(project, ("a/v.h", "#define TQ_VALUE 1\n"), ("b/v.h", "#define TQ_VALUE 2\n"))
        project.kernel('#include "d/v.h"')
        _link(project, "kernels/d", "a")

    def after(project: Project) -> None:
        if then == "retargeted":
            _link(project, "kernels/d", "b")
        else:
            project.write("a/v.h", "#define TQ_VALUE 3\n")

    return before, after


def _shadowed(
    include: str, appears: str, *, found: str = "late/v.h", flags: tuple[str, ...] = ()
) -> tuple[Do, Do]:
    """Return how a header comes to be found in one directory, and then earlier in another."""

    def before(project: Project) -> None:
        (project.root / "early").mkdir(exist_ok=True)
        project.write(found, "#define TQ_VALUE 1\n")
        project.kernel(include)
        named = flags or ("-I{root}/early", "-I{root}/late")
        project.cflags = tuple(flag.format(root=project.root) for flag in named)

    return before, lambda project: (project.write(appears, "#define TQ_VALUE 2\n"), None)[1]


def _asked_for(question: str, appears: str, first: str = "") -> tuple[Do, Do]:
    head = f"{first}#if {question}\n#define TQ_VALUE 2\n#else\n#define TQ_VALUE 1\n#endif"

    def before(project: Project) -> None:
        project.kernel(head)

    return before, lambda project: (project.write(appears, "\n"), None)[1]


def _assembled(directive: str) -> tuple[Do, Do]:
    def before(project: Project) -> None:
        project.write("data/table.bin", " .byte 1\n")
        project.kernel(
            "#define TQ_VALUE 1\n"
            '__asm__(".pushsection .text.tq_add_s8\\n'
            f' {directive} \\"{project.root}/data/table.bin\\"\\n.popsection\\n");'
        )

    return before, lambda project: (project.write("data/table.bin", " .byte 2\n"), None)[1]


def _deleted() -> tuple[Do, Do]:
    def before(project: Project) -> None:
        _both(project, ("early/v.h", "#define TQ_VALUE 1\n"), ("late/v.h", "#define TQ_VALUE 2\n"))
        project.kernel('#include "v.h"')
        project.cflags = (f"-I{project.root}/early", f"-I{project.root}/late")

    return before, lambda project: (project.root / "early/v.h").unlink()


def _response_file() -> tuple[Do, Do]:
    def before(project: Project) -> None:
        file = project.write("flags.rsp", "-DTQ_VALUE=1\n")
        project.kernel("")
        project.cflags = (f"@{file}",)

    return before, lambda project: (project.write("flags.rsp", "-DTQ_VALUE=2\n"), None)[1]


def _new_source() -> tuple[Do, Do]:
    def before(project: Project) -> None:
        project.kernel("#define TQ_VALUE other()\nint other(void);")
        project.write("kernels/other.c", "int other(void);\nint other(void) { return 1; }\n")

    def after(project: Project) -> None:
        (project.kernels / "other.c").unlink()
        project.write("kernels/more.c", "int other(void);\nint other(void) { return 2; }\n")

    return before, after


def _same_size_and_date() -> tuple[Do, Do]:
    before, _ = _included("kernels/v.h")

    def after(project: Project) -> None:
        file = project.kernels / "v.h"
        status = file.stat()
        file.write_text("#define TQ_VALUE 2\n")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    return before, after


def _with_flags(*flags: str) -> Do:
    """Return what writes a header that the kernel does not name, but the compiler's flags do."""

    def do(p: Project) -> None:
        p.write("shared/v.h", "#define TQ_VALUE 1\n")
        p.kernel("")
        p.cflags = tuple(flag.format(root=p.root) for flag in flags)

    return do


_SUFFIXES = ["def", "hpp", "inl", "tab", "cfg", "h", "inc", "c.in", "txt", "json", "H", "x", "data"]

READ: dict[str, tuple[Do, Do]] = {
    **{f"suffix {suffix}": _included(f"kernels/v.{suffix}") for suffix in _SUFFIXES},
    "no suffix": _included("kernels/values"),
    "name with blanks": _included("kernels/a b.h"),
    "name with # and $": _included("kernels/a#b$c.h"),
    "hidden": _included("kernels/.v.h"),
    "in a directory below": _included("kernels/below/v.h", "below/v.h"),
    "beside the kernels": _included("shared/v.h", "../shared/v.h"),
    "far above": _included("v.h", "../kernels/../v.h"),
    "found by -I": _included("shared/v.h", flags=("-I{root}/shared",)),
    "found by -isystem": _included("shared/v.h", flags=("-isystem", "{root}/shared")),
    "found by -iquote": _included("shared/v.h", flags=("-iquote", "{root}/shared")),
    "found by -idirafter": _included("shared/v.h", flags=("-idirafter", "{root}/shared")),
    "given by -include": _steps(
        _with_flags("-include", "{root}/shared/v.h"),
        lambda p: (p.write("shared/v.h", "#define TQ_VALUE 2\n"), None)[1],
    ),
    "given by -imacros": _steps(
        _with_flags("-imacros", "{root}/shared/v.h"),
        lambda p: (p.write("shared/v.h", "#define TQ_VALUE 2\n"), None)[1],
    ),
    "response file": _response_file(),
    "link to a file, retargeted": _linked_file(),
    "link to a directory, retargeted": _linked_directory("retargeted"),
    "file behind a link to a directory": _linked_directory("changed"),
    "appears on an earlier -I": _shadowed('#include "v.h"', "early/v.h"),
    "appears in < > on an earlier -I": _shadowed("#include <v.h>", "early/v.h"),
    "appears beside the kernel": _shadowed('#include "v.h"', "kernels/v.h"),
    "appears in a directory that was not there": _shadowed(
        '#include "v.h"', "new/v.h", flags=("-I{root}/new", "-I{root}/late")
    ),
    "appears below an earlier -I": _shadowed(
        '#include "sub/v.h"', "early/sub/v.h", found="late/sub/v.h"
    ),
    "goes from an earlier -I": _deleted(),
    "__has_include": _asked_for('__has_include("extra.h")', "kernels/extra.h"),
    "__has_include, below": _asked_for('__has_include("x/extra.h")', "kernels/x/extra.h"),
    "__has_include of a macro": _asked_for(
        "__has_include(EXTRA)", "kernels/e.h", '#define EXTRA "e.h"\n'
    ),
    "assembler's .include": _assembled(".include"),
    "assembler's .incbin": _assembled(".incbin"),
    "another source": _new_source(),
    "same size and date": _same_size_and_date(),
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "kernels").mkdir()
    return Project(tmp_path)


@pytest.fixture
def sha256(tmp_path: Path, cache: Cache) -> Callable[..., str]:
    """Build the project's image; the digest of what the device would be given."""
    emitted = EmittedModel(tmp_path / "model", (Path("model.c"),), 64, 0, ())
    emitted.directory.mkdir()
    (emitted.directory / "model.c").write_text(_MODEL)

    def sha256(project: Project, cache: Cache = cache) -> str:
        board = load_boards([])["nucleo-l4r5zi"]
        board = Board(**{**vars(board), "kernels": str(project.kernels), "cflags": project.cflags})
        return build(emitted, board, [bytes(8)], cache, where="tiny").sha256

    return sha256


@pytest.mark.parametrize("name", parameters(READ, quick=7))
def test_what_the_compiler_reads_is_seen(
    name: str, project: Project, sha256: Callable[..., str]
) -> None:
    before, after = READ[name]
    before(project)
    first = sha256(project)
    assert sha256(project) == first
    after(project)
    assert sha256(project) != first


def test_what_the_compiler_does_not_read_builds_nothing_anew(
    project: Project, sha256: Callable[..., str], cache: Cache
) -> None:
    _included("kernels/v.h")[0](project)
    first = sha256(project)
    built = {path.name for path in (cache.root / "firmware").glob("*/*")}
    _both(project, ("kernels/README.md", "new\n"), ("shared/v.h", "#define TQ_VALUE 3\n"))
    assert sha256(project) == first
    assert {path.name for path in (cache.root / "firmware").glob("*/*")} == built


def test_what_was_before_is_found_again(project: Project, sha256: Callable[..., str]) -> None:
    before, after = _included("kernels/v.def")
    before(project)
    first = sha256(project)
    after(project)
    assert sha256(project) != first
    before(project)
    assert sha256(project) == first


def test_two_copies_of_a_project_are_told_apart_by_content_alone(
    tmp_path: Path, sha256: Callable[..., str]
) -> None:
    """The two sides of an A/B run: the same flags, other directories."""
    copies = []
    for name, value in (("a", 1), ("b", 2), ("c", 1)):
        copy = Project(tmp_path / name)
        copy.write("kernels/v.def", f"#define TQ_VALUE {value}\n")
        copy.kernel('#include "v.def"')
        copies.append(sha256(copy))
    assert copies[0] == copies[2] != copies[1]


def _damage(cache: Cache) -> Iterator[Path]:
    yield from cache.root.glob("firmware*-reads/*/*/*.json")


@pytest.mark.parametrize(
    "how", parameters(["directory", "emptied", "one bit", "not JSON", "a list"], quick=1)
)
def test_a_damaged_record_is_no_record(
    how: str, project: Project, sha256: Callable[..., str], tmp_path: Path
) -> None:
    own = Cache(tmp_path / "own")
    _included("kernels/v.h")[0](project)
    first = sha256(project, own)
    for file in list(_damage(own)):
        data = bytearray(file.read_bytes())
        if how == "one bit":
            data[len(data) // 2] ^= 1
        file.unlink()
        if how == "directory":
            file.mkdir()
            continue
        file.write_bytes({"emptied": b"", "not JSON": b"{", "a list": b"[]"}.get(how, bytes(data)))
    assert sha256(project, own) == first


# ---- What the shell holds ----

#: Variables that compilers, linkers, CMake, Ninja and Python heed; {trap} is a directory of traps.
HOSTILE = {
    "CFLAGS": "-fno-inline -DTQ_VALUE=9 -O0",
    "CXXFLAGS": "-O0",
    "CPPFLAGS": "-DTQ_VALUE=9",
    "ASMFLAGS": "-DTQ_VALUE=9",
    "LDFLAGS": "-Wl,--no-gc-sections",
    "CC": "{trap}/launcher",
    "CPATH": "{trap}",
    "C_INCLUDE_PATH": "{trap}",
    "LIBRARY_PATH": "{trap}",
    "COMPILER_PATH": "{trap}",
    "GCC_EXEC_PREFIX": "{trap}/",
    "GCC_COMPARE_DEBUG": "-fno-inline",
    "DEPENDENCIES_OUTPUT": "{trap}/dependencies",
    "LD_LIBRARY_PATH": "{trap}",
    "CMAKE_C_COMPILER_LAUNCHER": "{trap}/launcher",
    "CMAKE_GENERATOR": "Unix Makefiles",
    "CMAKE_BUILD_TYPE": "Debug",
    "CMAKE_TOOLCHAIN_FILE": "{trap}/toolchain.cmake",
    "CMAKE_PREFIX_PATH": "{trap}",
    "NINJAFLAGS": "-n",
    "MAKEFLAGS": "-n",
    "SOURCE_DATE_EPOCH": "1000000000",
    "LANGUAGE": "de",
    "LC_ALL": "de_DE.UTF-8",
    "PYTHONPATH": "{trap}",
    "TMPDIR": "{trap}/t;m p",
}


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A directory that leaves its mark in whatever is made with it, or ends the build."""
    trap = tmp_path / "trap"
    (trap / "t;m p").mkdir(parents=True)
    for name in ("tq_kernels.h", "tq_engine.h", "stdint.h", "tq_arithmetic.h"):
        (trap / name).write_text("#error trapped\n")
    (trap / "toolchain.cmake").write_text("message(FATAL_ERROR trapped)\n")
    for name in ("launcher", "as", "ld", "cc1"):
        (trap / name).write_text("#!/bin/sh\necho trapped >&2\nexit 1\n")
        (trap / name).chmod(0o755)
    return trap


@pytest.mark.parametrize("names", parameters(["all", *HOSTILE], quick=1))
def test_what_the_shell_holds_reaches_no_image(
    names: str, project: Project, sha256: Callable[..., str], trap: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With an empty cache, as what was built before would hide it."""
    _included("kernels/v.h")[0](project)
    first = sha256(project)
    for name in HOSTILE if names == "all" else [names]:
        monkeypatch.setenv(name, HOSTILE[name].format(trap=trap))
    find_toolchain.cache_clear()
    assert sha256(project, Cache(tmp_path / "own")) == first


@pytest.mark.parametrize("name", HOSTILE)
def test_what_the_shell_holds_is_in_no_child(
    name: str, trap: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter, the reference and the host's runtime are started with the second of these."""
    monkeypatch.delenv(name, raising=False)
    before = environment.made(trap), environment.made_for_python(trap)
    monkeypatch.setenv(name, HOSTILE[name].format(trap=trap))
    assert (environment.made(trap), environment.made_for_python(trap)) == before


# ---- Outcomes kept for --tq-resume ----


@pytest.mark.parametrize("hours", [1, 24, 24 * 365, -25])
def test_an_outcome_of_another_time_is_not_taken_up(hours: int, tmp_path: Path) -> None:
    measurement: Any = SimpleNamespace(to_json=dict)
    journal = RunJournal(tmp_path, "one", resume=True)
    journal.recall_or("key", lambda: measurement)
    for entry in tmp_path.glob("*/*.json"):
        then = time.time() + 3600 * hours
        os.utime(entry, (then, then))
    assert RunJournal(tmp_path, "two", resume=True).fresh() == 0


def test_samples_of_another_type_are_another_key() -> None:
    def key(dtype: str) -> str:
        return scheme_keys.output_key(["reference"], "tf", "0", [np.zeros(4, dtype)], ())

    assert key("float32") != key("int32")
