"""Known gaps: rows of ``known_issues.toml`` that say which error a combination is to raise."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from pytest_tinyquant import errors
from pytest_tinyquant.system.toml_table import Table


FILE_NAME = "known_issues.toml"


@dataclass(frozen=True)
class KnownIssue:
    """One row: the combinations it covers, the error they raise, and why.

    The patterns are shell globs; a combination is covered when each of its four names matches one
    pattern of its kind.
    """

    models: tuple[str, ...]
    schemes: tuple[str, ...]
    boards: tuple[str, ...]
    runtimes: tuple[str, ...]
    raises: tuple[type[errors.TinyQuantError], ...]
    reason: str
    link: str
    file: Path
    row: int

    def covers(self, *, model: str, scheme: str, board: str, runtime: str) -> bool:
        """Tell whether the row speaks about this combination."""
        pairs = (
            (model, self.models),
            (scheme, self.schemes),
            (board, self.boards),
            (runtime, self.runtimes),
        )
        return all(
            any(fnmatchcase(name, pattern) for pattern in patterns) for name, patterns in pairs
        )

    @property
    def where(self) -> str:
        """Return where the row stands, for messages."""
        return f"row {self.row} of {self.file.name}"


def load_known_issues(file: Path, known: Mapping[str, Sequence[str]]) -> tuple[KnownIssue, ...]:
    """Read the rows of `file`, none when it does not exist.

    :param known: the known names by column (``models``, ``schemes``, ``boards``, ``runtimes``). A
        pattern that matches none of them is an error, lest a misspelt row expect nothing; only
        the models of a row with ``extra = true`` may be unknown.
    """
    top = Table.find(file)
    if top is None:
        return ()
    top.allow(["issue"])
    rows = top.array("issue", dict) if top.values else ()
    return tuple(
        _issue(Table(row, file=file, label=f"[[issue]] {number}"), number, known)
        for number, row in enumerate(rows, start=1)
    )


def find(
    issues: Iterable[KnownIssue], *, model: str, scheme: str, board: str, runtime: str
) -> KnownIssue | None:
    """Return the first row that covers the combination."""
    for issue in issues:
        if issue.covers(model=model, scheme=scheme, board=board, runtime=runtime):
            return issue
    return None


def _issue(table: Table, number: int, known: Mapping[str, Sequence[str]]) -> KnownIssue:
    """Return one checked row."""
    table.allow([*known, "raises", "reason", "link", "extra"])
    return KnownIssue(
        models=_models(table, known["models"]),
        schemes=_patterns(table, "schemes", known["schemes"]),
        boards=_patterns(table, "boards", known["boards"]),
        runtimes=_patterns(table, "runtimes", known["runtimes"]),
        raises=_error_classes(table),
        reason=table.get("reason", str),
        link=table.get("link", str, ""),
        file=table.file,
        row=number,
    )


def _models(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns of the models; those of TINYQUANT_EXTRA_MODELS may be absent today."""
    if not table.get("extra", bool, False):
        return _patterns(table, "models", names)
    models = table.array("models", str) if "models" in table.values else ()
    if not models:
        raise table.error(
            "'extra = true' speaks of models from TINYQUANT_EXTRA_MODELS, so it needs a key "
            "'models' that names them; add it"
        )
    return models


def _patterns(table: Table, key: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the patterns of a column, everything when it is left out."""
    if key not in table.values:
        return ("*",)
    patterns = table.array(key, str)
    if not patterns:
        raise table.error(f"key {key!r} is empty, so the row covers nothing; remove the key")
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            table.choice(f"{key} pattern", pattern, names)
    return patterns


def _error_classes(table: Table) -> tuple[type[errors.TinyQuantError], ...]:
    """Return the error classes that the row names, as one name or an array of several."""
    if not isinstance(table.values.get("raises"), list):
        return (_error_class(table, table.get("raises", str)),)
    names = table.array("raises", str)
    if not names:
        raise table.error("key 'raises' is empty; name the error that the row expects")
    return tuple(_error_class(table, name) for name in names)


def _error_class(table: Table, name: str) -> type[errors.TinyQuantError]:
    """Return the error class of that name; trouble with the bench is never expected."""
    tree = {
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.TinyQuantError)
    }
    expectable = sorted(
        name
        for name, value in tree.items()
        if value is not errors.TinyQuantError and not issubclass(value, errors.BenchError)
    )
    if issubclass(tree.get(name, object), errors.BenchError):
        raise table.error(
            f"raises {name!r} is trouble with the bench, which no model can cause; "
            f"choose from {', '.join(expectable)}"
        )
    return tree[table.choice("raises", name, expectable)]
