"""The content-addressed cache of converted models, firmware images and reference outputs.

An entry is a directory ``<root>/<kind>/<key[:2]>/<key>`` that is built once and never changed.
Beside what the builder wrote it holds a manifest with the SHA-256 of every file; an entry that
does not match its manifest is thrown away and built again. The whole cache is safe to delete.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

from pytest_tinyquant.errors import CacheError
from pytest_tinyquant.system import atomic
from pytest_tinyquant.system.json_text import parse_json
from pytest_tinyquant.system.regular_file import TEXT_LIMIT
from pytest_tinyquant.system.regular_file import read_bytes


ENVIRONMENT_VARIABLE = "TINYQUANT_CACHE"
MANIFEST = "manifest.json"

_KIND = re.compile(r"[a-z0-9][a-z0-9-]*")
_KEY = re.compile(r"[0-9a-f]{8,}")
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Cache:
    """A cache directory that any number of processes may use at once.

    :param root: directory of the cache; None takes ``TINYQUANT_CACHE`` and, where that is not
        set, the user's cache directory.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = _default_root() if root is None else Path(root)

    def entry(
        self,
        kind: str,
        key: str,
        build: Callable[[Path], None],
        *,
        lock_timeout: float = 900,
    ) -> Path:
        """Return the directory of the intact entry `key`, built now if there is none.

        :param kind: what is cached, such as ``converted``; one directory per kind.
        :param key: the entry's address, from :meth:`key`.
        :param build: fills the empty directory that it is given. When it raises, nothing stays
            behind and the error passes through.
        :param lock_timeout: seconds to wait for another process that builds the same entry.
        :raises CacheError: the cache cannot be written, is full, or stays locked.
        """
        if not _KIND.fullmatch(kind) or not _KEY.fullmatch(key):
            raise ValueError(f"not a cache address: kind {kind!r}, key {key!r}")
        path = self.root / kind / key[:2] / key
        # Without the lock: an intact entry is never touched again, and a read-only cache works.
        if _is_intact(path, key):
            return path
        with self._locked(path, lock_timeout):
            if not _is_intact(path, key):
                self._build(path, key, build)
        return path

    def find(self, kind: str, key: str) -> Path | None:
        """Return the directory of the entry `key` if there is an intact one; build nothing."""
        path = self.root / kind / key[:2] / key
        return path if _is_intact(path, key) else None

    @contextlib.contextmanager
    def locked(self, kind: str, key: str, *, timeout: float = 900) -> Iterator[None]:
        """Hold the lock of the address `key`.

        :raises CacheError: as :meth:`entry`.
        """
        with self._locked(self.root / kind / key[:2] / key, timeout):
            yield

    @contextlib.contextmanager
    def scratch(self, kind: str, key: str) -> Iterator[Path]:
        """Yield an empty directory beside the entries, gone afterwards; for who holds the lock.

        :raises CacheError: as :meth:`entry`.
        """
        path = self.root / kind / key[:2] / key
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            self._discard_remains(path)
            temporary.mkdir()
            yield temporary
        except OSError as error:
            if error.errno in _FULL or not temporary.exists():
                raise self._unusable(error) from error
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    @staticmethod
    def key(*parts: str | bytes | Path | Mapping[str, object] | Sequence[object]) -> str:
        """Hash `parts` to an address; a path stands for the bytes of that file, not its name.

        A mapping may hold strings, bytes, paths, numbers, booleans, None, sequences and mappings;
        the order of its keys does not matter. Types and lengths are part of the encoding, so that
        ``("ab", "c")``, ``("a", "bc")`` and ``(b"ab", "c")`` are three addresses.
        """
        digest = hashlib.sha256()
        for piece in _encode(parts):
            digest.update(piece)
        return digest.hexdigest()

    @contextlib.contextmanager
    def _locked(self, path: Path, timeout: float) -> Iterator[None]:
        """Hold the lock of the entry at `path`."""
        from filelock import FileLock
        from filelock import Timeout

        lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=timeout)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise CacheError(
                f"{path}: another process has held the lock of this cache entry for more than "
                f"{timeout:g} s. Wait for it or end it, or set {ENVIRONMENT_VARIABLE} to another "
                "directory."
            ) from None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            yield
        finally:
            lock.release()

    def _build(self, path: Path, key: str, build: Callable[[Path], None]) -> None:
        """Build the entry at `path` in a temporary directory; the caller holds its lock."""
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            self._discard_remains(path)
            temporary.mkdir()
            build(temporary)
            manifest = {"key": key, "files": _hashes(temporary)}
            atomic.write_text(temporary / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
            os.replace(temporary, path)
        except OSError as error:
            # Only what the cache itself did, or its disk, is the cache's fault.
            if error.errno in _FULL or not temporary.exists():
                raise self._unusable(error) from error
            raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def _discard_remains(self, path: Path) -> None:
        """Delete a damaged entry at `path` and what killed builders of it left behind."""
        for remains in (path, *path.parent.glob(f".{path.name}.*")):
            if remains.is_dir() and not remains.is_symlink():
                shutil.rmtree(remains)
            else:
                remains.unlink(missing_ok=True)

    def _unusable(self, error: OSError) -> CacheError:
        """Return the error that says that the cache directory cannot be used."""
        return CacheError(
            f"{self.root}: cannot write to the cache directory ({error.strerror or error}). Make "
            f"it writable, free some space, or set {ENVIRONMENT_VARIABLE} to a directory you can "
            "write to."
        )


def _default_root() -> Path:
    """Return the directory from the environment, or the user's cache directory."""
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("pytest-tinyquant"))


def _hashes(directory: Path) -> dict[str, str]:
    """Return the SHA-256 of every file below `directory` by its relative name."""
    files = sorted(p for p in directory.rglob("*") if p.is_file())
    return {
        file.relative_to(directory).as_posix(): _file_sha256(file)
        for file in files
        if file != directory / MANIFEST
    }


def _is_intact(path: Path, key: str) -> bool:
    """Tell whether the entry at `path` holds exactly the files of its manifest."""
    try:
        manifest = parse_json(read_bytes(path / MANIFEST, TEXT_LIMIT))
        return bool(manifest == {"key": key, "files": _hashes(path)})
    except (OSError, ValueError):
        return False


def _file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file of any size."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _encode(value: object) -> Iterator[bytes]:
    """Yield an encoding of `value` in which no two different values are equal."""
    if isinstance(value, Path):
        yield b"path:" + _file_sha256(value).encode()
    elif isinstance(value, bytes):
        yield b"bytes%d:" % len(value)
        yield value
    elif isinstance(value, Mapping):
        yield b"mapping%d:" % len(value)
        for name in sorted(value):
            yield from _encode(name)
            yield from _encode(value[name])
    elif isinstance(value, (list, tuple)):
        yield b"sequence%d:" % len(value)
        for item in value:
            yield from _encode(item)
    elif value is None or isinstance(value, (str, bool, int, float)):
        # A path in a text may be none in UTF-8.
        text = (value if isinstance(value, str) else repr(value)).encode(errors="surrogateescape")
        yield f"{type(value).__name__}{len(text)}:".encode()
        yield text
    else:
        raise TypeError(f"cannot be part of a cache key: {value!r}")
