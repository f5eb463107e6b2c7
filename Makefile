# Two commands do everything: `make devnet` and `make test`. The rest is for those who work here.

CARGO ?= cargo
# `make sim SEEDS=100000`, or `make sim SEED=77` to see one run line by line.
SEEDS ?= 100000
# `make small-worlds SECONDS=60`: how long to search for each crash model.
SECONDS ?= 600
# `make failover TIMES=100`: how often leaders die, hand over, and are elected anew.
TIMES ?= 100
# `make fuzz FUZZ_SECONDS=60`: how long each decoder is searched for findings.
FUZZ_SECONDS ?= 600

.DEFAULT_GOAL := help
.PHONY: help deps devnet test lint bench sim sim-same flaws small-worlds fuzz cost failover

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

deps: ## Install what the build needs and the machine lacks
	@sh tests/tidy/deps.sh

devnet: deps ## Four validators on this machine, in the foreground; their data is in ./devnet
	$(CARGO) run --bin mokka -- devnet

test: deps ## Every test
	$(CARGO) test --workspace

# Twice, because the binary and the library are both named mokka and share a page.
lint: deps ## Format, clippy, documentation and the rules of the repository
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --bins
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --lib
	$(CARGO) test --workspace --test repository --test snippets

bench: deps ## Load on a running devnet: `make devnet` in another terminal first
	$(CARGO) run --bin mokka -- bench

# With assertions: nearly all of its time goes into signatures, so a release build gains nothing.
sim: deps ## Many more seeds of the simulator: SEEDS=100000, or SEED=77 for one
	$(if $(SEED),MOKKA_SEED=$(SEED)) MOKKA_SEEDS=$(SEEDS) $(CARGO) test --workspace \
		--test seeds $(if $(SEED),one_seed,every_seed) -- --nocapture

SAME = --workspace --test seeds a_seed_repeats_itself -- --nocapture | grep -v '^test\|^running'
sim-same: deps ## The same seeds in two builds, debug and release: the same, to the bit
	@debug=$$($(CARGO) test $(SAME)); release=$$($(CARGO) test --release $(SAME)); \
		echo "$$release"; test -n "$$debug" && test "$$debug" = "$$release"

flaws: deps ## Deliberate faults of the core, and after how many seeds each is found
	MOKKA_SEEDS=2000 $(CARGO) test --workspace --test flaws -- --nocapture

# The same profile as everything else (decision 3), so that it measures what is run.
cost: deps ## What agreement costs: steps on this machine, then waits and traffic in virtual time
	$(CARGO) bench --workspace --profile dev --bench cost
	$(CARGO) run --example cost

small-worlds: deps ## Every order of events in small worlds, as deep as SECONDS=600 allow
	MOKKA_SECONDS=$(SECONDS) $(CARGO) test --workspace --test small_worlds of_whom \
		-- --nocapture --test-threads 1

failover: deps ## Real processes: leaders that die and hand over, and the wait of clients, TIMES=100
	MOKKA_TIMES=$(TIMES) $(CARGO) test --workspace --test e2e failover -- --nocapture

fuzz: ## Search every decoder for findings: FUZZ_SECONDS=600 each, with the nightly compiler
	@CARGO=$(CARGO) SECONDS_EACH=$(FUZZ_SECONDS) sh tests/fuzz/run.sh
