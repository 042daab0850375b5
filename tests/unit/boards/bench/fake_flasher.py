"""Stands in for a vendor's programming tool; none of them can be installed here.

``rfp-cli``: messages and exit codes as in the manual that comes with Renesas Flash Programmer and
in its users' logs. ``JLinkExe``: as in SEGGER's documentation of J-Link Commander. Nothing below
was recorded from a real tool. FAKE_FLASHER says how it ends, FAKE_FLASHER_START where it tells the
board that the program was started.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path


SUCCESS = {
    "rfp-cli": "Connected to the target device\nErasing\nWriting\nVerifying\nOperation successful.",
    "JLinkExe": "Downloading file [image.mot]...\nComparing flash   [100%] Done.\nO.K.",
}
FAILURE = {
    "rfp-cli": "Connecting the tool\nError(E3000201): Cannot find the specified tool.\n"
    "Operation failed.",
    "JLinkExe": "Connecting to target via FINE\nCannot connect to target.",
}


def main() -> int:
    name = Path(sys.argv[0]).name
    how = os.environ.get("FAKE_FLASHER", "success")
    files = [Path(argument) for argument in sys.argv[1:] if Path(argument).is_file()]
    record = {"arguments": sys.argv[1:], "files": {str(f): f.read_text("latin-1") for f in files}}
    Path(os.environ["FAKE_FLASHER_RECORD"]).write_text(json.dumps(record))
    if how == "hang":
        print("Erasing", flush=True)
        time.sleep(60)
    if how in ("failure", "silent failure", "failure with exit code 0"):
        print("" if how == "silent failure" else FAILURE.get(name, "error: no device"))
        return 0 if how.endswith("0") else 1
    print(SUCCESS.get(name, "done"))
    if port := os.environ.get("FAKE_FLASHER_START"):
        with socket.create_connection(("127.0.0.1", int(port)), timeout=5):
            pass
    return 0


sys.exit(main())
