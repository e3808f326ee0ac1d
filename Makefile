# make demo      build examples/espeak, judge it, and let it speak
# make quick     style, types, and the tests that need nothing from outside: before every commit
# make rest      all other tests: whole programs, slow ones, and those that need an index, an engine, a browser
# make test      quick and rest: everything that is checked on this machine's Python
# make abuse     the speech service, attacked: protocol, waits, floods, deaths, small grants; six minutes
# make days      every bad day: killed, full, refused, lied to; takes hours. `make rest` has a choice of them
# make pythons   the quick tests on every other Python that is promised, 3.12 to 3.14; PYTHONS=3.13 on that one
# make coverage  the quick tests on the newest Python, where counting costs little, and how much of the code they reach
# make bench     how fast it is, side by side with what one would use instead
# make digest    write anew which image examples/espeak becomes; CI compares
# make gpu       what only a machine with an NVIDIA card can show, in eight minutes
# make docs      the documentation as a site, in out/docs
# make engine    a private Docker engine for the tests (Debian, root); make engine-stop ends it
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test quick rest abuse days lint pythons coverage bench docs digest gpu engine engine-stop schema clean

demo: $(VENV)/ready
	scripts/demo

test: quick rest

quick: lint
	scripts/test quick

rest: $(VENV)/ready
	scripts/test rest

abuse: $(VENV)/ready
	scripts/test abuse

days: $(VENV)/ready
	scripts/test days

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pythons: $(VENV)/ready
	$(BIN)/python -m tests.pythons $(PYTHONS)

coverage: $(VENV)/ready
	$(BIN)/python -m tests.pythons 3.14 --cov

bench: $(VENV)/ready
	$(BIN)/python -m bench

docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet

gpu:
	scripts/gpu

digest: $(VENV)/ready
	$(BIN)/python -m builder.cli.digest examples/espeak

engine:
	scripts/engine start

engine-stop:
	scripts/engine stop

schema: $(VENV)/ready
	$(BIN)/envspec schema > envspec/spec/envspec.schema.json

# The mark is written last, so that a set-up which was interrupted is done again.
$(VENV)/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Python 3.11 or newer is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) .venvs .pythons out .mypy_cache .ruff_cache .pytest_cache .coverage
