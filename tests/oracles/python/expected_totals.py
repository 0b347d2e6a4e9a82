#!/usr/bin/env python3
"""Counts what whole data sets hold, from the files as they lie, with nothing of Hansard's: the oracle of the import tests.

Usage: expected_totals.py claude-code|agentdojo|tau-bench FOLDER     prints one JSON document
It reads standard-library only, and fails with a trace when a file is not what the data set's README says.
"""
import glob
import gzip
import json
import os
import sys
import tarfile


def members(folder, suffix):
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.tar.gz"), recursive=True)):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(suffix):
                    yield path, member.name, archive.extractfile(member).read()


def claude_code(folder):
    uuids, uses, results, links, damaged, usage = set(), set(), set(), set(), 0, {}
    for _, _, data in members(folder, "full.jsonl"):
        try:
            whole = json.loads(data)
            if isinstance(whole, dict) and "messages" in whole:
                continue  # a Gemini CLI session, counted by another format
        except ValueError:
            pass
        for line in data.split(b"\n"):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except ValueError:
                damaged += 1
                continue
            if not isinstance(entry, dict):
                continue
            if entry.get("uuid"):
                uuids.add(entry["uuid"])
                if entry.get("parentUuid"):
                    links.add((entry["uuid"], entry["parentUuid"]))
            message = entry.get("message")
            if not isinstance(message, dict):
                continue
            content = message.get("content")
            if entry.get("type") in ("user", "assistant") and isinstance(content, list):
                for block in content:
                    if isinstance(block, dict) and block.get("type") == "tool_use":
                        uses.add(block["id"])
                    if isinstance(block, dict) and block.get("type") == "tool_result":
                        results.add(block["tool_use_id"])
            counts = message.get("usage")
            if entry.get("type") == "assistant" and isinstance(counts, dict) and message.get("id"):
                best = usage.get(message["id"])
                if best is None or counts.get("output_tokens", 0) > best.get("output_tokens", 0):
                    usage[message["id"]] = counts
    total = lambda key: sum(u.get(key) or 0 for u in usage.values())
    return {
        "uuids": len(uuids), "tool_uses": len(uses), "tool_results": len(results), "parent_links": len(links),
        "damaged_lines": damaged, "responses": len(usage),
        "input_tokens": total("input_tokens") + total("cache_read_input_tokens") + total("cache_creation_input_tokens"),
        "output_tokens": total("output_tokens"), "cached_tokens": total("cache_read_input_tokens"),
    }


def agentdojo(folder):
    runs = messages = calls = tool_messages = utility = security = 0
    for _, _, data in members(folder, ".json"):
        run = json.loads(data)
        runs += 1
        utility += run.get("utility") is True
        security += run.get("security") is True
        for message in run["messages"]:
            messages += 1
            calls += len(message.get("tool_calls") or [])
            tool_messages += message["role"] == "tool"
    return {"runs": runs, "messages": messages, "tool_calls": calls, "tool_results": tool_messages,
            "utility_true": utility, "security_true": security}


def tau_bench(folder):
    runs = messages = calls = rewarded = 0
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.json*"), recursive=True)):
        if os.path.basename(path) == "expected.json":
            continue
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path) as file:
            for run in json.load(file):
                runs += 1
                rewarded += run["reward"] == 1.0
                for message in run["traj"]:
                    messages += 1
                    calls += len(message.get("tool_calls") or [])
    return {"runs": runs, "messages": messages, "tool_calls": calls, "reward_1": rewarded}


if __name__ == "__main__":
    count = {"claude-code": claude_code, "agentdojo": agentdojo, "tau-bench": tau_bench}[sys.argv[1]]
    print(json.dumps(count(sys.argv[2])))
