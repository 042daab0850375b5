"""The protocol between an A/B run and the package of another revision."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_tinyquant.boards.device import HostImage
from pytest_tinyquant.boards.device import RunRecord
from pytest_tinyquant.errors import AbsentError
from pytest_tinyquant.errors import DoesNotFitError
from pytest_tinyquant.errors import RevisionError
from pytest_tinyquant.errors import UnsupportedModelError
from pytest_tinyquant.paired.protocol import PROTOCOL
from pytest_tinyquant.paired.protocol import SideImage
from pytest_tinyquant.paired.protocol import dump_image
from pytest_tinyquant.paired.protocol import dump_record
from pytest_tinyquant.paired.protocol import load_image
from pytest_tinyquant.paired.protocol import load_record
from pytest_tinyquant.paired.revision import Revision
from pytest_tinyquant.project.case import Case
from pytest_tinyquant.system.error_json import dump_error
from pytest_tinyquant.system.error_json import load_error


ROOT = Path(__file__).parents[3]
RECORD = RunRecord((b"\x00\xff",), 5, "cycles", "measured", (5,), 0, 8, None, "log", (4, 5, 6))


def told(document: dict[str, Any]) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(json.dumps(document))
    return heard


@pytest.mark.parametrize(
    "image",
    [SideImage(Path("/a.elf"), "1234", "f" * 64), HostImage(Path("/a.tflite"), [b"\0\1", b"\2"])],
)
def test_images_survive_the_way(image: HostImage | SideImage) -> None:
    assert load_image(told(dump_image(image))) == image


def test_records_survive_the_way_and_what_only_the_other_side_knows_is_passed_over() -> None:
    assert load_record(told(dump_record(RECORD)) | {"joules": 3}) == RECORD


def test_an_error_arrives_as_the_nearest_class_that_is_known_here() -> None:
    class TooHotError(UnsupportedModelError):
        """Of a later version."""

    error = load_error(told(dump_error(TooHotError("too hot", op="ADD", dtype="int8"))))
    assert type(error) is UnsupportedModelError
    assert (str(error), error.op, error.dtype) == ("too hot", "ADD", "int8")
    assert load_error(told(dump_error(KeyError("x")))) is None


def asked(*requests: Any, directory: Path | None = None) -> Any:
    """Ask the program of this package, started in a directory; return its answers."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest_tinyquant.cli.serve"],
        input="".join(json.dumps(request) + "\n" for request in requests),
        capture_output=True, text=True, timeout=60, check=True, env={"PYTHONPATH": str(ROOT)},
        cwd=directory,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_this_package_answers_and_says_where_it_lies() -> None:
    (hello,) = asked({"do": "hello", "with": {"protocol": PROTOCOL}})
    assert hello == {"value": {"protocol": PROTOCOL, "root": str(ROOT)}}


def test_a_request_that_fails_ends_nothing() -> None:
    build = {"do": "build", "with": {"model": "m", "scheme": "int8", "board": "host"}}
    unknown, early, hello = asked({"do": "dance", "with": {}}, build, {"do": "hello", "with": {}})
    assert unknown["error"]["class"] == "KeyError"
    assert early["error"]["class"] == "RevisionError"
    assert "value" in hello


PLUGIN = """
from pytest_tinyquant import MetricSpec, Part

def pytest_tinyquant_metrics():
    parts = (Part("total", gates=True),)
    classes = {"emulator": "measured"}
    return [MetricSpec(name="heat", title="Heat", description="", parts=parts,
                       classes=classes, measure=lambda observation: {})]
"""


def test_what_a_conftest_brings_is_known_to_the_other_side(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(PLUGIN)
    (tmp_path / "boards.toml").write_text('[metered]\nbase = "rx65n"\nmetrics = ["heat"]\n')
    settings = {
        "root": str(tmp_path), "models_dir": str(tmp_path / "models"),
        "baselines_dir": str(tmp_path), "extra_models": [], "models": [],
        "target": "emulator", "cache_dir": "",
        "work_dir": str(tmp_path), "attached": [],
    }  # fmt: skip
    (answer,) = asked({"do": "load", "with": {"settings": settings}}, directory=tmp_path)
    assert "metered" in answer["value"]["boards"]


ANSWERS = """
import json, sys

for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps(ANSWERS[request["do"]]), flush=True)
"""


@pytest.fixture
def revision(tmp_path: Path) -> Callable[..., Revision]:
    """Return a function that makes a revision whose package gives these answers."""

    def revision(**answers: dict[str, Any]) -> Revision:
        package = tmp_path / "pytest_tinyquant" / "paired"
        package.mkdir(parents=True)
        for folder in (package.parent, package):
            (folder / "__init__.py").touch()
        hello = {"value": {"protocol": PROTOCOL, "root": str(tmp_path)}}
        load = {"value": {"models": ["m"], "boards": ["b"]}}
        played = {"hello": hello, "load": load, **answers}
        (package / "serve.py").write_text(f"ANSWERS = {played!r}\n{ANSWERS}")
        return Revision("REV", {"root": str(tmp_path)}, tmp_path)

    return revision


def build(revision: Revision) -> SideImage | HostImage:
    names: list[Any] = [SimpleNamespace(name=name) for name in ("m", "int8", "b")]
    try:
        return revision.build(Case(*names))
    finally:
        revision.close()


def test_a_revision_is_asked_in_its_own_words(revision: Callable[..., Revision]) -> None:
    image = {"value": {"elf": "/a.elf", "image_id": "1", "sha256": "2", "later": "more"}}
    assert build(revision(build=image)) == SideImage(Path("/a.elf"), "1", "2")


@pytest.mark.parametrize("what", ["models", "boards", "schemes"])
def test_what_the_revision_does_not_list_it_lacks(
    revision: Callable[..., Revision], what: str
) -> None:
    listed = {"models": ["m"], "boards": ["b"], "schemes": ["int8"]}
    with pytest.raises(AbsentError, match=f"REV has no {what[:-1]} "):
        build(revision(load={"value": {**listed, what: ["another"]}}))


def test_half_an_answer_is_none(revision: Callable[..., Revision]) -> None:
    side = revision()
    server = side._package_root / "pytest_tinyquant" / "paired" / "serve.py"
    cut = 'if request["do"] == "build": sys.stdout.write("{"); sys.stdout.flush(); sys.exit()'
    text = server.read_text()
    server.write_text(text.replace("    print(", f"    {cut}\n    print("))
    with pytest.raises(RevisionError, match="the process that builds it ended"):
        build(side)


def test_an_error_of_the_revision_is_raised_here(revision: Callable[..., Revision]) -> None:
    error = {
        "error": dump_error(DoesNotFitError("too large", region="flash", needed=2, available=1))
    }
    with pytest.raises(DoesNotFitError, match="too large"):
        build(revision(build=error))


def test_another_version_of_the_protocol_is_refused(revision: Callable[..., Revision]) -> None:
    hello = {"value": {"protocol": PROTOCOL + 1, "root": "/"}}
    with pytest.raises(RevisionError, match=r"REV cannot be used: its .* in version 2 "):
        build(revision(hello=hello))


def test_the_package_of_another_directory_is_refused(revision: Callable[..., Revision]) -> None:
    hello = {"value": {"protocol": PROTOCOL, "root": "/elsewhere"}}
    with pytest.raises(RevisionError, match="came from /elsewhere, not from"):
        build(revision(hello=hello))
