"""Text of others cannot act on a terminal, in a CI log or in a report, wherever it leaves.

A form is what the text holds; a way is how it gets into a run. Terminal, Markdown, HTML and JUnit
of each are looked at.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attack import RED
from attack import USAGE
from attack import check_harmless
from attack import parameters
from played_project import Bench

from pytest_tinyquant.cli.main import main
from pytest_tinyquant.report.html.page import render
from pytest_tinyquant.report.live import Screen
from pytest_tinyquant.report.results import Results
from pytest_tinyquant.system.plain_console import plain_console
from pytest_tinyquant.system.plain_text import harmless


ONE = ("--model=cnn_4", "--scheme=int8-only", "--board=nucleo-l4r5zi")
COMBINATION = "cnn_4-int8-only-nucleo-l4r5zi"

FORMS = {
    "a colour": "\x1b[31mred",
    "the screen is cleared": "\x1b[2J\x1b[H",
    "the title is set": "\x1b]0;title\x07",
    "the clipboard is set": "\x1b]52;c;cm0gLXJm\x1b\\",
    "a link": "\x1b]8;;http://example.org\x1b\\here\x1b]8;;\x1b\\",
    "a device control string": "\x1bP+q544e\x1b\\",
    "a C1 sequence": "\x9b31m\x9d0;x\x9c",
    "backspaces": "passed\x08\x08\x08\x08\x08\x08failed",
    "a return": "first\rsecond",
    "NUL and DEL": "\x00\x7f",
    "a bell": "\x07",
    "a form feed": "\x0c\x0b",
    "a command of GitHub": "\n::error file=a.c::injected",
    "an indented command of GitHub": "\n  \u00a0::set-output name=x::y",
    "a group of GitHub": "\r\n::group::x",
    "an old command of GitHub": "x ##[add-path]/tmp",
    "a command of Azure": "##vso[task.setvariable variable=x]y",
    "a message of TeamCity": "##teamcity[testFailed name='x']",
    "a section of GitLab": "\x1b[0Ksection_start:0:x\r\x1b[0K",
    "a line separator": "a\u2028::error::b\u2029c",
    "a right-to-left override": "\u202egnirts",
    "isolates": "\u2066a\u2069\u2067b\u2068",
    "marks": "\u200ea\u200fb\u061c",
    "invisible characters": "a\u200bb\ufeffc\u00ad",
    "tags": "\U000e0041\U000e007f",
    "a lone surrogate": "\udc80",
}  # fmt: skip

#: Forms that an argument or a variable can hold.
TYPED = [name for name in FORMS if not set("\0\udc80") & set(FORMS[name])]


# ---- The function ----


@pytest.mark.parametrize("one_line", [True, False], ids=["a line", "lines"])
@pytest.mark.parametrize("form", FORMS)
def test_nothing_passes(form: str, one_line: bool) -> None:
    text = harmless(f"name {FORMS[form]} end", one_line=one_line)
    check_harmless(text)
    assert text.encode()
    assert harmless(text, one_line=one_line) == text
    if one_line:
        assert len(text.splitlines()) == 1


@pytest.mark.parametrize("form", FORMS)
def test_nothing_passes_at_the_beginning_of_a_text(form: str) -> None:
    check_harmless(harmless(FORMS[form].lstrip("\n")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cnn_4-int8  latency  1,500 -> 1,750",
        "a\n\tb",
        "3 \u00d7 4 \u2192 \u25b3 \u00e4\u00f6\u65e5\u672c",
        "std::vector",
    ],
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


# ---- Ways into a run ----


def in_an_error(bench: Bench, text: str) -> tuple[str, ...]:
    bench.says[COMBINATION] = {"raises": "ModelError", "text": f"tensor {text} is odd"}
    return ()


def in_the_rest_of_an_error(bench: Bench, text: str) -> tuple[str, ...]:
    bench.says[COMBINATION] = {"raises": "BenchError", "text": f"it said:\n{text}\n{text}"}
    return ()


def in_a_retry(bench: Bench, text: str) -> tuple[str, ...]:
    bench.says[COMBINATION] = {"raises": "ConsoleError", "text": "lost", "retries": [text, text]}
    return ()


def in_what_a_board_says(bench: Bench, text: str) -> tuple[str, ...]:
    """As the device's log, which the report of a failed test shows."""
    (bench.root / "said.txt").write_bytes(f"{text}\n{text}".encode(errors="surrogatepass"))
    with (bench.root / "conftest.py").open("a") as conftest:
        conftest.write(
            textwrap.dedent(
                """
                import pytest

                @pytest.hookimpl(tryfirst=True)
                def pytest_runtest_setup(item):
                    from pytest_tinyquant.boards.open import CONSOLE_LOG, device_directory
                    from pytest_tinyquant.session.run import RUN

                    name = item.name.partition("[")[2].rstrip("]")
                    folder = device_directory(item.config.stash[RUN].work_dir, name)
                    folder.mkdir(parents=True, exist_ok=True)
                    (folder / CONSOLE_LOG).write_bytes((ROOT / "said.txt").read_bytes())
                """
            )
        )
    bench.says[COMBINATION] = {"raises": "DeviceHaltedError", "text": "it stopped"}
    return ()


