"""One run as the firmware sends it, line by line, and what a decoder makes of it."""

from __future__ import annotations

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.boards.console.transcript import Transcript


HELLO = (
    "tq=1 image=0123456789abcdef board=nucleo-l4r5zi unit=instructions ops=2 samples=2 outputs=3"
)
SESSION = [
    ("HELLO", HELLO),
    ("OUT", "0 0 0a0b"),
    ("OUT", "0 2 0c"),
    ("RUN", "0 1000"),
    ("OUT", "1 0 0d0e0f"),
    ("RUN", "1 1001"),
    ("OP", "0 700"),
    ("OP", "1 250"),
    ("PROFILED", "950"),
    ("STACK", "512 8192"),
    ("GUARD", "ok"),
    ("END", "11"),
]
FAULT = (
    "exc=4 pc=0000019a lr=0000005b sp=20001f68 xpsr=01000000"
    " cfsr=00000082 hfsr=00000000 mmfar=00000010 bfar=00000000 op=1"
)


def lines(session: list[tuple[str, str]] = SESSION) -> list[bytes]:
    return [encode(seq, kind, payload) for seq, (kind, payload) in enumerate(session)]


def decode(data: bytes) -> Decoder:
    decoder = Decoder("bench")
    decoder.feed(data)
    return decoder


def values(transcript: Transcript) -> tuple[object, ...]:
    """Everything but the log."""
    return (
        transcript.hello,
        [bytes(output) for output in transcript.outputs],
        transcript.run_counts,
        transcript.op_counts,
        transcript.profiled,
        transcript.stack,
        transcript.guard,
        transcript.fault,
    )
