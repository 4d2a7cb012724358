# What people type. Each target is one script; PG_CONFIG says for which server, by default that of the pg_config on the PATH.

.PHONY: all help install uninstall clean demo test test-debian setup package bench bench-core bench-python harden fuzz accuracy valgrind
.DEFAULT_GOAL := all

all:      ## build for the server of PG_CONFIG; installs nothing
	@scripts/build

help:     ## print this
	@sed -n 's/^\([a-z-]*\): *## /make \1\t/p' Makefile | expand -t 18

install:  ## build, if need be, and install for the server of PG_CONFIG
	@scripts/install

uninstall: ## take away what install has put there
	@scripts/install --remove

setup:    ## on Debian, install what it takes to build, and PostgreSQL if there is none
	@scripts/setup

demo:     ## count the words of real text, exactly and approximately (TEXT=file counts yours)
	@scripts/demo "$(TEXT)"

test:     ## run all tests (PG=17 on that version of PostgreSQL, PG=all on every one)
	@scripts/test $(PG)

test-debian: ## in an empty Debian, as root: what the Dockerfile does, and the Debian package; ten minutes
	@tests/debian

clean:    ## remove all that was built; servers that were got for the tests stay
	@rm -rf target

package:  ## make a package for the server of PG_CONFIG, in target/packages (FORMAT=deb, rpm, or volume for an image volume)
	@scripts/package $(FORMAT)

bench:    ## measure through SQL beside count() and peers (BENCH="--rows 1000000" and the like)
	@bench/run $(BENCH)

bench-core: ## measure the sketch in process
	@cargo bench -p bench

bench-python: ## measure from Python beside the article's forms and peers (BENCH="--rows 1000000" is faster)
	@python/bench/run $(BENCH)

harden:   ## bad input, faults and load through SQL, the long form
	@scripts/harden long

fuzz:     ## fuzz the core for FUZZ_SECONDS (an hour)
	@scripts/fuzz $(or $(FUZZ_SECONDS),3600)

valgrind: ## run the SQL regression tests in a server that valgrind watches
	@scripts/valgrind

accuracy: ## try the promised accuracy at length, and draw docs/accuracy
	@scripts/accuracy --long docs/accuracy
