"""The address of a database, which may hold a password that nobody should read in a log."""

import re
from typing import Final
from typing import NamedTuple
from urllib.parse import urlsplit

from pytest_tinyquant.errors import ConfigurationError


_SCHEMES: Final = ("postgresql", "postgres")


class DatabaseUrl(NamedTuple):
    """An address such as ``postgresql://user@host:5432/name``.

    :param text: as the user wrote it.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> "DatabaseUrl":
        """Return the address that `text` spells.

        :raises ConfigurationError: it is none, or of a database that is not known.
        """
        try:
            parts = urlsplit(text)
            port, name = parts.port, parts.path.strip("/")
        except ValueError as error:
            raise ConfigurationError(f"database URL {hide_password(text)!r}: {error}") from None
        if parts.scheme not in _SCHEMES:
            raise ConfigurationError(
                f"database URL {hide_password(text)!r}: {parts.scheme}:// is not known; write "
                "postgresql://USER@HOST:PORT/NAME, or the path of an SQLite file"
            )
        if not name or port == 0:
            raise ConfigurationError(
                f"database URL {hide_password(text)!r} names no database; write "
                "postgresql://USER@HOST:PORT/NAME"
            )
        return cls(text)

    @staticmethod
    def is_meant(text: str) -> bool:
        """Tell whether `text` is an address rather than a path."""
        return "://" in text

    def __str__(self) -> str:
        """Return the address without its password."""
        return hide_password(self.text)

    def __repr__(self) -> str:
        """Return the same: a password must not reach a traceback either."""
        return f"DatabaseUrl({str(self)!r})"

    @property
    def of_driver(self) -> str:
        """The address with the name of the driver, as SQLAlchemy wants it."""
        return "postgresql+psycopg:" + self.text.partition(":")[2]


def hide_password(text: str) -> str:
    """Return a text with stars for the password of an address in it."""
    text = re.sub(r"(://[^/@:\s]*:)[^@/\s]*@", r"\1***@", text)
    return re.sub(r"(?i)([?&]password=)[^&\s]*", r"\1***", text)
