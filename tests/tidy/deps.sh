#!/bin/sh
# What a build needs besides cargo: a C and C++ compiler, make, and libclang (RocksDB's bindings are
# generated from its headers). Installs what is missing where it may, says what is missing elsewhere.
set -eu

missing=
need() { missing="$missing $1"; }

# The library, and the headers that come with it: Debian ships them in two packages.
has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] && return 0
    some /usr/lib/llvm*/lib/clang/*/include/stddef.h /usr/lib*/clang/*/include/stddef.h \
        /usr/local/opt/llvm/lib/libclang.dylib /opt/homebrew/opt/llvm/lib/libclang.dylib \
        /Library/Developer/CommandLineTools/usr/lib/libclang.dylib || return 1
    [ "$(uname)" = Darwin ] || ldconfig -p 2>/dev/null | grep -q 'libclang[-.0-9]*\.so' ||
        some /usr/lib/llvm*/lib/libclang*.so* /usr/lib64/libclang.so* /usr/lib/*/libclang*.so*
}

# Whether one of these files is there.
some() {
    for file in "$@"; do
        [ -e "$file" ] && return 0
    done
    return 1
}

command -v cargo >/dev/null 2>&1 || {
    echo "cargo is missing: install Rust as https://rustup.rs says, then try again" >&2
    exit 1
}
command -v cc >/dev/null 2>&1 || need gcc
command -v c++ >/dev/null 2>&1 || need g++
has_libclang || need libclang-dev

[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "installing:$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
elif command -v apt-get >/dev/null 2>&1; then
    echo "missing:$missing. Type: sudo apt-get install$missing" >&2
    exit 1
else
    echo "missing (as Debian names them):$missing. Install them with the system's package manager," >&2
    echo "or set LIBCLANG_PATH to the folder that holds libclang" >&2
    exit 1
fi
