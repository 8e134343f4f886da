# `make report` and `make test` need Python 3.11 or newer, make and a package index; the rest they set up.
# `make test TORCH=2.14.1`: against another torch, in an environment of its own.
TORCH ?=
VENV ?= $(if $(TORCH),.venv-$(TORCH),.venv)
PYTHON ?= python3
WORKERS ?= auto
PIP = $(VENV)/bin/python -m pip --disable-pip-version-check --quiet
RUN = $(VENV)/bin/python -m
PARITY = $(VENV)/bin/parity
READY = $(VENV)/.parity-ready
NEIGHBOURS = $(VENV)/neighbours/.ready

# One math thread a process: torch's default threading makes small cases 4 to 50 times slower.
export OMP_NUM_THREADS = 1
export MKL_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1

.PHONY: help report test neighbours lint bench mutate kills schema coverage clean

help:            ## these lines
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/ -/'

# A run that came to its end is kept: the next report says what has changed since.
report: $(READY) ## run all cases, write reports/parity.md and reports/parity.html
	@tail -n 1 reports/results.jsonl 2>/dev/null | grep -q '"kind": "end"' && mv -f reports/results.jsonl reports/kept.jsonl || rm -f reports/results.jsonl
	@$(RUN) pytest cases -q -n $(WORKERS) --parity-results reports/results.jsonl || true
	@$(PARITY) report reports/results.jsonl --to reports

test: $(READY) $(NEIGHBOURS) ## run the cases and the suite's own tests, in parallel
	$(RUN) pytest -q -n $(WORKERS) $(ARGS)

neighbours: $(NEIGHBOURS) ## install other people's pytest plugins beside, for the tests that need them

lint: $(READY)   ## ruff (its rules and its format) and mypy --strict
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

bench: $(READY)  ## speed of the engine, of the suite and of the losses, and a rival beside them
	@$(PIP) install expecttest==0.3.0
	@$(RUN) parity.bench
	@$(RUN) tests.planted.rival

mutate: $(READY) ## mutation testing of parity/losses, resumable
	@$(PIP) install cosmic-ray==8.7.0
	@$(RUN) tests.mutation $(ARGS)

kills: $(READY)  ## record which points see which planted bugs and mutants, resumable; the order of points is made of it
	@$(PIP) install cosmic-ray==8.7.0
	@$(RUN) tests.kills $(ARGS)

schema: $(READY) ## write cases/schema.json from the model
	@$(PARITY) schema --to cases/schema.json

coverage: $(READY) ## which pairs of values of every two options occur in some compared point
	@$(PARITY) coverage $(ARGS)

clean:           ## remove the environment and the reports
	rm -rf .venv .venv-* build *.egg-info reports/parity.* reports/results.jsonl reports/kept.jsonl

# Not compiled ahead: most modules of torch are never imported.
$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"parity needs Python 3.11 or newer, $(PYTHON) is {sys.version.split()[0]}")'
	@test -x $(VENV)/bin/python || { $(PYTHON) -m venv $(VENV) && touch $(VENV)/.parity-own; }
	@$(VENV)/bin/python .ci/requirements.py requirements.txt $(TORCH) > $(VENV)/requirements.txt
	@echo "installing the pinned requirements into $(VENV), torch: $$(grep '^torch==' $(VENV)/requirements.txt)"
	@$(PIP) install --no-compile -r $(VENV)/requirements.txt
	@$(PIP) install --no-deps --editable .
	@touch $@

# In a folder of their own: they must not take part in our own runs.
$(NEIGHBOURS): requirements-neighbours.txt $(READY)
	@$(PIP) install --no-deps --upgrade --target $(VENV)/neighbours -r requirements-neighbours.txt
	@touch $@
