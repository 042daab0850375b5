# Two commands for a fresh clone:
#   make demo   the study's CNN models in all seven schemes, on the host and on the emulated board
#   make test   everything that must hold before a change lands
# Both install what they need: Debian packages where this is root on Debian, Python packages into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
JOBS ?= auto
C_SOURCES = $(shell git ls-files 'firmware/*.c' 'firmware/*.h' 'firmware/*.cc' 'tests/*.c' 'tests/*.h' 'tests/*.cc')

.PHONY: demo test setup packages toolchain lint format docs matrix baselines clean

demo: setup
	$(BIN)/pytest -k cnn --board host,nucleo-l4r5zi -n $(JOBS)

test: setup lint docs toolchain
	$(BIN)/pytest tests -n $(JOBS)

setup: packages $(VENV)/ready

# Programs that do not come from PyPI; `make packages` prints the command when it may not run it.
packages:
	@sh .ci/packages

$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	rm -rf pytest_tinyquant.egg-info  # an older one beside the sources would win over the installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	# It asks for absl-py 1 and works with 2, which the others ask for: tests/unit/schemes/convert.
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps tensorflow-model-optimization
	touch $@

# The cross compiler for Renesas RX, about ten minutes, and the simulator that estimates its cycles,
# about two; once per machine, they are kept in the cache.
toolchain: setup
	$(BIN)/tinyquant toolchain rx-elf
	$(BIN)/tinyquant toolchain rx-sim

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	clang-format --dry-run -Werror $(C_SOURCES)

# The documentation as a site in build/site; a link that leads nowhere is an error.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	clang-format -i $(C_SOURCES)

# The whole study: every model and scheme on every board.
matrix: setup toolchain
	$(BIN)/pytest -n $(JOBS)

baselines: setup toolchain
	$(BIN)/pytest -n $(JOBS) --tq-update-baselines=all
	$(BIN)/python -m experiments.edgemark --write

clean:
	rm -rf $(VENV) build dist *.egg-info
