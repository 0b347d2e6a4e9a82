#!/usr/bin/env python3
"""Dumps what the Python prototype of lineage finds in AgentDojo runs, to compare with query/src/flow.

usage: flow_reference.py PROTOTYPE RUNS COUNT > reference.jsonl

PROTOTYPE is the folder that holds the prototype (hflow.py, tracer.py); RUNS a folder of runs
`<pipeline>/<suite>/<task>/<attack>/<injection>.json`; COUNT how many runs, spread evenly. One line a run: the atoms of
every text, the windows of every tool result (strength, features, text), and the edges (act message, call, source).
The output is not kept in the project.
"""
import glob
import json
import os
import sys


def text_of(content):
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = [(p.get("content") or p.get("text") or "") if isinstance(p, dict) else str(p) for p in content]
    return "\n".join(parts)


def messages_of(run):
    out = []
    for message in run["messages"]:
        entry = {"role": message["role"], "content": text_of(message["content"])}
        if message["role"] == "assistant":
            calls = message.get("tool_calls") or []
            entry["tool_calls"] = [{"function": c["function"], "args": c["args"] or {}, "id": c.get("id")} for c in calls]
        if message["role"] == "tool":
            entry["tool"] = (message.get("tool_call") or {}).get("function")
            entry["id"] = message.get("tool_call_id")
        out.append(entry)
    return out


def edges_of(session, messages):
    edges, number = [], {}
    for index, call, _act, origin, _before in session(messages):
        place = number.get(index, 0)
        number[index] = place + 1
        if origin:
            edges.append([index, None if call is None else place, origin[0]])
    return edges


def main():
    prototype, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    sys.path.insert(0, prototype)
    import hflow
    import tracer

    paths = sorted(glob.glob(os.path.join(folder, "*", "*", "*", "*", "*.json")))
    step = max(1, len(paths) // count)
    for path in paths[::step]:
        with open(path, encoding="utf-8") as file:
            messages = messages_of(json.load(file))
        texts = []
        for message in messages:
            windows, _, _ = hflow.analyse(message["content"]) if message["role"] == "tool" else ((), (), ())
            texts.append(
                {
                    "atoms": sorted(hflow.atoms(hflow.norm(message["content"]))),
                    "tokens": len(hflow.tokens(hflow.norm(message["content"]))),
                    "windows": [[w.strength, w.feats, w.text] for w in windows],
                }
            )
        entry = {"path": os.path.relpath(path, folder), "texts": texts, "edges": edges_of(tracer.session, messages)}
        print(json.dumps(entry))


if __name__ == "__main__":
    main()
