#!/usr/bin/env python3
"""Measures real agent transcripts for the generator: kinds, sizes, attributes, repetition. Prints figures, never text.

    sets.py DATA > measured.json        DATA holds claude-code-sessions, agentdojo and tau-bench

One record here = what one live event would carry: a person's or system message, a model's answer, the arguments of a
tool call, a tool's result. Ratios are bytes before / after `zstd -3` (the command), of records joined by line feeds:
`joined`: all in their order; `short`: those of at most SHORT bytes in their order; `alone`: a sample of the short ones,
each compressed for itself. `repeated`: share of bytes that are an exact repeat of a record of the same session.
"""
import gzip, io, json, random, subprocess, sys, tarfile
from collections import Counter, defaultdict
from pathlib import Path

SHORT = 4_096
SAMPLE = 400
PER_PIPELINE = 400


def text_of(content):
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(b.get("text") or b.get("content") or "" if isinstance(b, dict) else str(b) for b in content
                         if not isinstance(b, dict) or isinstance(b.get("text") or b.get("content") or "", str))
    return "" if content is None else json.dumps(content)


def chat(session, messages):
    for m in messages:
        role, text = m.get("role"), text_of(m.get("content"))
        if role == "assistant":
            if text:
                yield session, "model.call", text
            for call in m.get("tool_calls") or []:
                f = call.get("function")
                args = f.get("arguments") if isinstance(f, dict) else call.get("args")
                yield session, "tool.call", args if isinstance(args, str) else json.dumps(args)
        else:
            yield session, "tool.result" if role in ("tool", "function") else "message", text


def claude_code(folder):
    seen = set()
    for archive in sorted(folder.glob("*.tar.gz")):
        if archive.name.startswith("gemini"):
            continue
        with tarfile.open(archive) as tar:
            for member in tar:
                if not member.name.endswith("full.jsonl"):
                    continue
                for line in tar.extractfile(member):
                    try:
                        entry = json.loads(line)
                    except ValueError:
                        continue
                    key = entry.get("uuid")
                    if not key or key in seen or entry.get("type") not in ("user", "assistant"):
                        continue
                    seen.add(key)
                    yield from claude_line(archive.name, entry["message"])


def claude_line(session, message):
    content = message.get("content")
    if isinstance(content, str):
        yield session, "message", content
        return
    for b in content or []:
        if b.get("type") == "text":
            yield session, "model.call" if message.get("role") == "assistant" else "message", b["text"]
        elif b.get("type") == "thinking":
            yield session, "model.call", b["thinking"]
        elif b.get("type") == "tool_use":
            yield session, "tool.call", json.dumps(b["input"])
        elif b.get("type") == "tool_result":
            yield session, "tool.result", text_of(b.get("content"))


def agentdojo(folder):
    for archive in sorted((folder / "runs").glob("*.tar.gz")):
        with tarfile.open(archive) as tar:
            for n, member in enumerate(m for m in tar if m.isfile()):
                if n >= PER_PIPELINE:
                    break
                yield from chat(member.name, json.load(tar.extractfile(member)).get("messages") or [])


def tau_bench(folder):
    for path in sorted(folder.rglob("*.json.gz")):
        for run in json.load(gzip.open(path)):
            yield from chat(f"{path.name}/{run['task_id']}/{run['trial']}", run["traj"])


def zstd(data):
    return len(subprocess.run(["zstd", "-3", "-c", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout)


def ratio(records):
    data = b"\n".join(records)
    return round(len(data) / zstd(data), 2) if data else None


def quantiles(sizes):
    sizes = sorted(sizes)
    at = lambda q: sizes[min(len(sizes) - 1, int(q * len(sizes)))]
    return {"mean": round(sum(sizes) / len(sizes)), **{f"p{int(q * 100)}": at(q) for q in (.1, .25, .5, .75, .9, .95, .99)}}


def measure(records):
    kinds, sizes, by_session, repeated, total = Counter(), defaultdict(list), defaultdict(set), 0, 0
    data = []
    for session, kind, text in records:
        raw = text.encode("utf-8", "replace")
        kinds[kind] += 1
        sizes[kind].append(len(raw))
        total += len(raw)
        if raw in by_session[session]:
            repeated += len(raw)
        by_session[session].add(raw)
        data.append(raw)
    short = [d for d in data if 0 < len(d) <= SHORT]
    sample = random.Random(1).sample(short, min(SAMPLE, len(short)))
    return {
        "records": len(data), "sessions": len(by_session),
        "kinds": {k: round(n / len(data), 3) for k, n in kinds.most_common()},
        "bytes": {k: quantiles(v) for k, v in sizes.items()},
        "short_bytes_mean": round(sum(map(len, short)) / len(short)), "short_share": round(len(short) / len(data), 3),
        "zstd3": {"joined": ratio(data), "short": ratio(short),
                  "alone": round(sum(map(len, sample)) / sum(map(zstd, sample)), 2)},
        "repeated": round(repeated / total, 3),
    }


def main():
    data = Path(sys.argv[1])
    sets = {"claude-code-sessions": claude_code, "agentdojo": agentdojo, "tau-bench": tau_bench}
    print(json.dumps({name: measure(read(data / name)) for name, read in sets.items()}, indent=1))


main()
