#!/usr/bin/env python3
"""Plays recorded runs again with the official Anthropic SDK, unmodified, against `replay serve`.

    replay_anthropic.py URL TRANSCRIPT whole|stream [INDEX]     prints one JSON document

TRANSCRIPT is a session of Claude Code (`*.jsonl`) or a JSON array of chat messages. From a session the script makes
the request of every answer by itself: lines from `parentUuid` to `parentUuid`, the blocks of one `message.id` together, and all
results of its calls behind it. With INDEX, the user's words in the request of that answer (from 0) and of those that
go on from it are others. Printed: how many answers came, and how many had the recorded blocks, id, model, usage and stop
reason (the latter where it was recorded), and the typed error of the first that the server did not answer.
"""
import json
import sys

import anthropic

EDIT = " (said with other words)"


def session(path):
    """(messages, recorded answer) of every answer of a session."""
    with open(path, encoding="utf-8") as file:
        parsed = []
        for line in file:
            try:
                parsed.append(json.loads(line))
            except ValueError:
                continue
    by_uuid = {line["uuid"]: line for line in parsed if line.get("uuid")}
    groups, results = {}, {}
    for position, line in enumerate(parsed):
        message = line.get("message") or {}
        if line["type"] == "assistant":
            groups.setdefault(message.get("id") or line["uuid"], []).append(line)
        elif line["type"] == "user" and isinstance(message.get("content"), list):
            for block in message["content"]:
                if block.get("type") == "tool_result":
                    results.setdefault(block["tool_use_id"], []).append((position, block))
    order = {id(line): position for position, line in enumerate(parsed)}
    for lines in groups.values():
        chain, at = [], by_uuid.get(lines[0].get("parentUuid"))
        while at is not None:
            chain.append(at)
            at = by_uuid.get(at.get("parentUuid"))
        here = order[id(lines[0])]
        yield conversation(chain[::-1], groups, results, order, here), answer(lines)


def answer(lines):
    last = max(lines, key=lambda line: line["message"].get("usage", {}).get("output_tokens", 0))
    stop = [line["message"].get("stop_reason") for line in lines if line["message"].get("stop_reason")]
    return {**last["message"], "content": [b for line in lines for b in blocks(line)], "stop": stop[-1:]}


def blocks(line):
    content = line["message"]["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def conversation(chain, groups, results, order, here):
    messages, seen = [], set()
    for line in chain:
        if line["type"] == "assistant":
            group = groups[line["message"].get("id") or line["uuid"]]
            if id(group) in seen:
                continue
            seen.add(id(group))
            said = [b for part in group for b in blocks(part)]
            messages.append({"role": "assistant", "content": said})
            ids = [b["id"] for b in said if b["type"] == "tool_use"]
            first = order[id(group[0])]
            found = [next((b for p, b in results.get(i, []) if first < p < here), None) for i in ids]
            if any(found):
                messages.append({"role": "user", "content": [b for b in found if b]})
        elif line["type"] == "user" and line.get("message"):
            other = [b for b in blocks(line) if b.get("type") != "tool_result"]
            if other:
                messages.append({"role": "user", "content": other})
    return messages


def chat(path):
    """The same of an array of chat messages, said in this API's form."""
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    run = run if isinstance(run, list) else run.get("messages") or run["traj"]
    text = lambda c: "".join(p.get("text") or p.get("content") or "" for p in c) if isinstance(c, list) else c or ""
    system, messages, calls = "", [], []
    for index, message in enumerate(run):
        words = message.get("error") or text(message.get("content"))
        if message["role"] == "system":
            system += words
        elif message["role"] == "user":
            messages.append({"role": "user", "content": words})
        elif message["role"] == "tool":
            used = calls.pop(0) if calls else "none"
            messages.append({"role": "user", "content": [{"type": "tool_result", "tool_use_id": used, "content": words}]})
        else:
            said = [{"type": "text", "text": words}] if words else []
            calls = []
            for n, given in enumerate(message.get("tool_calls") or []):
                f = given["function"]
                name, args = (f, given["args"]) if isinstance(f, str) else (f["name"], json.loads(f["arguments"] or "{}"))
                calls.append(f"call-{index}-{n}")
                said.append({"type": "tool_use", "id": calls[-1], "name": name, "input": args})
            yield list(messages), {"content": said, "chat": True, "system": system}
            messages.append({"role": "assistant", "content": said or [{"type": "text", "text": ""}]})


def ask(client, made, stream):
    if not stream:
        return client.messages.create(**made)
    with client.messages.stream(**made) as events:
        for _ in events:
            pass
        return events.get_final_message()


def shape(block):
    """What both APIs say of a block."""
    return {k: block[k] for k in ("type", "text", "name", "input") if block.get(k) is not None}


def equal(given, recorded):
    got = given.to_dict()
    if recorded.get("chat"):
        return [shape(b) for b in got["content"] if b != {"type": "text", "text": ""}] == \
            [shape(b) for b in recorded["content"]]
    return (got["content"] == recorded["content"] and got["id"] == recorded["id"]
            and got["model"] == recorded["model"] and got["usage"] == recorded["usage"]
            and recorded["stop"] in ([], [got["stop_reason"]]))


def edited(messages):
    for message in messages:
        if message["role"] == "user" and isinstance(message["content"], str):
            return [{**m, "content": m["content"] + EDIT} if m is message else m for m in messages]
        if message["role"] == "user" and message["content"][0].get("type") == "text":
            block = {**message["content"][0], "text": message["content"][0]["text"] + EDIT}
            return [{**m, "content": [block] + m["content"][1:]} if m is message else m for m in messages]
    return messages


def main(url, path, form, edit=None):
    client = anthropic.Anthropic(base_url=url, api_key="not-a-key", max_retries=0)
    report = {"answers": 0, "equal": 0, "asked": 0, "stopped": None, "unequal": []}
    for index, (messages, recorded) in enumerate(session(path) if path.endswith(".jsonl") else chat(path)):
        if edit is not None and index >= int(edit):
            messages = edited(messages)
        made = dict(model="some-model", max_tokens=1000, messages=messages)
        if recorded.get("system"):
            made["system"] = recorded["system"]
        report["asked"] += 1
        try:
            given = ask(client, made, form == "stream")
        except anthropic.APIStatusError as error:
            report["stopped"] = {"status": error.status_code, "index": index, **error.response.json()}
            break
        report["answers"] += 1
        if equal(given, recorded):
            report["equal"] += 1
        else:
            report["unequal"].append([index, given.to_dict(), {k: recorded.get(k) for k in ("content", "usage", "id")}])
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
