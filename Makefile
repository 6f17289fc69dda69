# make run    start the site on http://127.0.0.1:8000 (PORT=8001 for another port)
# make test   the whole test suite, in two processes (WORKERS=4 for more, seven at most)
# Everything else: setup, faults, networks, qa, bench, load, soak, bench-liveness, clean. PYTHON=python3.12 chooses the Python of the environment.

VENV := .venv
PY := $(VENV)/bin/python
GPU := $(shell { [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi; } >/dev/null 2>&1 && echo yes)
# The full set, with TensorFlow and faiss-gpu, where there is an NVIDIA driver.
REQUIREMENTS := $(if $(GPU),requirements.txt,requirements-cpu.txt)
INSTALLED := $(VENV)/.installed-$(REQUIREMENTS)
INSTALLED_DEV := $(INSTALLED)-dev
INSTALLED_TRAIN := $(INSTALLED)-train
PIP := $(PY) -m pip --disable-pip-version-check install --quiet
# How many processes share the tests; 0: one, which a debugger (ARGS=--pdb) needs.
WORKERS ?= 2
PYTEST = $(PY) -m pytest --numprocesses $(WORKERS) --dist worksteal

.PHONY: run setup test faults networks qa bench load soak bench-liveness clean
.DEFAULT_GOAL := run

run: setup
	@exec $(PY) manage.py up $(ARGS)

setup: $(INSTALLED)

# One environment holds one set: the two sets bring different wheels of the same package.
$(INSTALLED): $(REQUIREMENTS) requirements-base.txt
	@if ls $(VENV)/.installed-* >/dev/null 2>&1 && [ ! -e $@ ]; then rm -rf $(VENV); fi
	@$(PY) -c "" 2>/dev/null || sh scripts/make_venv $(VENV)
	@echo "Installing $(REQUIREMENTS); the first time this takes some minutes ..."
	@$(PIP) -r $(REQUIREMENTS)
	@touch $@

$(INSTALLED_DEV): $(INSTALLED) requirements-dev.txt
	@echo "Installing requirements-dev.txt ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

test: $(INSTALLED_DEV)
	$(PYTEST) $(ARGS)

# Those that kill, starve and damage parts of the site; `make test` has them, too (ARGS='-m "not faults"' leaves them out).
faults: $(INSTALLED_DEV)
	$(PYTEST) -m faults $(ARGS)

# Keras networks against their stored outputs, conversion and training, with TensorFlow beside the rest.
networks: $(INSTALLED_TRAIN)
	$(PYTEST) -o faulthandler_timeout=1800 tests/networks tests/training $(ARGS)

$(INSTALLED_TRAIN): $(INSTALLED_DEV) requirements-train.txt
	@echo "Installing requirements-train.txt ..."
	@$(if $(GPU),true,$(PIP) -r requirements-train.txt)
	@touch $@

qa: $(INSTALLED_DEV)
	PYTHON=$(PY) sh scripts/qa

bench: $(INSTALLED_DEV)
	$(PY) -m bench $(ARGS)

# Kiosks at once against the web server; ARGS="--kiosks 8 --seconds 20 --plot load.png" for less.
load: $(INSTALLED_DEV)
	$(PY) -m bench.load $(ARGS)

# An hour under load while parts are killed at random; ARGS="--minutes 5" for less.
soak: $(INSTALLED_DEV)
	$(PY) -m bench.soak $(ARGS)

# How many attacks the liveness challenge refuses; half an hour (ARGS="--times 5" for less).
bench-liveness: $(INSTALLED_DEV)
	$(PY) -m bench.liveness $(ARGS)

# What can be made again. The data folder stays.
clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache bench.json load.json soak.json bench-liveness.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
