"""Whatever a name, an option or the environment holds, pytest ends with a sentence, not a crash."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from attack import NIGHTLY
from attack import OK
from attack import RED
from attack import USAGE
from attack import Attack
from attack import attacked
from attack import check
from attack import check_harmless
from attack import parameters
from attack import rows
from played_project import Bench

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.errors import BenchError
from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.firmware.cmake import configured
from pytest_tinyquant.project.board_types import load_boards
from pytest_tinyquant.system.reads import Places


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=host")
SKIP = "--tq-missing-baseline=skip"
DIGITS = "9" * 5000


# ---- Options and ini keys ----


def with_options(*arguments: str) -> Callable[[Bench], tuple[str, ...]]:
    return lambda bench: (*ONE, SKIP, *arguments)


def with_ini(text: str, *arguments: str) -> Callable[..., tuple[str, ...]]:
    def do(bench: Bench) -> tuple[str, ...]:
        bench.pytester.makeini(f"[pytest]\naddopts = --import-mode=importlib\n{text}\n")
        return (*ONE, SKIP, *arguments)

    return do


SECONDS = ("nan", "inf", "-inf", "1e20", "-1", "1e-400", DIGITS)
SECONDS_OPTIONS = ("--tq-timeout", "--tq-lease-timeout", "--tq-progress")
SLACKS = (
    "latency:nan", "latency:inf", "latency:1e999", "latency:-1%", "latency:nan%", "error:-nan",
    f"latency:{DIGITS}", "latency:", ":1%", "latency", "speed:1%", "latency:1%%", "latency:0x10",
    "ram:1e400", "latency:1;2", "\u0661:1",
)  # fmt: skip

OPTIONS = [
    *(
        Attack(
            f"{option}={value[:9]}",
            with_options(f"{option}={value}"),
            (rf"{option}: must be (above 0|0 or above|1,000,000 at most), not ",),
            USAGE,
            quick=value in ("nan", "inf") and option == "--tq-timeout",
        )
        for option in SECONDS_OPTIONS
        for value in SECONDS
        if not (option != "--tq-timeout" and value == "1e-400")  # which is 0
    ),
    *(
        Attack(
            f"--tq-tolerance={slack[:16]}",
            with_options(f"--tq-tolerance={slack}"),
            (r"^ERROR: .*(tolerance|metric)",),
            USAGE,
            quick=slack in ("latency:nan", "latency:1e999"),
        )
        for slack in SLACKS
    ),
    *(
        Attack(
            f"tinyquant_set_aside_after={value[:9]}",
            with_ini(f"tinyquant_set_aside_after = {value}"),
            (r"tinyquant_set_aside_after: must be 1 or more",),
            USAGE,
            quick=value == DIGITS,
        )
        for value in ("0", "-1", "x", "1.5", "\u00b2", DIGITS)
    ),
    *(
        Attack(
            f"tinyquant_tolerance={slack[:16]}",
            with_ini(f"tinyquant_tolerance = {slack}"),
            (r"^ERROR: .*(tolerance|metric)",),
            USAGE,
        )
        for slack in SLACKS
        if ";" not in slack
    ),
    Attack(
        "models_dir is a device",
        with_ini("tinyquant_models_dir = /dev/null"),
        (r"^ERROR: .*--model: unknown model 'cnn_4'",),
        USAGE,
    ),
    Attack(
        "baselines is a file",
        with_ini("tinyquant_baselines = conftest.py", "--tq-missing-baseline=record"),
        (r"^ERROR: --tq-missing-baseline: .*conftest\.py cannot be written",),
        USAGE,
        quick=True,
    ),
    Attack(
        "baselines is a device",
        with_ini("tinyquant_baselines = /dev/null", "--tq-missing-baseline=record"),
        (r"^ERROR: --tq-missing-baseline: /dev/null cannot be written",),
        USAGE,
    ),
    Attack(
        "a canary that is none",
        with_options("--tq-canary=\u202ex"),
        (r"tinyquant_canary: .*is no MODEL-SCHEME",),
        USAGE,
    ),
    Attack(
        "a cache directory that is a file",
        with_options("--tq-cache-dir=conftest.py"),
        (r"2 skipped",),
        OK,
    ),
]


@pytest.mark.parametrize("attack", rows(OPTIONS))
def test_an_option(bench: Bench, attack: Attack) -> None:
    attacked(bench, attack)


# ---- What CMake divides ----


@pytest.mark.parametrize("flag", ["-Os;-DX", ";", "", "-D\n", "\x1b[2J"], ids=ascii)
def test_a_compiler_flag_that_is_several(tmp_path: Path, flag: str) -> None:
    file = tmp_path / "boards.toml"
    escaped = "".join(f"\\U{ord(character):08x}" for character in flag)
    file.write_text(f'[own]\nbase = "nucleo-l4r5zi"\ncflags = ["{escaped}"]\n')
    with pytest.raises(ConfigurationError, match=r"boards\.toml: \[own\]: cflags: .* is no flag"):
        load_boards([file])


@pytest.mark.parametrize("which", range(3), ids=["sources", "output", "toolchain file"])
def test_a_directory_that_is_several_for_cmake_is_the_bench_s_trouble(
    tmp_path: Path, which: int
) -> None:
    sources, output, file = (tmp_path / ("a;b" if which == n else "c") for n in range(3))
    with (
        pytest.raises(BenchError, match=r"a;b: CMake divides names at ';'"),
        configured(sources, output, file, {}, places=Places({})),
    ):
        pass


# ---- Names ----


def with_model(name: str) -> Callable[..., tuple[str, ...]]:
    def do(bench: Bench) -> tuple[str, ...]:
        (bench.root / "models" / f"{name}.keras").touch()
        return ("--board=host", SKIP)

    return do


def with_board(name: str) -> Callable[..., tuple[str, ...]]:
    def do(bench: Bench) -> tuple[str, ...]:
        escaped = "".join(f"\\U{ord(character):08x}" for character in name)
        (bench.root / "boards.toml").write_text(f'["{escaped}"]\nbase = "host"\n')
        return (*ONE, SKIP)

    return do


MODEL_NAMES = {
    "of 249 bytes": "x" * 243,
    "of 121 bytes": "x" * 115,
    "with a blank": "my net",
    "with a backslash": "my\\net",
    "with a line end": "my\nnet",
    "with an escape sequence": "my\x1b[2Jnet",
    "with a quote": "my'net\"",
    "with a dollar": "$(touch x)",
    "with a semicolon": "my;net",
    "that is hidden by bidi": "my\u202enet",
    "no UTF-8": "my\udcffnet",
    "with a dash in front": "-x",
    "with brackets": "x[1]",
    "of colons": "x::y",
}
BOARD_NAMES = {
    "of 250 bytes": "x" * 250,
    "of 61 bytes": "x" * 61,
    "of nothing": "",
    "with a blank": "my board",
    "with a backslash": "my\\board",
    "with a slash": "my/board",
    "of dots": "..",
    "with a line end": "my\nboard",
    "with a command": "\n::error::x",
    "with an escape sequence": "my\x1b[2Jboard",
    "with a quote": "my'board\"",
    "with a semicolon": "my;board",
    "with a comma": "my,board",
    "with a letter beyond ASCII": "b\u00f6ard",
    "with NUL": "my\0board",
    "with brackets": "x[1]",
}

NAMES = [
    *(
        Attack(
            f"a model's name {what}",
            with_model(name),
            (r"^ERROR: .*its name becomes part of (test ids|file names)",),
            USAGE,
            quick=what in ("of 249 bytes", "no UTF-8", "with an escape sequence"),
        )
        for what, name in MODEL_NAMES.items()
    ),
    *(
        Attack(
            f"a board's name {what}",
            with_board(name),
            (r"^ERROR: .*board name .* becomes part of test ids",),
            USAGE,
            quick=what in ("of 250 bytes", "with a blank", "with a backslash", "with a command"),
        )
        for what, name in BOARD_NAMES.items()
    ),
]


@pytest.mark.parametrize("attack", rows(NAMES))
def test_a_name(bench: Bench, attack: Attack) -> None:
    attacked(bench, attack)


def test_the_longest_names_are_long_enough_for_every_file(bench: Bench) -> None:
    name = "n" * 114
    board = "B" * 60
    (bench.root / "models" / f"{name}.keras").touch()
    (bench.root / "boards.toml").write_text(f'[{board}]\nbase = "nucleo-l4r5zi"\n')
    chosen = (f"--model={name}", "--scheme=16x8-only", f"--board={board}")
    check(bench.run(*chosen, "--tq-missing-baseline=record"), ["4 passed"], OK)
    bench.says[f"{name}-16x8-only-{board}"] = {"conv2d[3]": 1250}
    check(bench.run(*chosen, "-o", "cache_dir=c"), ["1 regressed, 3 ok"], RED)


def test_the_name_of_a_test_may_be_longer_than_a_file_s(bench: Bench) -> None:
    name = "test_" + "x" * 300
    bench.pytester.makepyfile(test_matrix=f"def {name}(measurement): assert measurement is None\n")
    check(bench.run(*ONE), ["1 failed"], RED)


# ---- Where a project lies ----

ROOTS = {
    "no UTF-8": b"ro\xffot",
    "an escape sequence": b"ro\x1bcot",
    "a line end": b"ro\not",
    "a blank and a quote": b"ro 'ot",
    "a bidi control": "ro\u202eot".encode(),
    "a semicolon": b"ro;ot",
    "a percent": b"ro%sot",
    "a long name": b"r" * 250,
}


def moved(bench: Bench, name: bytes) -> Path:
    root = Path(os.fsdecode(os.fsencode(bench.root.parent) + b"/" + name))
    shutil.rmtree(root, ignore_errors=True)
    (bench.root / "bench.json").write_text("{}")
    shutil.copytree(bench.root, root)
    return root


def run_in(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-p", "no:hypothesispytest", *arguments],
        cwd=root,
        env={**os.environ, **environment},
        capture_output=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", parameters(ROOTS, quick=3))
def test_a_root(bench: Bench, kind: str) -> None:
    """Recording, a regression and every report: each ends as in any other directory."""
    root = moved(bench, ROOTS[kind])
    try:
        first = run_in(root, *ONE, "--tq-missing-baseline=record", "--tq-history=h.sqlite")
        assert first.returncode == OK, first.stdout.decode(errors="replace")
        (root / "bench.json").write_text('{"cnn_4-int8-only-host": {"mae": 0.02}}')
        second = run_in(
            root, *ONE, "--tq-html=run.html", "--tq-markdown=run.md", "--tq-json=run.json"
        )
        output = second.stdout.decode(errors="surrogateescape")
        assert second.returncode == RED, output
        assert "tinyquant: 1 regressed, 1 ok" in output
        assert b"INTERNALERROR" not in second.stdout + second.stderr
        check_harmless((root / "run.md").read_text())
        # pytest itself writes the root into its header as it is, and takes no [] or :: in one.
        ours = output.partition("= FAILURES =")[2].partition("short test summary info")[0]
        check_harmless(ours)
    finally:
        shutil.rmtree(root)


@pytest.mark.parametrize("locale", ["C", "POSIX", "tr_TR.UTF-8"])
def test_a_locale(bench: Bench, locale: str) -> None:
    (bench.root / "bench.json").write_text("{}")
    result = run_in(
        bench.root, *ONE, "--tq-missing-baseline=record", LC_ALL=locale, PYTHONIOENCODING="ascii"
    )
    assert result.returncode == OK, result.stdout


# ---- The machine ----


@pytest.mark.parametrize(
    "limits",
    parameters(
        [
            pytest.param({resource.RLIMIT_NOFILE: 20}, id="20 open files"),
            pytest.param({resource.RLIMIT_FSIZE: 0}, id="no file may grow"),
            pytest.param({resource.RLIMIT_FSIZE: 2048}, id="files of 2 kB"),
        ],
        quick=2,
    ),
)
def test_a_limit_of_the_system(bench: Bench, limits: dict[int, int]) -> None:
    """Trouble, but a verdict or an error of the bench for each test, and no crash of pytest."""
    (bench.root / "bench.json").write_text("{}")
    arguments = [
        *ONE, "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "--capture=sys",
        "--tq-missing-baseline=record",
    ]  # fmt: skip
    script = textwrap.dedent(
        f"""
        import resource, signal, sys
        import pytest, pytest_tinyquant.plugin
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for what, value in {limits!r}.items():
            resource.setrlimit(what, (value, value))
        sys.exit(pytest.main({arguments!r}))
        """
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=bench.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    output = result.stdout.decode(errors="replace")
    assert "INTERNALERROR" not in output, output
    assert "Traceback" not in output, output
    if result.returncode == USAGE:
        assert "ERROR: no scratch directory can be made" in output
    elif result.returncode != OK:
        assert result.returncode == RED, output
        assert "BenchError" in output or "BaselineError" in output or "CacheError" in output


@pytest.mark.parametrize("place", ["missing", "a file", "a device"])
def test_a_directory_for_temporary_files(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (bench.root / "bench.json").write_text("{}")
    file = bench.root / "file"
    file.touch()
    directory = {"missing": "/proc/nowhere", "a file": str(file), "a device": "/dev/null"}[place]
    result = run_in(bench.root, *ONE, "--tq-missing-baseline=record", TMPDIR=directory)
    # Python takes /tmp instead.
    assert result.returncode == OK, result.stdout


@pytest.mark.parametrize(
    "value", ["", "relative", "/dev/null", "/proc/nowhere", "\udcff", "a;b", "~"]
)
@pytest.mark.parametrize(
    "variable",
    ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "TINYQUANT_CACHE", "TINYQUANT_LEASE_DIR", "HOME"]
    if NIGHTLY
    else ["XDG_CONFIG_HOME"],
)
def test_a_variable(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = bench.run(*ONE, "--tq-missing-baseline=record", "--tq-resume")
    check(result, ["2 passed"], OK)


@pytest.mark.parametrize(
    "value", ["/proc/nowhere", "/dev/null", "/dev/zero", "conftest.py", "\udcff"]
)
def test_models_from_elsewhere_that_are_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("TINYQUANT_EXTRA_MODELS", value)
    check(bench.run(*ONE), [r"^ERROR: .*(no such model|not a model)"], USAGE)


# ---- git ----


@pytest.fixture
def repository(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    for variable in ("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"):
        monkeypatch.setenv(variable, "a")
    for variable in ("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"):
        monkeypatch.setenv(variable, "a@example.org")
    bench.record(*ONE)
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=bench.root, check=True)
    return bench


def damage_index(root: Path) -> None:
    (root / ".git" / "index").write_bytes(b"DIRC" + bytes(40))


def damage_object(root: Path) -> None:
    for file in (root / ".git" / "objects").rglob("*"):
        if file.is_file():
            file.chmod(0o600)
            file.write_bytes(b"x")


DAMAGES = {"the index": damage_index, "every object": damage_object}
GIT_OPTIONS = ("--tq-ab=HEAD", "--tq-creep=HEAD", "--tq-history=h.sqlite")


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("option", GIT_OPTIONS)
def test_a_damaged_repository(repository: Bench, damage: str, option: str) -> None:
    DAMAGES[damage](repository.root)
    result = repository.run(*ONE, option)
    check_harmless(result.stdout.str() + result.stderr.str())
    assert result.ret in (OK, RED, USAGE)
    if option == "--tq-history=h.sqlite":
        assert "tinyquant: 2 ok" in result.stdout.str()
    if option == "--tq-ab=HEAD":
        assert result.ret != OK


def test_a_release_s_baseline_that_is_no_text(repository: Bench) -> None:
    (file,) = (repository.root / "baselines").rglob("*.json")
    text = file.read_bytes()
    file.write_bytes(b"\xff\xfe" + text)
    for command in (["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *command], cwd=repository.root, check=True)
    file.write_bytes(text)
    result = repository.run(*ONE, "--tq-creep=HEAD")
    check(result, [r"^BaselineError: .*no UTF-8 text"], RED)


SIDES = (
    "HEAD: X", "HEAD:", "HEAD:../..", "HEAD:/", "HEAD:./../../..", "HEAD:conftest.py", "nothing",
    "", ":", "::", "@{99}", "x" * 300, "x" * 5000, "\udcff", "--upload-pack=touch x",
    "conftest.py", "bench.json", "/dev/null", "/proc/self/mem", "models",
)  # fmt: skip


@pytest.mark.parametrize("side", parameters(SIDES, quick=8), ids=ascii)
def test_a_side_of_a_diff(
    repository: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    side: str,
) -> None:
    monkeypatch.chdir(repository.root)
    arguments = ["diff", side, "HEAD"] if not side.startswith("-") else ["diff", "--", side, "HEAD"]
    assert main(arguments) == 2
    output = capsys.readouterr()
    check_harmless(output.err)
    assert len(output.err.strip().splitlines()) == 1
    assert output.err.startswith("tinyquant diff: ")


@pytest.mark.parametrize("side", parameters(SIDES, quick=5), ids=ascii)
def test_a_side_of_an_a_b_run(repository: Bench, side: str) -> None:
    result = repository.run(*ONE, f"--tq-ab={side}")
    if side in ("",):
        assert result.ret == OK  # as if the option were not there
    else:
        check(result, [r"^ERROR: "], USAGE)
