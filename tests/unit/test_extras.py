"""Whatever says that a package is missing names an extra that installs it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path


REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "pytest_tinyquant"
EXTRAS = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"][
    "optional-dependencies"
]

#: Names of an extra in quotes where a shell would take brackets for a pattern.
NAMED = re.compile(r"pytest-tinyquant\[([^\]{}]+)\]")

#: Optional packages by the name they are imported by, and the extras of which one brings them.
OPTIONAL = {
    "tensorflow": {"convert"},
    "keras": {"convert"},  # tensorflow requires it
    "h5py": {"convert"},  # keras requires it
    "ai_edge_litert": {"litert", "quantizer"},
    "litert_quantizer": {"quantizer"},
    "onnx": {"onnx"},
    "onnxruntime": {"onnx"},
    "tensorflow_model_optimization": {"compress"},
    "tf_keras": {"compress"},
    "tflite_micro": {"emulation"},
    "pyocd": {"emulation", "hardware"},
    "serial": {"emulation", "hardware"},
    "elftools": {"emulation", "hardware"},
    "capstone": {"emulation"},
    "shtab": {"completion"},
    "sqlalchemy": {"farm"},
    "psycopg": {"farm"},
    "tomlkit": {"hardware"},
    "ppk2_api": {"energy"},
    "joulescope": {"energy"},
    "torch": {"torch"},
    "litert_torch": {"torch"},
}
#: Required by packages of the tables, or imported only where pytest has loaded them.
BROUGHT_ALONG = {"cmsis_pack_manager", "flatbuffers", "markupsafe", "xdist"}
REQUIRED = {
    "_pytest", "filelock", "jinja2", "numpy", "packaging", "platformdirs", "pluggy", "pytest",
    "pytest_tinyquant", "rich", "tflite", "typing_extensions",
}  # fmt: skip

SOURCES = sorted(PACKAGE.rglob("*.py"))


def test_every_extra_that_is_named_exists() -> None:
    found: dict[str, Path] = {}
    for file in [*SOURCES, REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.*"))]:
        for names in NAMED.findall(file.read_text(errors="replace")):
            for name in names.split(","):
                found.setdefault(name, file)
    assert {"convert", "emulation", "hardware", "litert", "onnx", "quantizer"} <= set(found)
    assert {name: file for name, file in found.items() if name not in EXTRAS} == {}


def test_every_imported_package_is_required_or_has_an_extra() -> None:
    imported: dict[str, Path] = {}
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0]: file for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported[node.module.partition(".")[0]] = file
    known = REQUIRED | BROUGHT_ALONG | set(OPTIONAL) | set(sys.stdlib_module_names)
    assert {name: file for name, file in imported.items() if name not in known} == {}


def test_every_optional_package_has_a_message_that_names_its_extra() -> None:
    said = {
        name
        for file in SOURCES
        for names in re.findall(
            r"pip install '?pytest-tinyquant\[([^\]{}]+)\]|extra=\"(\w+)\"", file.read_text()
        )
        for name in ",".join(names).split(",")
    }
    without = {package for package, extras in OPTIONAL.items() if not extras & said}
    assert without == set()
