# make demo   a fresh clone to a segmented clip     make test   the test suite
# make lint   style and types                       make docs   docs/cli.md from --help
# make clean  throw away what make made               make pictures  those of the README

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
DEMO   := demo

# A machine without an NVIDIA GPU has no use for a CUDA build of torch.
CONSTRAINTS := $(shell nvidia-smi -L >/dev/null 2>&1 || echo -c constraints.txt)
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install --quiet $(CONSTRAINTS)

.PHONY: demo test lint docs pictures clean
.DELETE_ON_ERROR:

demo: $(VENV)/.installed $(DEMO)/clip.mp4
	$(BIN)/vostool segment $(DEMO)/clip.mp4 --mask $(DEMO)/first.png --overwrite \
	    -o $(DEMO)/masks -o $(DEMO)/alpha.mov -o $(DEMO)/overlay.mp4
	@echo "The clip and its first mask:      $(DEMO)/clip.mp4  $(DEMO)/first.png"
	@echo "Masks, one indexed PNG a frame:   $(DEMO)/masks/"
	@echo "ProRes 4444 with alpha and sound: $(DEMO)/alpha.mov"
	@echo "Overlay to look at:               $(DEMO)/overlay.mp4"

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -q

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pictures: demo
	$(BIN)/python examples/make_pictures.py $(DEMO) docs/images

docs: $(VENV)/.installed-dev
	$(BIN)/python -m vostool.cli.reference docs/cli.md

clean:
	rm -rf $(VENV) $(DEMO) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(DEMO)/clip.mp4: examples/make_clip.py | $(VENV)/.installed
	$(BIN)/python examples/make_clip.py $(DEMO)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# The stamps say that the environment is as pyproject.toml and constraints.txt want it; the package itself is
# installed in place, so that its code needs no new installation.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes a minute or two"
	$(INSTALL) -e .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV); the first time takes a minute or two"
	$(INSTALL) -e '.[dev]'
	@touch $(VENV)/.installed $@
