"""The program ``tinyquant``: what is convenient to ask outside of a test run."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final
from typing import NoReturn

from pytest_tinyquant.cli import add_board
from pytest_tinyquant.cli import compare_schemes
from pytest_tinyquant.cli import completion
from pytest_tinyquant.cli import import_model
from pytest_tinyquant.cli import janitor
from pytest_tinyquant.cli import kernels
from pytest_tinyquant.cli import list_baselines
from pytest_tinyquant.cli import list_schemes
from pytest_tinyquant.cli import sensitivity
from pytest_tinyquant.cli.compare import add_diff
from pytest_tinyquant.cli.compare import add_history
from pytest_tinyquant.cli.compare import run_diff
from pytest_tinyquant.cli.compare import run_history
from pytest_tinyquant.cli.current_project import current_project
from pytest_tinyquant.cli.plugins import load_plugins
from pytest_tinyquant.errors import TinyQuantError
from pytest_tinyquant.system.plain_console import complain
from pytest_tinyquant.system.plain_console import say
from pytest_tinyquant.system.plain_text import harmless
from pytest_tinyquant.system.scratch import scratch_directory


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status: 0 for success, 1 for failure, 2 for wrong usage."""
    try:
        options = parser().parse_args(arguments)
        if options.command not in _WITHOUT_PROJECT:
            options.settings = load_plugins()
        status: int = options.command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read the output, such as head, has had enough. Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (TinyQuantError, OSError) as error:
        complain("tinyquant", error)
        return 1
    return status


class _Parser(argparse.ArgumentParser):
    """One whose complaints, which repeat what was typed or pasted, are harmless."""

    def error(self, message: str) -> NoReturn:
        super().error(harmless(message))


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    program = _Parser(
        prog="tinyquant", description="Look after the model x scheme x board tests of a project."
    )
    version = importlib.metadata.version("pytest-tinyquant")
    program.add_argument("--version", action="version", version=f"pytest-tinyquant {version}")
    completion.add_argument(program)
    commands = program.add_subparsers(required=True, metavar="COMMAND")
    for name, command, summary in (
        ("init", _init, "write a test file, a models folder and the ini lines into a project"),
        ("import", import_model.run, "copy a model's file into the project and say what it is"),
        ("show", _show, "print a model's operators, whether runtimes support them, and its plan"),
        (
            "compare",
            compare_schemes.run,
            "show what each scheme costs and loses",
        ),
        ("diff", run_diff, "compare runs, images, baselines or revisions of the baselines"),
        ("history", run_history, "show a number over the runs of pytest --tq-history"),
        ("baselines", list_baselines.run, "list the baselines, or those that no test uses"),
        ("sensitivity", sensitivity.run, "measure what each layer's bits cost; propose a recipe"),
        ("schemes", list_schemes.run, "list the schemes that --scheme knows, with what they do"),
        ("kernels", kernels.run, "list the kernels that a project may replace, or copy one"),
        ("boards", _boards, "list the boards that --board knows, and those on this bench"),
        ("board", add_board.run, "write the rows of an attached board into boards.toml"),
        ("doctor", _doctor, "check everything that a run needs, and say how to mend it"),
        ("noise", _noise, "measure how far latencies scatter on an attached board, and store it"),
        ("janitor", janitor.run, "give back places of labgrid whose runs ended without a word"),
        ("toolchain", _toolchain, "build a program that has no package into the cache"),
    ):
        sub = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        sub.set_defaults(command=command)
        if name in _ARGUMENTS:
            _ARGUMENTS[name](sub)
    return program


def _init_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", type=Path, default=Path())


def _show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", help="a model's name, or the path of its file")
    parser.add_argument("--scheme", default="int8-only", help="default: int8-only")
    parser.add_argument("--board", help="the board whose kernels run it; default: all boards")
    parser.add_argument("--layers", action="store_true", help="show which layer costs the accuracy")


def _doctor_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("board", nargs="*", help="check only what these boards need")


def _noise_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("board", help="name of the board's type")
    parser.add_argument("--model", default="", help="default: the project's first")
    parser.add_argument("--scheme", default="int8-only", help="default: int8-only")
    parser.add_argument("--runs", type=int, default=10, help="default: 10")


def _toolchain_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "target",
        choices=("rx-elf", "rx-sim", "labgrid"),
        help="rx-elf: the compiler for Renesas RX; rx-sim: a simulator of its cycles; "
        "labgrid: the client of a farm of boards",
    )


#: What adds the arguments of a command that takes some.
_ARGUMENTS: Final[Mapping[str, Callable[[argparse.ArgumentParser], None]]] = {
    "baselines": list_baselines.add_arguments,
    "board": add_board.add_arguments,
    "compare": compare_schemes.add_arguments,
    "diff": add_diff,
    "doctor": _doctor_arguments,
    "history": add_history,
    "import": import_model.add_arguments,
    "init": _init_arguments,
    "janitor": janitor.add_arguments,
    "kernels": kernels.add_arguments,
    "noise": _noise_arguments,
    "sensitivity": sensitivity.add_arguments,
    "show": _show_arguments,
    "toolchain": _toolchain_arguments,
}


def _init(options: argparse.Namespace) -> int:
    from pytest_tinyquant.project.new import lines_to_add
    from pytest_tinyquant.project.new import write_scaffold

    for path, written in write_scaffold(options.directory):
        say(f"{'wrote' if written else 'kept '} {path}")
        lines = [] if written else lines_to_add(path)
        if lines:
            say("\n    ".join(["      which holds pytest's settings; add to them:", *lines]))
    print("Put a model in with tinyquant import FILE, then: pytest --tq-missing-baseline=record")
    return 0


def _show(options: argparse.Namespace) -> int:
    from pytest_tinyquant.cli.show import show_model

    project = current_project(options.model, settings=options.settings)
    return show_model(project, options.model, options.scheme, options.board, layers=options.layers)


def _boards(options: argparse.Namespace) -> int:
    from pytest_tinyquant.cli.list_boards import list_boards

    return list_boards(current_project(settings=options.settings))


def _doctor(options: argparse.Namespace) -> int:
    from pytest_tinyquant.cli.doctor import examine

    load = partial(current_project, settings=options.settings)
    return examine(load, options.board, options.settings.boards)


def _noise(options: argparse.Namespace) -> int:
    from pytest_tinyquant.cli.measure_noise import measure_noise
    from pytest_tinyquant.stages.pipeline import Stages

    with scratch_directory() as directory:
        work_dir = Path(directory)
        project = current_project(options.model, work_dir=work_dir, settings=options.settings)
        file = measure_noise(
            Stages(project, device_timeout=options.settings.timeout),
            options.board,
            model=options.model,
            scheme=options.scheme,
            runs=options.runs,
            say=say,
        )
    say(file)
    return 0


def _toolchain(options: argparse.Namespace) -> int:
    if options.target == "labgrid":
        from pytest_tinyquant.boards.farm.client import install

        say(install())
        return 0
    from pytest_tinyquant.firmware import toolchain_rx
    from pytest_tinyquant.firmware import toolchain_rx_sim
    from pytest_tinyquant.firmware.source_build import build
    from pytest_tinyquant.system.cache import Cache

    recipe = {"rx-elf": toolchain_rx, "rx-sim": toolchain_rx_sim}[options.target].recipe()
    say(build(recipe, Cache(), lambda line: say(f"{recipe.name}: {line}")))
    return 0


#: The commands that read nothing which a plugin could add to.
_WITHOUT_PROJECT: Final = (_init, _toolchain, janitor.run, kernels.run)
