# A thin front: meson builds, tools/ does the rest. `make start` and `make check` need nothing done before them.
BUILD ?= build

.PHONY: start check web-dev build deps bench bench-eyes bench-hash bench-nn bench-pipeline bench-score bench-search bench-store soak fuzz fmt tidy clean

start: deps $(BUILD)/build.ninja
	@ninja -C $(BUILD) liken liken-decode
	@tools/start.sh $(BUILD)

check:
	@tools/deps.sh check
	@tools/check.py --build $(BUILD) $(if $(SANITIZE),--sanitize $(SANITIZE))

deps:
	@tools/deps.sh start

# the pages, built anew as their files change, in front of a liken that runs (LIKEN_URL, else port 9000)
web-dev: deps
	@[ -x web/node_modules/.bin/vite ] || (cd web && npm ci --ignore-scripts --no-audit --no-fund)
	@cd web && node node_modules/vite/bin/vite.js

build: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD)

bench: bench-hash bench-nn bench-eyes bench-pipeline bench-score bench-search bench-store

bench-eyes bench-hash bench-nn bench-pipeline bench-score bench-search bench-store:
	@tools/bench.sh $(BUILD) $(@:bench-%=%)

soak: build
	@tools/check.py --build $(BUILD) --soak

fuzz:
	@tools/deps.sh fuzz
	@tools/fuzz.py --build $(BUILD)/fuzz $(if $(MINUTES),--minutes $(MINUTES)) $(if $(JOBS),--jobs $(JOBS)) $(TARGETS)

fmt:
	@tools/tidy.py fmt

tidy:
	@tools/tidy.py rules
	@tools/tidy.py format || [ $$? -eq 77 ]

clean:
	rm -rf $(BUILD)
