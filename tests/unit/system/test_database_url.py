"""Addresses of databases: what is one, and that no password is ever shown."""

from __future__ import annotations

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.system.database_url import DatabaseUrl
from pytest_tinyquant.system.database_url import hide_password


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("postgresql://me:se:cret@host/db", "postgresql://me:***@host/db"),
        ("postgres://me@host/db?password=secret&x=1", "postgres://me@host/db?password=***&x=1"),
        ("postgresql:///db", "postgresql:///db"),
    ],
)
def test_a_password_is_never_shown(text: str, shown: str) -> None:
    url = DatabaseUrl.parse(text)
    assert str(url) == shown
    assert "secret" not in repr(url)
    assert url.of_driver.startswith("postgresql+psycopg://")
    assert hide_password(f"pytest --tq-history={text} -k cnn") == (
        f"pytest --tq-history={shown} -k cnn"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mysql://me:secret@host/db", r"mysql:// is not known; write postgresql://"),
        ("postgresql://me:secret@host", "names no database"),
        ("postgresql://me:secret@host:port/db", "port"),
        ("postgresql://[::1/db", "IPv6"),
    ],
)
def test_what_is_no_address_is_told_without_its_password(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        DatabaseUrl.parse(text)
    assert "secret" not in str(caught.value)


def test_a_path_is_no_address() -> None:
    assert not DatabaseUrl.is_meant("nightly/history.sqlite")
