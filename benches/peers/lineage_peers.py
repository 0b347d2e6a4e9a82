"""DuckDB and ClickHouse (chdb) answer the lineage questions by SQL over the same Parquet files.

Reads one JSON document from standard input (files, targets, seconds for each kind, threads) and prints one. An answer
counts when it has the size that the corpus promises; a kind that is not done within its time says so. Forms:

- `files`: each question reads the Parquet files; links are derived within the question, by recursive SQL.
- `loaded`: links were loaded into a table of the engine before; how long that took is told. Other questions as in `files`.
"""

import json
import math
import os
import sys
import tempfile
import threading
import time

FULL_TEXT = ("rare", "medium", "common", "phrase")
UPWARD = ("why", "why_subject")
# Questions of one kind and engine at most: each is a scan, so more say no more.
ASKED_MAX = 50
PAGE = 200


class Late(Exception):
    """The question took longer than it may."""


def spread(times):
    times = sorted(times)
    at = lambda share: times[max(0, math.ceil(share * len(times)) - 1)] if times else 0.0
    return {"count": len(times), "p50": at(0.5), "p99": at(0.99), "max": at(1.0)}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class DuckDb:
    """DuckDB, in memory, over the files."""

    def __init__(self, files, threads, seconds, scratch):
        import duckdb

        self.version = duckdb.__version__
        self.seconds = seconds
        self.db = duckdb.connect(config={"threads": threads, "temp_directory": scratch})
        listed = ", ".join(quoted(f) for f in files)
        self.db.execute(f"CREATE VIEW ev AS SELECT * FROM read_parquet([{listed}])")

    edges = """
      SELECT id AS from_id, u.c.id AS to_id FROM ev, unnest(causes) AS u(c)
      UNION SELECT r.id, w.id FROM ev r JOIN ev w ON r.resource = w.resource AND r.memory_store = w.memory_store
        WHERE r.kind = 'memory.read' AND w.kind = 'memory.write'
      UNION SELECT u.id, i.id FROM ev u JOIN ev i ON u.credential = i.credential
        WHERE i.kind = 'credential.issued' AND u.kind <> 'credential.issued'
      UNION SELECT g.id, r.id FROM ev g JOIN ev r ON g.approval_digest = r.approval_digest
        WHERE r.kind = 'approval.requested' AND g.kind IN ('approval.granted', 'approval.denied')
      UNION SELECT r.id, c.id FROM ev r JOIN ev c ON r.session = c.session AND r.tool_call_id = c.tool_call_id
        WHERE r.kind = 'tool.result' AND c.kind = 'tool.call'"""

    def load(self):
        self.run(f"CREATE TABLE edges AS {self.edges}", 1_800)
        self.run("CREATE INDEX by_effect ON edges(from_id)", 1_800)
        self.run("CREATE INDEX by_cause ON edges(to_id)", 1_800)

    def walk(self, start, up, loaded):
        near, far = ("from_id", "to_id") if up else ("to_id", "from_id")
        edges = "" if loaded else f"edges AS MATERIALIZED ({self.edges}), "
        return f"""WITH RECURSIVE {edges}reached(id) AS (
          {start} UNION SELECT e.{far} FROM reached r JOIN edges e ON e.{near} = r.id)
          SELECT count(*) FROM reached"""

    def text(self, words):
        return f"""SELECT count(*) FROM (SELECT unnest(contents) AS c FROM ev)
          WHERE contains(decode(c.bytes), {quoted(words)})"""

    def run(self, sql, seconds=None):
        timer = threading.Timer(seconds or self.seconds, self.db.interrupt)
        timer.start()
        try:
            return self.db.execute(sql).fetchall()
        except Exception as error:
            if "INTERRUPT" in str(error).upper():
                raise Late from error
            raise
        finally:
            timer.cancel()


