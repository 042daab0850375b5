"""A PostgreSQL server of the tests' own, from the system's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from pytest_tinyquant.system.database_url import DatabaseUrl


SECONDS: Final = 60


def program(name: str) -> str | None:
    """Return where a program of the server is; Debian keeps them out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


class Server:
    """A server on the loopback interface; `stop` and `start` as an operator would.

    :param directory: its own, which must be empty.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        # PostgreSQL refuses to run as root.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            entry = pwd.getpwnam(self._user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self._run("initdb", "--auth=trust", "--username=tester", "--no-sync", "--encoding=UTF8")

    def url(self, database: str = "postgres", *, user: str = "tester") -> DatabaseUrl:
        """Return the address of one of its databases."""
        return DatabaseUrl.parse(f"postgresql://{user}@127.0.0.1:{self.port}/{database}")

    def start(self) -> None:
        """Start, and wait until it answers."""
        settings = f"-p {self.port} -h 127.0.0.1 -k '' -F"
        log = str(self._directory / "log")
        self._run("pg_ctl", "start", "--wait", f"--log={log}", f"--options={settings}")

    def stop(self, mode: str = "fast") -> None:
        """Stop; ``immediate`` is what a power cut does."""
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}")

    def _run(self, name: str, *arguments: str) -> None:
        command = program(name)
        assert command is not None
        subprocess.run(
            [command, *arguments, "--pgdata", str(self._directory / "data")],
            check=True,
            user=self._user,
            cwd=self._directory,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        )
