"""The boards of a bench, as boards.toml files list them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_tinyquant.errors import ConfigurationError
from pytest_tinyquant.project.bench import PhysicalBoard
from pytest_tinyquant.project.bench import load_bench
from pytest_tinyquant.project.board_types import load_boards


FIRST = """
[[bench]]
name = "nucleo-a"
type = "nucleo-l4r5zi"
probe = "066EFF494851877267183748"
port = "usb:066EFF494851877267183748"
"""
RX = """
[[bench]]
name = "rx-a"
type = "rx65n"
port = "/dev/ttyUSB0"
flasher = "rfp-cli"
"""


FARM = """
[[bench]]
name = "any-nucleo"
type = "nucleo-l4r5zi"
labgrid = {board = "nucleo-l4r5zi", desk = "3"}
"""


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., tuple[PhysicalBoard, ...]]:
    def load(*texts: str) -> tuple[PhysicalBoard, ...]:
        files = [tmp_path / f"boards-{number}.toml" for number in range(len(texts))]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        return load_bench([tmp_path / "missing.toml", *files], load_boards([]))

    return load


def test_a_row_is_a_board(bench: Callable[..., tuple[PhysicalBoard, ...]], tmp_path: Path) -> None:
    first, second = bench(
        FIRST + 'pack = "packs/l4.pack"\nclock_hz = 80_000_000\nlabels = ["desk 3"]\n', RX
    )
    assert (first.name, first.type, first.flasher) == ("nucleo-a", "nucleo-l4r5zi", "pyocd")
    assert (first.pack, first.clock_hz) == (tmp_path / "packs" / "l4.pack", 80_000_000)
    assert (first.labels, first.baud_rate) == (("desk 3",), 115200)
    assert first.where == f"{tmp_path / 'boards-0.toml'}: [[bench]] 1 ('nucleo-a')"
    assert (second.probe, second.pack, second.clock_hz) == ("", None, 0)


def test_the_port_of_a_probe_that_has_one_need_not_be_named(
    bench: Callable[..., tuple[PhysicalBoard, ...]],
) -> None:
    (board,) = bench(FIRST.replace('port = "usb:066EFF494851877267183748"\n', ""))
    assert board.port == "usb:066EFF494851877267183748"


def test_labgrid_tells_probe_and_port_of_its_places(
    bench: Callable[..., tuple[PhysicalBoard, ...]],
) -> None:
    first, second = bench(FARM + 'hold = "measurement"\n', FARM.replace("any", "other"))
    assert first.labgrid == (("board", "nucleo-l4r5zi"), ("desk", "3"))
    assert (first.hold, second.hold) == ("measurement", "session")
    assert first.lease_id != second.lease_id, "two rows with the same tags are two boards"


def test_both_files_list_boards_in_the_order_of_type_and_name(
    bench: Callable[..., tuple[PhysicalBoard, ...]],
) -> None:
    second = FIRST.replace("nucleo-a", "nucleo-0").replace("066E", "077E")
    assert [board.name for board in bench(RX + FIRST, second)] == ["nucleo-0", "nucleo-a", "rx-a"]


def test_there_may_be_no_bench(bench: Callable[..., tuple[PhysicalBoard, ...]]) -> None:
    assert bench("[nucleo-l4r5zi]\nram_bytes = 1000\n") == ()


def test_a_board_is_leased_by_what_is_unique_about_the_thing(
    bench: Callable[..., tuple[PhysicalBoard, ...]],
) -> None:
    plain, typed = (
        bench(FIRST.replace('probe = "', f'probe = "{prefix}'))[0] for prefix in ("", "stlink:")
    )
    assert plain.lease_id == typed.lease_id == "066eff494851877267183748"
    assert bench(RX)[0].lease_id == "/dev/ttyUSB0"


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(FIRST, "probe", "prob"), r"unknown key 'prob' \(closest: 'probe'\)"),
        (changed(FIRST, 'type = "nucleo-l4r5zi"', ""), "key 'type' is missing"),
        (changed(FIRST, "l4r5zi", "l4r5zj"), r"type 'nucleo-l4r5zj' is not known"),
        (changed(FIRST, '"nucleo-l4r5zi"', '"host"'), r"type 'host' is not known"),
        (changed(FIRST, "nucleo-a", "Nucleo A"), "name 'Nucleo A' must be lower case"),
        (changed(FIRST, 'probe = "066EFF494851877267183748"', ""), "key 'probe' is missing"),
        (changed(FIRST, "usb:066EFF494851877267183748", "ttyACM0"), "port 'ttyACM0' is neither"),
        (changed(FIRST, "usb:066EFF494851877267183748", "usb:"), "port 'usb:' is neither"),
        (changed(RX, 'port = "/dev/ttyUSB0"', ""), "key 'port' is missing"),
        (changed(RX, 'flasher = "rfp-cli"', ""), "key 'flasher' is missing"),
        (changed(RX, "rfp-cli", "rfp"), r"flasher 'rfp' is not known \(closest: 'rfp-cli'\)"),
        (changed(RX, "rfp-cli", "pyocd"), "pyOCD drives Arm cores only"),
        (FIRST + "clock_hz = 0\n", "key 'clock_hz' must be at least 1"),
        (FIRST + FIRST, r"\[\[bench\]\] 2 \('nucleo-a'\): name 'nucleo-a' is that of .*\[\[bench"),
        (FIRST + changed(FIRST, "nucleo-a", "b"), "probe '066eff494851877267183748' is that of"),
        (RX + changed(RX, "rx-a", "rx-b"), "port '/dev/ttyUSB0' is that of"),
        (FARM + 'probe = "066E"', "key 'probe' is labgrid's to tell"),
        (FARM + 'port = "/dev/ttyUSB0"', "key 'port' is labgrid's to tell"),
        (changed(FARM, '{board = "nucleo-l4r5zi", desk = "3"}', "{}"), "labgrid holds tags"),
        (changed(FARM, '"3"', "3"), "labgrid holds tags and their values, such as"),
        (changed(FARM, '{board = "nucleo-l4r5zi", desk = "3"}', '"p1"'), "key 'labgrid' must be"),
        (changed(FARM, '"nucleo-l4r5zi"\nlab', '"rx65n"\nlab'), "pyOCD, which drives Arm cores"),
        (FARM + 'hold = "night"', "hold 'night' is not known"),
        (FIRST + 'hold = "session"', "key 'hold' is for places of labgrid"),
        (FIRST + "power = ''", "power '' names no program"),
        (FIRST + """power = "a 'b" """, "is no command: No closing quotation"),
        ("bench = 1", "key 'bench' must be an array"),
        ("[bench]\nname = 'a'", "key 'bench' must be an array"),
    ],
)
def test_a_wrong_row_is_one_clear_error(
    bench: Callable[..., tuple[PhysicalBoard, ...]], text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        bench(text)


def test_two_files_may_not_list_the_same_probe(
    bench: Callable[..., tuple[PhysicalBoard, ...]], tmp_path: Path
) -> None:
    other = changed(changed(FIRST, "nucleo-a", "b"), "usb:066E", "usb:077E")
    with pytest.raises(ConfigurationError, match=r"boards-1\.toml.* is that of .*boards-0\.toml"):
        bench(FIRST, other)


def test_a_users_own_flasher_is_a_command(bench: Callable[..., tuple[PhysicalBoard, ...]]) -> None:
    command = "flash --serial {serial} {mot}"
    assert bench(changed(RX, "rfp-cli", command))[0].flasher == command


METERED = '[[bench]]\nname = "m"\ntype = "nucleo-l4r5zi"\nprobe = "0A"\n'


@pytest.mark.parametrize(
    ("keys", "energy", "volts"),
    [
        ('energy = "ppk2"\nsupply_volts = 3.3', "ppk2", 3.3),
        ('energy = "ppk2:/dev/ttyACM7"\nsupply_volts = 3', "ppk2:/dev/ttyACM7", 3.0),
        ('energy = "joulescope:004204"', "joulescope:004204", 0.0),
        ('energy = "my-meter --csv"', "my-meter --csv", 0.0),
        ("", "", 0.0),
    ],
)
def test_a_row_names_its_power_meter(tmp_path: Path, keys: str, energy: str, volts: float) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(f"{METERED}{keys}\n")
    (physical,) = load_bench([file], load_boards([]))
    assert (physical.energy, physical.supply_volts) == (energy, volts)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('energy = "ppk2"', "ppk2 measures the current only; add supply_volts"),
        ('energy = ""', "energy '' names no program; write such as 'my-meter --csv'"),
        ('energy = "it\'s"', "is no command: No closing quotation"),
        ('energy = "ppk2"\nsupply_volts = 12', "supply_volts 12 is no number of volts from 0.8"),
        ('energy = "x"\nsupply_volts = "3"', "supply_volts '3' is no number"),
        ("supply_volts = 3.3", "'supply_volts' is for a power meter; remove it, or add 'energy'"),
        ('energy = "x"\nflasher = "jlink"\nport = "/dev/t"', "boards that pyOCD programs"),
    ],
)
def test_a_power_meter_that_cannot_be_is_refused(tmp_path: Path, keys: str, words: str) -> None:
    file = tmp_path / "boards.toml"
    file.write_text(f"{METERED}{keys}\n")
    with pytest.raises(ConfigurationError, match=words):
        load_bench([file], load_boards([]))