def in_a_cause(bench: Bench, text: str) -> tuple[str, ...]:
    """As the name of a kernel, which the cause of a regression of latency names."""
    bench.record(*ONE)
    bench.says[COMBINATION] = {"conv2d[3]": 1250}
    conftest = bench.root / "conftest.py"
    source = conftest.read_text().replace('"tq_conv_2d_s8", (1', f"{'k' + text!a}, (1")
    assert ascii(text)[1:-1] in source
    conftest.write_text(source)
    return ()


def in_a_note(bench: Bench, text: str) -> tuple[str, ...]:
    """As the name of a toolchain in a baseline, which a note about another one names."""
    bench.record(*ONE)
    for file in (bench.root / "baselines").rglob("*.json"):
        document = json.loads(file.read_text())
        document["toolchain"] = f"gcc {text}"
        document["metrics"]["latency"]["invoke"]["value"] = 1
        file.write_text(json.dumps(document))
    return ()


def in_a_known_gap(bench: Bench, text: str) -> tuple[str, ...]:
    bench.expect_gap(
        f"[[issue]]\nmodels = ['cnn_4']\nraises = 'ModelError'\nreason = {toml(text)}\n"
    )
    bench.says[COMBINATION] = {"raises": "ModelError", "text": f"no {text}"}
    (bench.root / "test_more.py").write_text("def test_fails(): assert False")
    return ()


def toml(text: str) -> str:
    """Return a text as TOML; it has no lone surrogates."""
    escaped = (f"\\U{ord(character):08x}" for character in text.replace("\udc80", "?"))
    return f'"{"".join(escaped)}"'


WAYS = {
    way.__name__.replace("_", " "): way
    for way in (
        in_an_error,
        in_the_rest_of_an_error,
        in_a_retry,
        in_what_a_board_says,
        in_a_cause,
        in_a_note,
        in_a_known_gap,
    )
}

CROSSED = [
    pytest.param(FORMS[form], WAYS[way], id=f"{form} {way}") for form in FORMS for way in WAYS
]


@pytest.mark.parametrize(("text", "way"), parameters(CROSSED, quick=14))
def test_a_run(bench: Bench, text: str, way: Callable[..., Any]) -> None:
    arguments = way(bench, text)
    result = bench.run(
        *ONE, *arguments, "-rA", "--tq-markdown=run.md", "--tq-html=run.html", "--junitxml=run.xml",
        "--tq-json=run.json",
    )  # fmt: skip
    assert result.ret == RED
    check_harmless(result.stdout.str())
    check_harmless((bench.root / "run.md").read_text())
    page = (bench.root / "run.html").read_text()
    check_harmless(re.sub(r"(?s)<style>.*?</style>|<script>.*?</script>", "", page))
    for data in re.findall(r'(?s)<script type="application/json"[^>]*>(.*?)</script>', page):
        for value in texts_of(json.loads(data)):
            check_harmless(value)
    check_harmless((bench.root / "run.xml").read_text())
    json.loads((bench.root / "run.json").read_text())


