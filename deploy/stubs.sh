#!/bin/sh
# Empty targets for everything that Cargo.toml names, so that dependencies can be built before our own code is there, in a
# layer of the image that only Cargo.toml and Cargo.lock change. Takes them from Cargo.toml itself: nothing to keep in step.
#   stubs.sh make | stubs.sh remove
set -eu
case "$1" in
make)
    mkdir -p src && : >src/lib.rs
    {
        # The files that are named, and benches by their names.
        sed -n 's/^path = "\(.*\.rs\)"$/\1/p' Cargo.toml | grep -v '^src/lib\.rs$'
        sed -n '/^\[\[bench\]\]$/{n;s/^name = "\(.*\)"$/benches\/\1\/main.rs/p;}' Cargo.toml
    } | while read -r target; do
        mkdir -p "$(dirname "$target")"
        echo 'fn main() {}' >"$target"
    done
    ;;
remove) rm -rf src benches tests ;;
*) echo "stubs.sh make | remove" >&2; exit 2 ;;
esac
