# Thin names for the scripts; see `bash shell/prepare.sh --help` and its kin for their options.
.DEFAULT_GOAL := help
.PHONY: help prepare predict train test test-all notebook check format ci

help: ## List the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' Makefile | expand -t 12

prepare: ## Data, shards, models, evaluation, ensemble, report (CONFIG=conf/NAME.toml)
	bash shell/prepare.sh $(CONFIG)

predict: ## Live predictions and a checked submission file (CONFIG=conf/NAME.toml)
	bash shell/predict.sh $(CONFIG)

train: ## Train models (MODELS="ridge mlp")
	bash shell/train.sh $(MODELS)

test: ## The fast tests
	bash shell/test.sh

test-all: ## All tests
	bash shell/test.sh --all

notebook: ## Jupyter on examples/
	bash shell/notebook.sh

check: ## Static checks, in the active environment
	ruff check .
	ruff format --check .
	mypy
	lint-imports

format: ## Format, and mend what can be mended
	ruff check --fix .
	ruff format .

ci: ## What continuous integration runs
	.ci/run
