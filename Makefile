# `make` alone lists what there is. Everything but `help` and `clean` sets up first, which takes no
# time when nothing changed.
SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup demo dev notebook up down status test cluster-test s3-test repair-test increments mutations bench docs docs-test audit lint types clean

BIN := .venv/bin

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## .venv with the locked dependencies, Java checked, jars fetched
	@PYTHON="$(PYTHON)" scripts/setup

demo: setup ## the sample data through the whole pipeline, and the four answers
	@$(BIN)/attribution demo

dev: setup ## the Spark server and Dagster's UI
	@$(BIN)/attribution dev

notebook: setup ## the marts in Jupyter; options: make notebook NOTEBOOK="--no-browser --port 9999"
	@scripts/notebook $(NOTEBOOK)

up: setup ## start the local Spark server
	@$(BIN)/attribution up

down: setup ## stop the local Spark server
	@$(BIN)/attribution down

status: setup ## what runs where
	@$(BIN)/attribution status

test: setup ## style, types and all tests
	@scripts/test

mutations: setup ## deliberate mistakes in the SQL: which test notices each
	@$(BIN)/python -m tests.mutations

cluster-test: setup ## the pipeline on a Spark cluster of plain processes with PostgreSQL: is all the same, also when parts die?
	@$(BIN)/python -m pytest -m cluster tests/cluster

s3-test: setup ## the pipeline with its warehouse on an S3-compatible server (versitygw, built with Go if it is not there)
	@$(BIN)/python -m dagster_code.lib.jars --s3
	@$(BIN)/python -m pytest -m s3 tests/cluster

repair-test: setup ## a killed build, a killed backfill, lost and damaged files of tables: healed by the next run, or as the runbook says
	@$(BIN)/python -m pytest -m repair tests/integration

increments: setup ## random histories in batches: do increments equal full refreshes?
	@$(BIN)/python -m tests.increments

bench: setup ## measure against the floor and the peers; options: make bench BENCH="--events 1000000"
	@$(BIN)/python -m benchmarks $(BENCH)

docs: setup ## the documentation as a static site in site/, for reading without a network; every link is followed
	@scripts/extras docs
	@$(BIN)/python -m docs_site

docs-test: setup ## the same site in a real browser: does it fetch nothing, is it searched, are its diagrams drawn?
	@scripts/extras docs
	@$(BIN)/python -m pytest -m docs tests/site

audit: setup ## known vulnerabilities of the locked packages, by pip-audit, where its database can be reached
	@scripts/audit

lint: setup ## ruff, yamllint, sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/yamllint --strict .
	@$(BIN)/sqlfluff lint dbt_spark/models dbt_spark/tests

types: setup ## mypy
	@$(BIN)/mypy dagster_code benchmarks docs_site

clean: ## remove caches and build products (not .venv, not .attribution)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis dbt_spark/target site
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
