# Each target does what it needs, from nothing but Python 3.11 or newer: `make demo`, `make test`.
# Works with GNU make 3.81 and newer on Linux and macOS; on Windows use WSL, or see
# docs/how-to/install.md.

# Which Python makes the environment, where the environment lies, and where torch comes from.
# Empty TORCH_INDEX: from wherever pip is set up to look. On a Linux machine without a GPU,
# TORCH_INDEX=https://download.pytorch.org/whl/cpu gets the build for CPUs, which is much smaller.
PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
# How many test processes work at once, each on one thread.
JOBS ?= 2

BIN := $(VENV)/bin
PAPSCOPE := $(BIN)/papscope
READY := $(VENV)/.ready
TORCH := $(shell grep '^torch==' constraints.txt)
TORCHVISION := $(shell grep '^torchvision==' constraints.txt)
# The index of PyTorch has both, built for each other; elsewhere torch alone comes first, so that
# nothing later replaces the build that was chosen.
TORCH_WANTED := $(if $(TORCH_INDEX),$(TORCH) $(TORCHVISION) --index-url $(TORCH_INDEX),\
  $(TORCH) -c constraints.txt)

.PHONY: help setup demo test check docs bench clean

help:
	@echo "make demo    the whole path on made images, from import to report, in demo/"
	@echo "make test    all tests"
	@echo "make check   style, types, layers, budgets, and docs in step with the code"
	@echo "make docs    write docs/reference anew from the code"
	@echo "make bench   the benchmarks"
	@echo "make setup   only the environment, in $(VENV)"
	@echo "make clean   remove what these made"

setup: $(READY)

# Made once, and again when the project's needs change.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "papscope needs Python 3.11 or newer, and $(PYTHON) is not that:" \
	    "give one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments:" \
	    "on Debian and Ubuntu, apt-get install python3-venv" >&2; exit 1; }
	@echo "Setting up $(VENV): once, a few minutes, about 2 GB."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check $(TORCH_WANTED)
	@echo "Now the other parts: a minute or two."
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
	  -c constraints.txt -e ".[train,serve,openvino,dev]"
	@touch $(READY)

# The whole path on drawn cells. Each line is a command of yours to come: make shows it, then runs
# it. One thread gives the same numbers on any number of cores, and shares a busy machine well. The
# check's status 20 means warnings alone.
demo: $(READY)
	@rm -rf demo
	@echo "The whole path on 500 drawn cells, in demo/: about two minutes."
	$(PAPSCOPE) import synthetic demo/cells -o demo/cells.csv --seed 2
	$(PAPSCOPE) check demo/cells.csv || test $$? -eq 20
	$(PAPSCOPE) split demo/cells.csv -o demo/split.csv
	$(PAPSCOPE) train demo/cells.csv --split demo/split.csv --recipe laptop --size 96 --threads 1 -o demo/run
	$(PAPSCOPE) evaluate demo/run/bundle demo/cells.csv --split demo/split.csv -o demo/evaluation
	$(PAPSCOPE) report demo/evaluation/scores.csv -o demo/report.html
	$(PAPSCOPE) predict demo/run/bundle demo/cells/im_Parabasal/CROPPED/001_*.png
	@echo
	@echo "The report: $(CURDIR)/demo/report.html (open it in a browser)"
	@echo "The model:  demo/run/bundle"
	@echo "Next:       docs/how-to/own-images.md, the same with your own images"

# One process holds at most one thread of the arithmetic libraries: more only stand in each
# other's way where there are as many processes as cores. The tests of a file stay together, as they
# share what is slow to make. If a process dies, the run ends and names its test: in pytest-xdist 3.8
# a replacement is handed files that are done already, and waits for ever for the next one
# (pytest-dev/pytest-xdist#1323). A test that takes twenty minutes hangs: it is shown, and ends so too.
TEST_RUN := -n $(JOBS) --dist loadfile --max-worker-restart=0 \
  -o faulthandler_timeout=1200 -o faulthandler_exit_on_timeout=true
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(TEST_RUN)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python docs/generate_reference.py --check
	$(BIN)/python -m pytest tests/test_budgets.py tests/test_manual.py tests/test_docs.py

docs: $(READY)
	$(BIN)/python docs/generate_reference.py

# Each prints a table, its ratios measured side by side. Some want real images: see CONTRIBUTING.md.
bench: $(READY)
	@for script in benchmarks/*.py; do \
	  echo "$(BIN)/python $$script"; $(BIN)/python $$script || exit 1; done

clean:
	rm -rf $(VENV) demo build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +
