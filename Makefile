# The two commands: `make run` starts Slotkeeper on demo data, `make test` passes every test.
# Both set up what they need; see CONTRIBUTING.md for the rest.

PORT ?= 8000
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest
# On two cores three: much of the time a test waits, for a server or for a pause to end.
# A file stays with one of them, with its servers; the files that take longest go first.
TOGETHER := -n 3 --dist loadfile --no-loadscope-reorder
# What the pages show does not depend on the engine: beside SQLite, `make soak` holds these to PostgreSQL.
PAGES := $(wildcard tests/doors/test_*page*.py) $(addprefix tests/doors/test_,languages.py fuzz.py dashboard.py \
	sign_in.py middleware.py logo.py uploads.py cli.py cli_mail.py mail.py ids.py public_limits.py permission_matrix.py)

.PHONY: run test check soak bench requirements clean

run:
	@bin/set-up run
	@echo "Slotkeeper, on demo data in $(CURDIR)/demo-data (Ctrl-C stops it)"
	@SLOTKEEPER_DATA_DIR=$(CURDIR)/demo-data .venv/bin/slotkeeper serve --demo --port $(PORT)

test:
	@bin/set-up test
	TEST_ENGINE=sqlite $(PYTEST) $(TOGETHER) tests/race tests/contracts tests/browser tests \
		$(addprefix --ignore=tests/race/test_,calendar_kills.py message_kills.py)
	TEST_ENGINE=postgresql $(PYTEST) $(TOGETHER) tests/race tests/actions tests/doors $(addprefix --ignore=,$(PAGES)) \
		--ignore=tests/race/test_reminders_under_fire.py --ignore=tests/actions/test_paper_pdfs.py

check:
	@bin/set-up test
	.venv/bin/ruff check .
	.venv/bin/mypy
	@if [ -d assets/node_modules ]; then cd assets && npm run --silent check; else echo "Node is missing: TypeScript is not checked"; fi
	.venv/bin/lint-imports
	.venv/bin/djlint --quiet --check --lint src/slotkeeper/templates
	$(PYTHON) .ci/budgets.py
	SLOTKEEPER_DATA_DIR=$$(mktemp -d) $(PYTHON) -m django makemigrations --check --dry-run --settings slotkeeper.settings

soak:
	@bin/set-up test
	$(PYTHON) .ci/soak.py

bench:
	@bin/set-up test
	$(PYTHON) bench/run.py

requirements:
	@bin/set-up test
	bin/pin-requirements

clean:
	rm -rf .venv assets/node_modules src/slotkeeper/static/slotkeeper/built demo-data build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
