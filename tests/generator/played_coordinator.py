"""labgrid's coordinator, played: what it prints was recorded from labgrid 26.0.1."""

from __future__ import annotations

from pytest_tinyquant.boards.farm.client import Client
from pytest_tinyquant.boards.farm.client import FarmError
from pytest_tinyquant.boards.farm.client import NoAnswerError
from pytest_tinyquant.project.bench import PhysicalBoard


SHOWN = """\
Place '{name}':
  tags: board=nucleo-l4r5zi
  acquired: vm/root
  reservation: {token}
Acquired resource 'NetworkSerialPort' (exp1/bench-1/NetworkSerialPort/NetworkSerialPort):
  {{'acquired': 'p1',
   'avail': True,
   'cls': 'NetworkSerialPort',
   'params': {{'extra': {{'proxy': 'localhost', 'proxy_required': False}},
              'host': '127.0.0.1',
              'port': 7001,
              'protocol': 'rfc2217'}}}}
Acquired resource 'NetworkService' (exp1/bench-1/NetworkService/NetworkService):
  {{'acquired': 'p1',
   'avail': True,
   'cls': 'NetworkService',
   'params': {{'address': '127.0.0.1',
              'extra': {{'proxy': 'localhost', 'proxy_required': False}},
              'port': 5555,
              'username': 'pyocd'}}}}
"""

ROW = PhysicalBoard(
    "any-nucleo", "nucleo-l4r5zi", "", "", labgrid=(("board", "nucleo-l4r5zi"),), where="row 1"
)


class Coordinator:
    """Keeps places as labgrid's does: a place belongs to its owner until that releases it."""

    def __init__(self, *places: str) -> None:
        self.places: dict[str, str] = dict.fromkeys(places, "")
        self.reservations: dict[str, str] = {}
        self.tags = {place: {"board": "nucleo-l4r5zi"} for place in places}
        self.switched: list[str] = []
        self.fails = ""
        self.away = False
        self.dies_in = 0  # so many calls, the last of which its process does not live to make
        self.dead = ""
        self.calls: list[str] = []

    def client(self, owner: str, address: str = "") -> Client:
        return PlayedClient(owner, self, address)


class PlayedClient(Client):
    def __init__(self, owner: str, coordinator: Coordinator, address: str = "") -> None:
        super().__init__(owner, address, program="labgrid-client")
        self._coordinator = coordinator

    def call(self, *arguments: str, token: str = "", timeout: float = 60) -> str:
        c = self._coordinator
        command = next(a for a in arguments if a not in ("-p", "-v", "+", *c.places))
        c.calls.append(command)
        if c.dies_in:
            c.dies_in -= 1
            c.dead = "" if c.dies_in else self.owner
        if c.dead and c.dead == self.owner:
            raise SystemExit
        if c.fails == command or c.away:
            raise FarmError(f"labgrid-client {command}: Server error: Error: played")
        return str(getattr(self, "_" + command.replace("-", "_"))(c, token, *arguments))

    def _reserve(self, c: Coordinator, token: str, *arguments: str) -> str:
        token = f"TOKEN{len(c.calls)}"
        c.reservations[token] = ""
        return f"export LG_TOKEN={token}\n"

    def _wait(self, c: Coordinator, _: str, __: str, token: str) -> str:
        taken = set(c.reservations.values())
        free = [p for p, owner in c.places.items() if not owner and p not in taken]
        if not free:
            raise NoAnswerError("labgrid-client wait: no answer")
        c.reservations[token] = free[0]
        return ""

    def _acquire(self, c: Coordinator, token: str, *arguments: str) -> str:
        place = c.reservations[token]
        if c.places[place]:
            raise FarmError(f"labgrid-client acquire: Error: place {place} is already acquired")
        c.places[place] = self.owner
        return f"acquired place {place}\n"

    def _show(self, c: Coordinator, token: str, *arguments: str) -> str:
        return SHOWN.format(name=c.reservations[token], token=token)

    def _release(self, c: Coordinator, token: str, *arguments: str) -> str:
        place = c.reservations.get(token, "")
        if not place or c.places[place] != self.owner:
            raise FarmError(f"labgrid-client: Error: place {place} is not acquired")
        c.places[place] = ""
        return ""

    def _places(self, c: Coordinator, *_: str) -> str:
        tokens = {place: token for token, place in c.reservations.items()}
        return "".join(
            f"Place '{name}':\n  tags: {', '.join(f'{k}={v}' for k, v in c.tags[name].items())}\n"
            f"  matches:\n  acquired: {f'vm/{owner}' if owner else None}\n"
            + (f"  reservation: {tokens[name]}\n" if name in tokens else "")
            for name, owner in c.places.items()
        )

    def _set_tags(self, c: Coordinator, _: str, *arguments: str) -> str:
        c.tags[arguments[1]] |= dict([arguments[3].split("=")])
        return ""

    def _release_from(self, c: Coordinator, _: str, *arguments: str) -> str:
        if c.places[arguments[1]] == arguments[3].partition("/")[2]:
            c.places[arguments[1]] = ""
        return ""

    def _power(self, c: Coordinator, token: str, *_: str) -> str:
        assert c.places[c.reservations[token]] == self.owner, "only what is held is switched"
        c.switched.append(c.reservations[token])
        return ""

    def _cancel_reservation(self, c: Coordinator, _: str, __: str, token: str) -> str:
        if token not in c.reservations:
            raise FarmError(f"Server error: Error: Reservation {token} does not exist")
        del c.reservations[token]
        return ""
