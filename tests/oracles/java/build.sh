#!/usr/bin/env bash
# Compiles the Java reader and copies what it needs into the parts cache, once.
#
# Guarantees: there whole or not at all, made by one process at a time, and made anew when pom.xml or
# a source has changed; otherwise it takes a few hundredths of a second and asks nobody. Prints the
# folder of the jars as the last line of standard output.
# Fails with one line that says what is missing (a JDK of 17 or newer, Maven) and what to do.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/parts/lib.sh
. "$HERE/../../parts/lib.sh"

OUT=$PARTS/read-delta
SOURCES=$(cd "$HERE" && find pom.xml src -type f | LC_ALL=C sort | xargs cksum)

current() { [ -f "$OUT/made-of" ] && [ "$SOURCES" = "$(cat "$OUT/made-of")" ]; }

build() {
    ! current || return 0
    command -v javac >/dev/null || need_packages "A Java development kit of 17 or newer" default-jdk-headless
    [ "$(javac -version 2>&1 | sed -nE 's/^javac ([0-9]+).*/\1/p')" -ge 17 ] 2>/dev/null ||
        die "the reader needs a JDK of 17 or newer and this is '$(javac -version 2>&1)'; put a newer one first in PATH"
    command -v mvn >/dev/null || need_packages "Maven" maven
    say "building the Delta Kernel reader (75 MB, once)"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    cp -r "$HERE/pom.xml" "$HERE/src" "$work"
    run_quiet "mvn package" "check that Maven reaches its repository, then run this again" \
        mvn -q -B -f "$work/pom.xml" compile dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$work/out/libs"
    mv "$work/target/classes" "$work/out/classes"
    printf '%s' "$SOURCES" >"$work/out/made-of"
    rm -rf "$OUT"
    mv "$work/out" "$OUT"
}

current || locked read-delta build
echo "$OUT"
