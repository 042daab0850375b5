"""Opens a history, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

from pytest_tinyquant.history.database import History
from pytest_tinyquant.history.rows import HistoryStore
from pytest_tinyquant.system.database_url import DatabaseUrl


def open_history(place: Path | DatabaseUrl, *, create: bool = True) -> HistoryStore:
    """Open the history in a file or a database.

    :param create: False to insist on one that exists.
    :raises ConfigurationError: it cannot be used.
    :raises ToolchainNotFoundError: a server's driver is not installed.
    """
    if isinstance(place, DatabaseUrl):
        from pytest_tinyquant.history.server import ServerHistory

        return ServerHistory(place, create=create)
    return History(place, create=create)
