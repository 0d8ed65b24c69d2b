# Thin: what has logic is a script. CARGO_TARGET_DIR is respected.
.PHONY: run live demo test chaos fuzz lint fmt web openapi bench

run:      ## build the console and the sandbox build, start it on http://localhost:8080
	scripts/run.sh sandbox

live:     ## build the live build, start it on http://localhost:8080
	scripts/run.sh live

demo:     ## play the main job against a running `make run`, in the terminal
	scripts/demo.sh

test:     ## every test: SQLite, PostgreSQL, MariaDB, browser
	scripts/test.sh

chaos:    ## 200 kills and 20 database restarts on each database, 10,000 made-up requests
	scripts/chaos.sh

fuzz:     ## any bytes on what reads them, 10 minutes for each of four targets
	scripts/fuzz.sh

lint:     ## formatting, clippy of both builds, docs, drift, web, shell
	scripts/lint.sh

fmt:      ## format the Rust sources
	cargo fmt --all

web:      ## build the console into web/dist
	scripts/web.sh

openapi:  ## write docs/openapi.json, docs/config.md, the clients and the console's types
	scripts/openapi.sh

bench:    ## the ratio benchmarks of the README
	scripts/bench.sh
