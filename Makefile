# Two commands: `make run` and `make test`. Both work on a fresh clone and may run again.

PYTHON ?= python3
.DEFAULT_GOAL := help
.PHONY: help run test faults fuzz bench screenshots lock

help:
	@echo "make run    the whole application on this machine, with a demonstration hospital"
	@echo "make test   every check and test"
	@echo "make faults a storm of kills over the engine; ARGS=\"--seed 7 --minutes 5\"; Ctrl-C judges"
	@echo "make fuzz   broken HL7 messages by the hundred thousand; ARGS=\"--messages 100000 --seed 7\""
	@echo "make bench  how fast the engine is, beside what this machine can do; ARGS=--quick"
	@echo "make screenshots  a picture of every page into docs/screens/"
	@echo "make lock   pin requirements*.in again"

run:
	@$(PYTHON) -I imaging_safety/install.py run && exec .venv/bin/python -m imaging_safety.run

test:
	@$(PYTHON) -I imaging_safety/install.py test && exec .venv/bin/python -m tests.everything

faults:
	@$(PYTHON) -I imaging_safety/install.py test && exec .venv/bin/python -m tests.faults.campaign $(ARGS)

fuzz:
	@$(PYTHON) -I imaging_safety/install.py test && exec .venv/bin/python -m tests.fuzz $(ARGS)

bench:
	@$(PYTHON) -I imaging_safety/install.py test && exec .venv/bin/python -m tests.bench $(ARGS)

screenshots:
	@$(PYTHON) -I imaging_safety/install.py test && exec .venv/bin/python -m tests.screens

lock:
	@$(PYTHON) -I imaging_safety/install.py test
	@.venv/bin/python -m pip install --quiet uv
	@for name in requirements requirements-embedded requirements-dev; do \
		.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-header $$name.in -o $$name.txt || exit 1; done
