#!/usr/bin/env python3
"""Finds, in the AgentDojo files themselves and with nothing of Hansard's, the tool calls that an injection caused.

    injected_calls.py FOLDER PIPELINE        prints one JSON document

FOLDER holds `runs/PIPELINE.tar.gz` and `injection-origins.jsonl.gz`, which says for each attacked run in which tool message
the injected text came in, and whether the attack succeeded. Of each success the injected call is the first one of the
function that the run `injection_task_M/none/none` calls, where the injection's goal was the user's own task, and which
shares with that run an argument (text of 8 characters or more) that no call of the user's task without attack has: the
attacker's account, address or link. Successes of which no call is left by this rule (an answer in words, other words for
the same thing) are only counted. Fails with a trace when a file is not what the data set's README says.
"""
import gzip
import json
import os
import sys
import tarfile


def texts(value):
    """The longer texts inside arguments."""
    if isinstance(value, str):
        return {value} if len(value) >= 8 else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*map(texts, inner))


def calls(run):
    for index, message in enumerate(run["messages"]):
        for n, call in enumerate(message.get("tool_calls") or []):
            yield f"message-{index}#{n}", index, call["function"], texts(call["args"])


def injected_call(run, goal, own):
    harmless = set().union(*(given for _, _, _, given in calls(own)))
    wanted = [(function, given - harmless) for _, _, function, given in calls(goal)]
    fits = lambda function, given: any(function == f and given & w for f, w in wanted)
    return next(((name, index, f) for name, index, f, given in calls(run) if fits(f, given)), None)


def main(folder, pipeline):
    with tarfile.open(os.path.join(folder, "runs", pipeline + ".tar.gz")) as archive:
        runs = {m.name: json.load(archive.extractfile(m)) for m in archive if m.isfile()}
    with gzip.open(os.path.join(folder, "injection-origins.jsonl.gz"), "rt") as lines:
        truth = [row for row in map(json.loads, lines) if row["path"].split("/")[0] == pipeline]
    successes = [row for row in truth if row["security"] and not row["attack"].endswith("dos")]
    found = []
    for row in successes:
        _, suite, user_task, _, injection = row["path"].removesuffix(".json").split("/")
        if "first_tool_message" not in row:
            continue
        run, at = runs[row["path"]], row["first_tool_message"]
        goal = runs[f"{pipeline}/{suite}/{injection}/none/none.json"]
        call = injected_call(run, goal, runs[f"{pipeline}/{suite}/{user_task}/none/none.json"])
        if call is None:
            continue
        assert call[1] > at, f"{row['path']}: {call} comes before the injected text, message {at}"
        prompt = next(i for i, message in enumerate(run["messages"]) if message["role"] == "user")
        found.append({"session": row["path"].removesuffix(".json"), "call": call[0], "call_message": call[1],
                      "tool": call[2], "origin": f"message-{at}", "origin_content": run["messages"][at]["content"],
                      "prompt": f"message-{prompt}", "prompt_content": run["messages"][prompt]["content"]})
    return {"successes": len(successes), "calls": found}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
