"""The line protocol's decoder: what it accepts, and that it accepts nothing else."""

from __future__ import annotations

import pytest
from protocol_session import FAULT
from protocol_session import HELLO
from protocol_session import SESSION
from protocol_session import decode
from protocol_session import lines
from protocol_session import values

from pytest_tinyquant.boards.console.protocol import Decoder
from pytest_tinyquant.boards.console.protocol import RestartError
from pytest_tinyquant.boards.console.protocol import TransferError
from pytest_tinyquant.boards.console.protocol import encode
from pytest_tinyquant.boards.console.transcript import MAX_LOG_LINES
from pytest_tinyquant.errors import ConsoleError


def test_encodes_like_the_firmware() -> None:
    assert encode(3, "RUN", "0 1000") == b"#0003 RUN 0 1000 74a68f23\n"


def test_decodes_a_whole_session() -> None:
    decoder = decode(b"".join(lines()))
    got = decoder.transcript
    assert decoder.finished
    assert got.hello is not None
    assert (got.hello.image_id, got.hello.unit) == ("0123456789abcdef", "instructions")
    assert [bytes(output) for output in got.outputs] == [b"\x0a\x0b\x0c", b"\x0d\x0e\x0f"]
    assert got.run_counts == [1000, 1001]
    assert got.op_counts == [700, 250]
    assert (got.profiled, got.stack, got.guard) == (950, (512, 8192), "ok")
    assert decoder.log_text() == ""


def test_decodes_byte_by_byte() -> None:
    decoder = Decoder("bench")
    for byte in b"".join(lines()):
        decoder.feed(bytes([byte]))
    assert decoder.finished
    assert values(decoder.transcript) == values(decode(b"".join(lines())).transcript)


def test_keeps_other_lines_as_the_log() -> None:
    parts = lines()
    parts.insert(0, b"boot 1.2\r\n")
    parts.insert(5, b"# not a protocol line\n")
    parts.insert(6, b"\xff\xfe\n")
    decoder = decode(b"".join(parts) + b"unfinished")
    assert decoder.finished
    assert decoder.log_text() == "boot 1.2\n# not a protocol line\n\\xff\\xfe\nunfinished"
    assert decoder.log_text(tail=1) == "unfinished"


def test_names_a_lost_line() -> None:
    parts = lines()
    del parts[3]
    with pytest.raises(TransferError, match="expected line 0003, got 0004: 1 lost"):
        decode(b"".join(parts))


def test_shows_the_garbled_line_where_one_is_lost() -> None:
    parts = lines()
    parts[3] = parts[3].replace(b"RUN", b"R\x80N")
    with pytest.raises(
        TransferError, match=r"expected line 0003, got 0004: 1 lost.*R\\\\x80N 0 1000"
    ):
        decode(b"".join(parts))


def test_names_a_doubled_line() -> None:
    parts = lines()
    parts.insert(3, parts[3])
    with pytest.raises(TransferError, match="line 0003 came again, expected 0004"):
        decode(b"".join(parts))


def test_names_a_garbled_line() -> None:
    parts = lines()
    parts[3] = parts[3].replace(b"1000", b"1008")
    with pytest.raises(TransferError, match=r"line 0003 is garbled \(CRC-32 differs\)"):
        decode(b"".join(parts))


def test_names_a_restart() -> None:
    parts = lines()
    with pytest.raises(RestartError, match="restarted after 6 lines") as caught:
        decode(b"".join(parts[:6] + parts))
    assert caught.value.lines == 6


@pytest.mark.parametrize("noise", [b"\x00\xff\x80", b"#", b"#0000 HELLO tq=1 im", b"boot> "])
@pytest.mark.parametrize("position", [0, 5, 11])
def test_reads_a_line_that_noise_precedes(noise: bytes, position: int) -> None:
    """A pin that floats during reset gives a few bytes, and no end of line after them."""
    parts = lines()
    parts[position] = noise + parts[position]
    decoder = decode(b"".join(parts))
    assert decoder.finished
    assert values(decoder.transcript) == values(decode(b"".join(lines())).transcript)
    assert len(decoder.transcript.log) == 1


def test_tells_text_from_what_a_wrong_baud_rate_gives() -> None:
    assert decode(b"").unreadable == ""
    assert decode(b"Booting at 80 MHz: \xb5s timer\r\n").unreadable == ""
    assert decode(b"\x00\xfe" * 30 + b"ab" * 20).unreadable == "60 of 100 bytes are no text"
    assert decode(lines()[0] + b"\xfe" * 500).unreadable == ""


