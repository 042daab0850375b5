"""What is known of a PyTorch model without PyTorch: its files, its inputs, what it would run.

A model is a ``.pt2`` that ``torch.export.save`` wrote, or a ``.toml`` that names a factory.
"""

from __future__ import annotations

import importlib.util
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from typing import Final

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.errors import ModelError
from pytest_tinyquant.errors import ToolchainNotFoundError
from pytest_tinyquant.models.layers import Shape
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import MIB
from pytest_tinyquant.system.regular_file import MODEL_LIMIT
from pytest_tinyquant.system.regular_file import open_regular
from pytest_tinyquant.system.toml_table import Table


#: The key of a ``.toml`` that makes it a model of PyTorch.
FACTORY_KEY: Final = "torch"

PACKAGES: Final = ("torch", "litert_torch")

_FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_JSON_LIMIT = 64 * MIB
_FLOAT32 = 7  # of torch._export.serde.schema.ScalarType


@dataclass(frozen=True)
class TorchSource:
    """A function that makes a module.

    :param factory: ``module:function``.
    :param files: what the function's results depend on: its module, and the files it reads.
    """

    factory: str
    files: tuple[Path, ...]


def is_torch_toml(file: Path) -> bool:
    """Tell whether the ``.toml`` names a factory of a module.

    :raises ConfigurationError: it is no TOML.
    """
    return FACTORY_KEY in Table.read(file).values


def read_factory(top: Table) -> TorchSource:
    """Read the keys that say where a module comes from.

    :raises ConfigurationError: they cannot be followed.
    """
    factory = top.get(FACTORY_KEY, str)
    if not _FACTORY.fullmatch(factory):
        raise top.error(
            f"torch {factory!r} names no function; write it as 'module:function', such as "
            "'nets.small:make'"
        )
    folder = top.file.parent
    own = _own_module(factory.partition(":")[0], folder)
    named = [folder / name for name in top.strings("files")]
    for path in named:
        if not path.is_file():
            raise top.error(f"files: {path} does not exist; correct the name or add the file")
    files = dict.fromkeys(path.resolve() for path in ([own] if own else []) + named)
    return TorchSource(factory, tuple(files))


def _own_module(name: str, folder: Path) -> Path | None:
    """Return the file of a module that lies in `folder`; None for one that is installed."""
    base = folder.joinpath(*name.split("."))
    candidates = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((path for path in candidates if path.is_file()), None)


def require_torch() -> None:
    """Check that the packages for PyTorch models are there.

    :raises ToolchainNotFoundError: one is not.
    """
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise ToolchainNotFoundError(
            f"{' and '.join(missing).replace('_', '-')} not installed: PyTorch models cannot be "
            "converted. Install with: pip install 'pytest-tinyquant[torch]'"
        )


def input_shapes(path: Path) -> list[Shape]:
    """Return the shape of one sample of each input of a ``.pt2``: channels first, as it takes them.

    :raises ModelError: it is none, has inputs that no board can be given, or holds what would run
        code when it is read.
    """
    try:
        program = _program(path)
        graph = program["graph_module"]["graph"]
        specs = program["graph_module"]["signature"]["input_specs"]
        names = [s["user_input"]["arg"]["as_tensor"]["name"] for s in specs if "user_input" in s]
        values = [(name, graph["tensor_values"][name]) for name in names]
        shapes = [(name, _sizes(value), value["dtype"]) for name, value in values]
    except ModelError:
        raise
    except Exception as error:
        # Every part of the file may be missing or of another type.
        reason = getattr(error, "strerror", None) or repr(error)
        raise ModelError(
            f"{path}: not a program saved by torch.export.save: {reason}; export it again"
        ) from error
    return [_sample_shape(path, *shape) for shape in shapes]


def _sizes(value: Any) -> Shape:
    return tuple(size.get("as_int", 0) for size in value["sizes"])


def _sample_shape(path: Path, name: str, sizes: Shape, dtype: int) -> Shape:
    shown = ", ".join(str(size) if size else "open" for size in sizes)
    if dtype != _FLOAT32:
        raise ModelError(f"{path}: input {name!r} is not float32; export the model with float32")
    if len(sizes) < 2 or sizes[0] not in (0, 1) or any(size < 1 for size in sizes[1:]):
        raise ModelError(
            f"{path}: input {name!r} has shape [{shown}]; the first size must be 1 or open and "
            "every other one fixed. Export it with one sample"
        )
    return sizes[1:]


def _program(path: Path) -> Any:
    """Return the file's description of its program, after a look at what else it holds."""
    with open(open_regular(path), "rb") as stream, zipfile.ZipFile(stream) as archive:
        members = {member.filename: member for member in archive.infolist()}
        total = sum(member.file_size for member in members.values())
        if total > MODEL_LIMIT:
            raise ModelError(
                f"{path}: unpacks to {total:,} bytes; at most {MODEL_LIMIT:,} are read. Export a "
                "smaller model"
            )
        if any("/data/aotinductor/" in name for name in members):
            raise ModelError(
                f"{path}: holds compiled code, which is never loaded; save the exported program "
                "by torch.export.save"
            )
        found = [name for name in members if re.fullmatch(r"[^/]+/models/[^/]+\.json", name)]
        if len(found) != 1:
            raise ModelError(
                f"{path}: holds {len(found)} programs of the format of PyTorch 2.8 and later, not "
                "one; save one by torch.export.save"
            )
        for name, member in members.items():
            if name.endswith("_config.json") and _has_pickles(_read_json(archive, member)):
                raise ModelError(
                    f"{path}: {name} holds pickles, which run code of their author when they are "
                    "read, so it is never loaded; export a model of plain tensors"
                )
        return _read_json(archive, members[found[0]])


def _read_json(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Any:
    if member.file_size > _JSON_LIMIT:
        raise ValueError(f"{member.filename} has {member.file_size:,} bytes")
    return parse_json(archive.read(member))


def _has_pickles(config: Any) -> bool:
    return any(entry.get("use_pickle", True) for entry in config["config"].values())


def check_shape(shape: Shape | None, file: Path) -> None:
    """Check that the settings of a factory say what its module takes.

    :raises ConfigurationError: they do not.
    """
    if shape is None:
        raise ConfigurationError(
            f"{file}: key 'input_shape' is missing; add the shape of one sample as the module "
            "takes it, such as [1, 28, 28]"
        )