class ClickHouse:
    """ClickHouse as a library, over links to the files."""

    def __init__(self, files, threads, seconds, scratch):
        import chdb
        from chdb import session

        self.version = f"{chdb.__version__} (ClickHouse {chdb.engine_version})"
        self.seconds = seconds
        self.db = session.Session(os.path.join(scratch, "db"))
        links = os.path.join(scratch, "files")
        os.makedirs(links)
        for number, path in enumerate(files):
            os.symlink(path, os.path.join(links, f"{number}.parquet"))
        self.ev = f"file('{links}/*.parquet', Parquet)"
        self.settings = f"max_threads = {threads}, max_recursive_cte_evaluation_depth = 10000, enable_analyzer = 1"

    @property
    def edges(self):
        ev = self.ev
        kinds = lambda *names: "kind IN (" + ", ".join(quoted(n) for n in names) + ")"
        some = lambda columns, where: f"(SELECT id, {columns} FROM {ev} WHERE {where})"
        pair = lambda left, right, on: f"SELECT l.id, r.id FROM {left} AS l JOIN {right} AS r ON {on}"
        same = lambda *columns: " AND ".join(f"l.{c} = r.{c}" for c in columns)
        return f"""SELECT DISTINCT from_id, to_id FROM (
          SELECT assumeNotNull(id) AS from_id, assumeNotNull(c.id) AS to_id FROM {ev} ARRAY JOIN causes AS c
          UNION ALL {pair(some("resource, memory_store", kinds("memory.read")),
                          some("resource, memory_store", kinds("memory.write")), same("resource", "memory_store"))}
          UNION ALL {pair(some("credential", "credential IS NOT NULL AND NOT " + kinds("credential.issued")),
                          some("credential", kinds("credential.issued")), same("credential"))}
          UNION ALL {pair(some("approval_digest", kinds("approval.granted", "approval.denied")),
                          some("approval_digest", kinds("approval.requested")), same("approval_digest"))}
          UNION ALL {pair(some("session, tool_call_id", kinds("tool.result")),
                          some("session, tool_call_id", kinds("tool.call")), same("session", "tool_call_id"))})"""

    def load(self):
        self.run("CREATE DATABASE bench ENGINE = Atomic", 60)
        for name, order in (("by_effect", "from_id"), ("by_cause", "to_id")):
            columns = "from_id String, to_id String"
            self.run(f"CREATE TABLE bench.{name} ({columns}) ENGINE = MergeTree ORDER BY {order}", 60)
        self.run(f"INSERT INTO bench.by_effect {self.edges}", 1_800)
        self.run("INSERT INTO bench.by_cause SELECT * FROM bench.by_effect", 1_800)

    def walk(self, start, up, loaded):
        near, far = ("from_id", "to_id") if up else ("to_id", "from_id")
        table = ("bench.by_effect" if up else "bench.by_cause") if loaded else "edges"
        edges = "" if loaded else f"edges AS ({self.edges}), "
        # ClickHouse knows no UNION within a recursion, so that paths which meet again are walked twice; the step is
        # told which rows to read, because the join alone reads the table whole each time.
        return f"""WITH RECURSIVE {edges}reached AS (
          SELECT assumeNotNull(id) AS id FROM ({start}) UNION ALL
          SELECT e.{far} AS id FROM {table} AS e WHERE e.{near} IN (SELECT id FROM reached))
          SELECT count(DISTINCT id) FROM reached"""

    def text(self, words):
        return f"""SELECT count() FROM {self.ev} ARRAY JOIN contents AS c WHERE position(c.bytes, {quoted(words)}) > 0"""

    def run(self, sql, seconds=None):
        limit = f" SETTINGS {self.settings}, max_execution_time = {seconds or self.seconds}"
        tail = "" if sql.startswith("CREATE") else limit
        try:
            # Bytes, because salts and signatures are no text. One line is one row.
            lines = self.db.query(sql + tail, "JSONCompactEachRow").bytes().splitlines()
        except Exception as error:
            if "TIMEOUT_EXCEEDED" in str(error):
                raise Late from error
            raise
        return [json.loads(line) for line in lines] if len(lines) == 1 and len(lines[0]) < 100 else lines


def question(engine, target, loaded):
    """The SQL of a target and whether it counts in its first cell or by its rows."""
    kind, what = target["kind"], quoted(target["what"])
    ev = getattr(engine, "ev", "ev")
    if kind == "event":
        return f"SELECT * FROM {ev} WHERE id = {what}", False
    if kind in UPWARD or kind == "blast_radius":
        by = f"id = {what}"
        if kind == "why_subject":
            by = f"subject = {what} AND (kind = 'decision' OR kind LIKE 'approval.%')"
        start = f"SELECT id FROM {ev} WHERE {by}" if kind == "why_subject" else f"SELECT {what} AS id"
        return engine.walk(start, kind in UPWARD, loaded), True
    if kind in FULL_TEXT:
        return engine.text(target["what"]), True
    columns = "id, kind, time, agent, model, tool, contents"
    skip = target.get("skip", 0)
    return f"SELECT {columns} FROM {ev} WHERE session = {what} ORDER BY time LIMIT {PAGE} OFFSET {skip}", False


def ask(engine, targets, loaded, seconds):
    """All targets of one kind, until the time is over."""
    times, wrong, began = [], None, time.monotonic()
    for number, target in enumerate(targets[: ASKED_MAX + 1]):
        sql, counts = question(engine, target, loaded)
        asked = time.monotonic()
        try:
            rows = engine.run(sql)
        except Late:
            wrong = f"not answered within {seconds} s"
            break
        except Exception as error:  # The engine's own words are the finding.
            wrong = str(error).strip().splitlines()[0][:300]
            break
        # The first answer warms up, unless one answer is all that there is time for.
        if number > 0 or time.monotonic() - asked > seconds / 4:
            times.append((time.monotonic() - asked) * 1e3)
        size = int(rows[0][0]) if counts else len(rows)
        if size != target["size"] and wrong is None:
            wrong = f"{target['kind']} {target['what']!r}: {target['size']} expected, found {size}"
        if time.monotonic() - began > seconds:
            break
    return {"spread": spread(times), "wrong": wrong}


def engine_answers(make, asked, seconds, files, threads):
    by_kind = {}
    for target in asked:
        by_kind.setdefault(target["kind"], []).append(target)
    with tempfile.TemporaryDirectory() as scratch:
        engine = make(files, threads, seconds, scratch)
        out = {"version": engine.version, "load_seconds": None, "files": {}, "loaded": {}}
        for kind, targets in by_kind.items():
            out["files"][kind] = ask(engine, targets, False, seconds)
        began = time.monotonic()
        try:
            engine.load()
            out["load_seconds"] = time.monotonic() - began
            for kind, targets in by_kind.items():
                if kind in UPWARD or kind == "blast_radius":
                    out["loaded"][kind] = ask(engine, targets, True, seconds)
        except Exception as error:
            out["load_error"] = (str(error).strip().splitlines() or ["not loaded within its time"])[0][:300]
        return out


def main():
    asked = json.load(sys.stdin)
    out = {}
    for name, make in (("duckdb", DuckDb), ("chdb", ClickHouse)):
        if name in asked.get("engines", ["duckdb", "chdb"]):
            try:
                out[name] = engine_answers(make, asked["targets"], asked["seconds"], asked["files"], asked["threads"])
            except Exception as error:
                out[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
    print(json.dumps(out))


if __name__ == "__main__":
    main()