def test_a_line_that_cannot_be_is_no_transfer_error() -> None:
    """Its CRC holds: to run again would give it again."""
    with pytest.raises(ConsoleError, match="the firmware is not one that this version") as caught:
        decode(encode(0, "HELLO", "tq=1"))
    assert not isinstance(caught.value, TransferError)


def test_a_log_line_cannot_steer_a_terminal() -> None:
    assert decode(b"\x1b[2J\x07red\tblue\r\n").log_text() == r"\x1b[2J\x07red" + "\tblue"


def test_keeps_the_last_lines_of_an_endless_log() -> None:
    decoder = decode(b"".join(b"%d\n" % number for number in range(MAX_LOG_LINES + 5)))
    assert len(decoder.transcript.log) == MAX_LOG_LINES
    assert decoder.log_text(tail=1) == str(MAX_LOG_LINES + 4)


def test_says_which_board_and_what_to_do() -> None:
    with pytest.raises(ConsoleError, match=r"^bench: .*(\n.*)*check the cable"):
        decode(lines()[1])


@pytest.mark.parametrize(
    ("position", "kind", "payload", "message"),
    [
        (0, "HELLO", HELLO.replace("tq=1", "tq=2"), "protocol 2, this 1"),
        (0, "HELLO", "tq=1", "HELLO cannot be read"),
        (0, "RUN", "0 1", "RUN cannot be line 0000"),
        (2, "OUT", "0 1 0c", "does not continue"),
        (2, "OUT", "1 0 0c", "END after 1 of 2 complete OUT|does not continue"),
        (2, "OUT", "0 2 0c0d", "beyond what HELLO announced"),
        (2, "OUT", "0 2 0C", "OUT cannot be read"),
        (3, "RUN", "1 1000", "RUN 1 does not follow"),
        (3, "RUN", "0 -1", "RUN cannot be read"),
        (5, "LOUD", "1", "unknown line type LOUD"),
        (7, "OP", "2 250", "OP 2 does not follow"),
        (8, "RUN", "2 1", "RUN 2 does not follow"),
        (9, "STACK", "512", "STACK cannot be read"),
        (10, "GUARD", "", "GUARD cannot be read"),
        (10, "STACK", "512 8192", "END after 0 of 1 GUARD"),
        (11, "END", "10", "END counts 10 lines, 11 came"),
    ],
)
def test_refuses_lines_that_cannot_be(position: int, kind: str, payload: str, message: str) -> None:
    session = list(SESSION)
    session[position] = (kind, payload)
    with pytest.raises(ConsoleError, match=message):
        decode(b"".join(lines(session)))


def test_refuses_an_end_that_comes_early() -> None:
    session = [*SESSION[:4], ("END", "4")]
    with pytest.raises(ConsoleError, match="END after 1 of 2 complete OUT"):
        decode(b"".join(lines(session)))


@pytest.mark.parametrize("more", [lines()[-1], lines()[3], encode(12, "FAULT", FAULT)])
def test_looks_no_further_than_the_last_line(more: bytes) -> None:
    """Otherwise the result would hang on whether it came in the same read."""
    decoder = decode(b"".join(lines()) + more)
    assert decoder.finished
    assert values(decoder.transcript) == values(decode(b"".join(lines())).transcript)
    assert decoder.log_text() == more.decode().rstrip()


def test_counts_lines_beyond_the_width_of_the_number() -> None:
    samples = 0x10002
    hello = HELLO.replace("samples=2 outputs=3", f"samples={samples} outputs=0")
    decoder = Decoder("bench")
    decoder.feed(encode(0, "HELLO", hello))
    for sample in range(samples):
        decoder.feed(encode(sample + 1, "RUN", f"{sample} 7"))
    assert decoder.lines == samples + 1


@pytest.mark.parametrize("prefix", [b"", b"#0004 OUT 1 0 0d"])
def test_takes_a_fault_in_the_middle_of_a_line(prefix: bytes) -> None:
    decoder = decode(b"".join(lines()[:4]) + prefix + encode(4, "FAULT", FAULT))
    fault = decoder.transcript.fault
    assert decoder.finished
    assert fault is not None
    assert (fault.exception, fault.op) == (4, 1)
    assert fault.registers["pc"] == 0x19A
    assert fault.registers["mmfar"] == 0x10
    assert decoder.log_text() == prefix.decode()


def test_does_not_keep_an_endless_line() -> None:
    decoder = decode(b"x" * 100_000)
    assert decoder.log_text() == "x" * 100_000
    decoder.feed(b"\n" + b"".join(lines()))
    assert decoder.finished
