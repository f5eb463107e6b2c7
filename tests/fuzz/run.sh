#!/bin/sh
# Searches every target for findings, one after the other, and keeps what it learns in the corpus.
# The first finding ends it; its bytes are in tests/fuzz/artifacts.
set -eu
cd "$(dirname "$0")"

hint() {
    echo "$1 is missing: type \`$2\`, then try again" >&2
    exit 1
}
cargo=${CARGO:-cargo}
"$cargo" fuzz --version >/dev/null 2>&1 || hint cargo-fuzz "cargo install cargo-fuzz --locked"
"$cargo" +nightly --version >/dev/null 2>&1 ||
    hint "the nightly compiler" "rustup toolchain install nightly --profile minimal"

# No sanitizer: no code of ours is unsafe, and that of libsecp256k1 would not be instrumented.
# Targets bound the memory of each input themselves; the limit below is for all that libFuzzer keeps.
build="--sanitizer none --fuzz-dir ."
for target in $("$cargo" +nightly fuzz list --fuzz-dir .); do
    mkdir -p "corpus/$target"
    # shellcheck disable=SC2086 # a list of words
    "$cargo" +nightly fuzz run $build "$target" -- \
        -max_total_time="${SECONDS_EACH:-600}" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
        -print_final_stats=1 -verbosity=1
done
