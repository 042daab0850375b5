"""Things by name, of which other packages may bring more."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from collections.abc import Mapping
from typing import Generic
from typing import Protocol
from typing import TypeVar

from pytest_tinyquant.errors import ConfigurationError


class Named(Protocol):
    """What can be registered."""

    @property
    def name(self) -> str:
        """The name under which it is found."""


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T], Generic[T]):
    """The things of one sort by name, in the order in which they were registered.

    What is built in is registered as the path ``package.module:NAME`` and imported when it is
    first asked for, so that a run pays for nothing that it does not use.

    :param what: the sort of thing, for messages: ``kind``, ``runtime``.
    :param sort: the class that each of them is an instance of.
    :param built_in: paths by name.
    """

    def __init__(self, what: str, sort: type[T], built_in: Mapping[str, str]) -> None:
        self._what = what
        self._sort = sort
        self._built_in = frozenset(built_in)
        self._items: dict[str, T | str] = dict(built_in)

    def register(self, item: T) -> None:
        """Add `item` under its name.

        :raises ConfigurationError: there is another one of that name, or it is of another sort.
        """
        if not isinstance(item, self._sort):
            raise ConfigurationError(
                f"{item!r} is no {self._what}; register an instance of {self._sort.__name__}"
            )
        if self._items.get(item.name, item) != item:
            raise ConfigurationError(
                f"{self._what} {item.name!r} is registered twice; rename one, or disable the "
                "plugin that brings it (-p no:NAME)"
            )
        self._items[item.name] = item

    def unregister(self, name: str) -> None:
        """Take out what :meth:`register` added; nothing happens if it is not there."""
        if name not in self._built_in:
            self._items.pop(name, None)

    def __getitem__(self, name: str) -> T:
        item = self._items[name]
        if isinstance(item, str):
            resolved = pkgutil.resolve_name(item)
            assert isinstance(resolved, self._sort), f"{item} is no {self._sort.__name__}"
            item = self._items[name] = resolved
        return item

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, name: object) -> bool:
        return name in self._items