def texts_of(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for pair in value.items() for item in pair for text in texts_of(item)]
    if isinstance(value, list):
        return [text for item in value for text in texts_of(item)]
    return [value] if isinstance(value, str) else []


# ---- Ways out that end a run before its first test ----


@pytest.mark.parametrize("form", parameters(FORMS, quick=6))
def test_a_refusal(bench: Bench, form: str) -> None:
    text = toml(FORMS[form])
    (bench.root / "boards.toml").write_text(f"[{text}]\nkind = {text}\n")
    result = bench.run(*ONE)
    assert result.ret == USAGE
    check_harmless(result.stderr.str())


@pytest.mark.parametrize("form", parameters(TYPED, quick=4))
def test_a_refused_variable(bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Its value is repeated as it is, a path and no name."""
    monkeypatch.setenv("TINYQUANT_EXTRA_MODELS", f"/nowhere/{FORMS[form]}")
    result = bench.run(*ONE)
    assert result.ret == USAGE
    check_harmless(result.stderr.str())


@pytest.mark.parametrize("form", parameters(TYPED, quick=4))
def test_a_refused_option(bench: Bench, form: str) -> None:
    result = bench.run("--model", f"x{FORMS[form]}".replace("\n", " "))
    assert result.ret == USAGE
    lines = [line for line in result.stderr.str().splitlines() if line.startswith("ERROR: --model")]
    check_harmless("\n".join(lines))


# ---- The command line program ----


@pytest.mark.parametrize("form", parameters(FORMS, quick=6))
def test_an_error_of_the_program(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    Path("models").mkdir()
    Path("boards.toml").write_text(f"[{toml(FORMS[form])}]\nkind = 'host'\n")
    assert main(["boards"]) == 1
    output = capsys.readouterr()
    check_harmless(output.err)
    assert output.err.startswith("tinyquant: ")
    assert not output.out


COMMANDS: dict[str, Callable[[str], list[str]]] = {
    "a side of a diff": lambda text: ["diff", text, "HEAD"],
    "a history": lambda text: ["history", "latency", f"--file={text}"],
    "a model's file": lambda text: ["show", f"./{text}.tflite"],
    "a directory of a new project": lambda text: ["init", text],
    "an argument too many": lambda text: ["boards", f"x{text}"],
    "an option's value": lambda text: ["noise", "board", f"--runs={text}"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", parameters(TYPED, quick=4))
def test_what_the_program_repeats_of_its_command_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: str,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with contextlib.suppress(SystemExit):
        main(COMMANDS[command](FORMS[form].lstrip("\n")))
    output = capsys.readouterr()
    assert output.out + output.err
    check_harmless(output.out + output.err)


@pytest.mark.parametrize("form", FORMS)
def test_a_text_of_the_page_that_nothing_made_harmless(form: str) -> None:
    page = render(Results(), (), (), {}, summary=f"tinyquant: {FORMS[form]}")
    check_harmless(re.sub(r"(?s)<style>.*?</style>|<script>.*?</script>", "", page))


@pytest.mark.parametrize("form", FORMS)
def test_a_table_of_the_program(form: str) -> None:
    from rich.table import Table
    from rich.text import Text

    stream = io.StringIO()
    table = Table("name", "value")
    table.add_row(Text(FORMS[form]), FORMS[form].replace("[", "("))
    console = plain_console(file=stream, width=200, highlight=False)
    console.print(table)
    console.print(FORMS[form], markup=False)
    check_harmless(stream.getvalue())


# ---- The progress line ----


@pytest.mark.parametrize("form", FORMS)
def test_the_progress_line(form: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as stream:
        screen = Screen(os.dup(stream.fileno()), terminal=False, is_within_line=lambda: False)
        screen.say(f"converting {FORMS[form]}")
        screen.close()
    text = path.read_text()
    check_harmless(text)
    assert len(text.splitlines()) == 1
