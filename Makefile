# Every target makes what it needs; `make run` and `make test` work on a fresh clone.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.bench-installed
COMMA := ,

.PHONY: install run photos test test-fast stress bench lint viz clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[cluster,dev,photos]'
	touch $(INSTALLED)

run: install
	$(BIN)/kedro run

# make photos FOLDER=<folder> [CLUSTERS=<number>] sorts the pictures of a folder.
photos: install
	@test -n "$(FOLDER)" || { echo 'Name the folder: make photos FOLDER=<folder> [CLUSTERS=<number>]'; exit 2; }
	$(BIN)/kedro run --env=photos "--params=data.path=$(FOLDER)$(if $(CLUSTERS),$(COMMA)n_clusters=$(CLUSTERS))"

# Tests of one group share what they run on, see tests/README.md.
test: install
	$(BIN)/pytest --numprocesses 2 --dist loadgroup

test-fast: install
	$(BIN)/pytest --numprocesses 2 --dist loadgroup -m 'not slow'

stress: install
	$(BIN)/python -m tests.stress

# IDX=<folder of the four original files> measures 40,000 to 70,000 images too; SMALL=1 takes a few
# hundred images and one round; ONLY=<part> measures one part, see `python -m tests.benchmarks --help`.
bench: $(BENCH_INSTALLED)
	$(BIN)/python -m tests.benchmarks $(if $(SMALL),--small) $(if $(ONLY),--only $(ONLY)) $(IDX)

$(BENCH_INSTALLED): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,photos,bench]'
	touch $(BENCH_INSTALLED)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	# Known holes in the pinned versions; where PyPI itself is out of reach it says so per package.
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

viz: install
	$(BIN)/kedro viz run

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .viz build src/*.egg-info
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
