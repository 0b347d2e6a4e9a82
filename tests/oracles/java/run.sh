#!/usr/bin/env bash
# Counts a Hansard table with Delta Kernel for Java; builds the reader first where that is needed.
#
#   run.sh TABLE [--version N]     one JSON document: {"version": N, "kernel": {...}}, the inner part
#                                  equal to each reader's part of read_delta.py
#   run.sh TABLE --domain NAME     the configuration of one domainMetadata, as Kernel sees it
#
# TABLE is a directory. Exits 1 when a (log_partition, leaf) occurs twice, 2 when the table cannot
# be read, each with the reason on standard error.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
OUT=$("$HERE/build.sh" | tail -n 1)
exec java -cp "$OUT/classes:$OUT/libs/*" dev.hansard.oracle.ReadDelta "$@"
