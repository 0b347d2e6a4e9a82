#!/usr/bin/env python3
"""Makes a small Delta table of Hansard's shape with deltalake alone, so that the readers can be tried without Hansard.

    sample_table.py TABLE [--commits N] [--rows N] [--delay SECONDS] [--checkpoint-every N] [--merge-every N] [--double]

Each commit adds `rows` events to each of two log partitions and now and then a reject, a duplicate and a finding; every
row is a pure function of its position, so two tables of one size count the same. `--delay` waits between commits (for
`read_delta.py --follow`); `--double` writes the last commit's rows twice, which the readers must notice.
"""

import argparse
import hashlib
import time

import deltalake
import pyarrow as pa

CONTENT = pa.struct([("name", pa.string()), ("media_type", pa.string()), ("size", pa.int64()),
                     ("commitment", pa.binary()), ("salt", pa.binary()), ("bytes", pa.binary())])
SCHEMA = pa.schema([("id", pa.string()), ("leaf", pa.int64()), ("header", pa.binary()), ("contents", pa.list_(CONTENT)),
                    ("log_partition", pa.int32()), ("row_class", pa.string())])


def row(partition, leaf, row_class):
    seed = hashlib.sha256(f"{partition}/{leaf}".encode()).digest()
    contents = [{"name": f"part-{i}", "media_type": "text/plain", "size": 32, "commitment": seed, "salt": seed,
                 "bytes": seed if i else None} for i in range(seed[0] % 3)]
    return {"id": seed.hex(), "leaf": None if row_class == "reject" else leaf, "header": seed * (1 + seed[1] % 4),
            "contents": None if row_class == "reject" else contents, "log_partition": partition, "row_class": row_class}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--commits", type=int, default=12)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--delay", type=float, default=0)
    parser.add_argument("--checkpoint-every", type=int, default=5)
    parser.add_argument("--merge-every", type=int, default=7)
    parser.add_argument("--double", action="store_true")
    args = parser.parse_args()
    for commit in range(args.commits):
        rows = []
        for partition in (0, 3):
            for leaf in range(commit * args.rows, (commit + 1) * args.rows):
                rows.append(row(partition, leaf, "duplicate" if leaf % 101 == 100 else "event"))
                if leaf % 97 == 96:
                    rows.append(row(partition, leaf, "reject"))
                if leaf % 211 == 210:
                    rows.append(row(partition, leaf, "finding"))
        for _ in range(2 if args.double and commit == args.commits - 1 else 1):
            deltalake.write_deltalake(args.table, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append",
                                      partition_by=["log_partition", "row_class"])
        table = deltalake.DeltaTable(args.table)
        if (commit + 1) % args.merge_every == 0:
            table.optimize.compact()
        if (commit + 1) % args.checkpoint_every == 0:
            table.create_checkpoint()
        time.sleep(args.delay)


if __name__ == "__main__":
    main()
