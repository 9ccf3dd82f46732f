PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed

.PHONY: demo test lint bench notebooks clean

demo: $(STAMP)
	$(VENV)/bin/qmc demo

test: $(STAMP)
	$(VENV)/bin/python -m pytest -n 2

lint: $(STAMP)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy --strict qmc classical_baseline benchmarks
	$(VENV)/bin/lint-imports

bench: $(STAMP)
	$(VENV)/bin/python -m benchmarks run peers
	$(VENV)/bin/python -m benchmarks run convergence
	$(VENV)/bin/python -m benchmarks run coverage
	$(VENV)/bin/python -m benchmarks run algorithms
	$(VENV)/bin/python -m benchmarks run estimators
	$(VENV)/bin/python -m benchmarks run amplitudes
	$(VENV)/bin/python -m benchmarks run conventions
	$(VENV)/bin/python -m benchmarks run risk_speed
	$(VENV)/bin/python -m benchmarks run data_errors --seeds 300
	$(VENV)/bin/python -m benchmarks run backtests --seeds 2000

notebooks: $(STAMP)
	$(VENV)/bin/jupyter lab notebooks

# the stamp is written last, so a half-made environment is made anew
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[data,resources,dev]' --constraint constraints.txt
	touch $(STAMP)

clean:
	rm -rf $(VENV) demo-report benchmark-results .pytest_cache .mypy_cache .ruff_cache .hypothesis
