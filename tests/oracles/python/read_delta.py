#!/usr/bin/env python3
"""Counts a Hansard table with three readers that are not ours: deltalake, Polars, DuckDB.

    read_delta.py TABLE [--version N] [--follow SECONDS]

TABLE is a directory, file:// or s3:// (AWS_* from the environment). Prints one JSON document:

    {"version": 7, "deltalake": {...}, "polars": {...}, "duckdb": {...}, "agree": true}

each reader giving, for every "LOG_PARTITION/ROW_CLASS": rows, sum, min, max and distinct count of
leaf, distinct ids, bytes of all headers, number of contents; and over all: rows, duplicate_leaves,
the (log_partition, leaf) pairs that occur more than once.

All three count the same pinned version: deltalake scans it by its own query engine, Polars takes the
log from deltalake and reads the Parquet with its own reader, DuckDB computes over a pyarrow dataset
(the Parquet reader of Arrow C++).

Exits 1 with the reason on stderr when two readers differ, a leaf is doubled, or, with --follow (count
again and again while the table is being written, for that long), a version, a count, a sum or a
greatest leaf has gone down between two readings. With --follow the document is the last reading's,
plus "readings" and "versions_seen". Exits 2 when the table cannot be read.
"""

import argparse
import json
import os
import sys
import time

import deltalake
import duckdb
import polars
import pyarrow

CLASSES = "log_partition, row_class"
MEASURES = ("rows", "leaf_sum", "leaf_min", "leaf_max", "leaf_distinct", "id_distinct", "header_bytes", "contents")


def storage_options():
    """What deltalake and Polars need to reach S3: the usual AWS_* variables, passed on."""
    return {k: v for k, v in os.environ.items() if k.startswith("AWS_")} or None


def group(rows, doubled):
    """The common form of a reader's answer. `rows`: (log_partition, row_class, measures...)."""
    classes = {}
    for partition, row_class, *measures in rows:
        # An empty sum is null in SQL and 0 in Polars; sums may come as decimals.
        values = {name: None if v is None else int(v) for name, v in zip(MEASURES, measures)}
        for name in ("leaf_sum", "header_bytes", "contents"):
            values[name] = values[name] or 0
        classes[f"{partition}/{row_class}"] = values
    classes = dict(sorted(classes.items()))
    return {"rows": sum(c["rows"] for c in classes.values()), "duplicate_leaves": int(doubled or 0), "classes": classes}


SQL = f"""SELECT {CLASSES}, count(*), sum(leaf), min(leaf), max(leaf), count(DISTINCT leaf), count(DISTINCT id),
          sum(BYTES_OF(header)), sum(LENGTH_OF(contents)) FROM t GROUP BY {CLASSES}"""
# A finding may point at the leaf of an event; all other rows stand for their own.
SQL_DOUBLED = """SELECT count(*) FROM (SELECT log_partition, leaf FROM t WHERE leaf IS NOT NULL
                 AND row_class <> 'finding' GROUP BY log_partition, leaf HAVING count(*) > 1) AS d"""


def count_deltalake(table):
    engine = deltalake.QueryBuilder().register("t", table)
    # This engine measures no binary: two hex digits stand for a byte.
    sql = SQL.replace("LENGTH_OF", "array_length").replace("BYTES_OF(header)", "length(encode(header, 'hex')) / 2")
    read = lambda q: [tuple(c.as_py() for c in r) for r in zip(*pyarrow.table(engine.execute(q)).columns)]
    return group(read(sql), read(SQL_DOUBLED)[0][0])


def count_polars(table):
    frame = polars.scan_delta(table, storage_options=storage_options())
    leaf, by = polars.col("leaf"), ["log_partition", "row_class"]
    classes = frame.group_by(by).agg(
        polars.len(), leaf.sum(), leaf.min().alias("min"), leaf.max().alias("max"),
        leaf.drop_nulls().n_unique().alias("leaves"), polars.col("id").drop_nulls().n_unique().alias("ids"),
        polars.col("header").bin.size().cast(polars.Int64).sum().alias("bytes"),
        polars.col("contents").list.len().cast(polars.Int64).sum())
    doubled = (frame.filter(leaf.is_not_null() & (polars.col("row_class") != "finding"))
               .group_by("log_partition", "leaf").len().filter(polars.col("len") > 1).select(polars.len()))
    classes, doubled = polars.collect_all([classes, doubled])
    return group(classes.rows(), doubled.item())


def count_duckdb(table):
    connection = duckdb.connect()
    connection.register("t", table.to_pyarrow_dataset())
    read = lambda q: connection.execute(q).fetchall()
    return group(read(SQL.replace("LENGTH_OF", "len").replace("BYTES_OF", "octet_length")), read(SQL_DOUBLED)[0][0])


READERS = {"deltalake": count_deltalake, "polars": count_polars, "duckdb": count_duckdb}


def count_once(uri, version=None):
    """One reading by all three of one pinned version, and what is wrong with it."""
    table = deltalake.DeltaTable(uri, version=version, storage_options=storage_options())
    answer = {"version": table.version()} | {name: count(table) for name, count in READERS.items()}
    wrong = [f"{name} and deltalake differ at version {table.version()}: {difference(answer[name], answer['deltalake'])}"
             for name in ("polars", "duckdb") if answer[name] != answer["deltalake"]]
    if doubled := answer["deltalake"]["duplicate_leaves"]:
        wrong.append(f"{doubled} (log_partition, leaf) pairs occur more than once at version {table.version()}")
    return answer | {"agree": not wrong}, wrong


def difference(one, other):
    """The first place where two answers differ."""
    for name in sorted(one["classes"].keys() | other["classes"].keys()):
        a, b = one["classes"].get(name), other["classes"].get(name)
        if a != b:
            return f"{name}: {a} and {b}"
    return f"{one} and {other}"


def went_down(before, after):
    """What has become less from one reading to the next; in a log nothing may."""
    if after["version"] < before["version"]:
        return f"version went from {before['version']} to {after['version']}"
    for name, old in before["deltalake"]["classes"].items():
        new = after["deltalake"]["classes"].get(name, {})
        for measure in ("rows", "leaf_sum", "leaf_max", "id_distinct", "contents"):
            if (new.get(measure) or 0) < (old[measure] or 0):
                return (f"{measure} of {name} went from {old[measure]} to {new.get(measure)} "
                        f"between versions {before['version']} and {after['version']}")
    return None


def follow(uri, seconds):
    end, readings, versions, last = time.monotonic() + seconds, 0, set(), None
    while True:
        answer, wrong = count_once(uri)
        if last is not None and (less := went_down(last, answer)):
            wrong.append(less)
        readings, last = readings + 1, answer
        versions.add(answer["version"])
        if wrong or time.monotonic() >= end:
            return answer | {"readings": readings, "versions_seen": len(versions)}, wrong
        time.sleep(0.05)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--version", type=int, help="count this version instead of the newest")
    parser.add_argument("--follow", type=float, metavar="SECONDS", help="count again and again for that long")
    args = parser.parse_args()
    try:
        answer, wrong = follow(args.table, args.follow) if args.follow else count_once(args.table, args.version)
    except Exception as error:  # whatever a reader throws: the table is not readable, and that is the finding
        print(f"read_delta.py: cannot read {args.table}: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(answer))
    for reason in wrong:
        print(f"read_delta.py: {reason}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
