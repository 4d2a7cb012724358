# What people type. Each target is one script.

PG_CONFIG ?= $(shell command -v pg_config 2>/dev/null)
export PG_CONFIG

.PHONY: demo test harden fuzz accuracy valgrind install setup package bench bench-core

demo:     ## count the words of real text, exactly and approximately (TEXT=file counts yours)
	@scripts/demo "$(TEXT)"

test:     ## run all tests (PG=17 on that version of PostgreSQL, PG=all on every one)
	@scripts/test $(PG)

harden:   ## bad input, faults and load through SQL, the long form
	@scripts/harden long

install:  ## build, and install for the server of PG_CONFIG
	@scripts/install

setup:    ## install what the other targets need
	@scripts/setup

package:  ## build a tree of files and a Debian package for the server of PG_CONFIG, in target/packages
	@scripts/package

bench:    ## measure through SQL beside count() and peers (BENCH="--rows 1000000" and the like)
	@bench/run $(BENCH)

bench-core: ## measure the sketch in process
	@cargo bench -p bench

fuzz:     ## fuzz the core for FUZZ_SECONDS (an hour)
	@scripts/fuzz $(or $(FUZZ_SECONDS),3600)

valgrind: ## run the SQL regression tests in a server that valgrind watches
	@scripts/valgrind

accuracy: ## try the promised accuracy at length, and draw docs/accuracy (installs the extension)
	@scripts/install && mkdir -p docs/accuracy && scripts/accuracy --long docs/accuracy
