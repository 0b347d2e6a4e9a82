#!/usr/bin/env python3
"""Counts what the data set `swe-agent` holds, from the files as they lie, with nothing of Hansard's.

    swe_totals.py FOLDER [DUMP]      prints one JSON document: by run of `multi-swe-java`, `demos`, `openhands`

It first holds itself to the set's `expected.json`. With DUMP (NDJSON, one event a line with kind, session, agent_version,
task, model, tool, tool_call_id, input_tokens, output_tokens, error_type, evaluation_name, evaluation_score,
evaluation_label and header, as `select ... from events` gives it) it counts the same there and fails where the two part.
Standard library only; fails with a trace when a file is not what the set's README says.
"""
import collections
import glob
import gzip
import json
import math
import os
import sys
import tarfile

TRAJECTORY = ("runs", "steps", "tool_calls", "results", "stopped_by_harness", "tokens_in", "tokens_out", "cost", "submitted")


def mcnemar(only_a, only_b):
    n, k = only_a + only_b, min(only_a, only_b)
    return min(1.0, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2 ** n)


def stops(action):
    """A word with which the harness, not the model, ended the run."""
    word = action.strip()
    return word.startswith("exit_") and " " not in word and "\n" not in word and word != "exit_forfeit"


def trajectories(archive):
    count, exits, steps = collections.Counter(dict.fromkeys(TRAJECTORY, 0)), collections.Counter(), {}
    with tarfile.open(archive) as files:
        for member in files:
            if not member.name.endswith(".traj"):
                continue
            run = json.load(files.extractfile(member))
            count["runs"] += 1
            taken = run.get("trajectory") or []
            instance = os.path.basename(member.name)[:-5]
            steps[instance] = len(taken)
            if not taken:  # a demonstration that has the messages alone
                answers = [m for m in run["history"] if m["role"] == "assistant"]
                count["steps"] += len(answers)
                count["tool_calls"] += sum(len(m.get("tool_calls") or []) or bool(m.get("action", "").strip()) for m in answers)
                count["results"] += sum(m["role"] == "tool" for m in run["history"])
            for step in taken:
                count["steps"] += 1
                acts = bool(step["action"].strip()) and not stops(step["action"])
                count["tool_calls"] += acts
                count["results"] += acts and step.get("observation") is not None
                count["stopped_by_harness"] += stops(step["action"])
            info = run.get("info") or {}
            stats = info.get("model_stats") or {}
            count["tokens_in"] += stats.get("tokens_sent", 0)
            count["tokens_out"] += stats.get("tokens_received", 0)
            count["cost"] += stats.get("instance_cost", 0)
            count["submitted"] += bool(info.get("submission"))
            if info:
                exits[info.get("exit_status") or "none"] += 1
    return {**count, "cost": round(count["cost"], 4), "exits": dict(sorted(exits.items()))}, steps


def java(folder):
    runs, steps = {}, {}
    for archive in sorted(glob.glob(os.path.join(folder, "multi-swe-java", "*.trajs.tar.gz"))):
        name = os.path.basename(archive)[: -len(".trajs.tar.gz")]
        runs[name], steps[name] = trajectories(archive)
        with open(archive.replace(".trajs.tar.gz", ".results.json")) as file:
            results = json.load(file)
        lists = {k: v for k, v in results.items() if isinstance(v, list) and k not in ("unstopped_containers", "unremoved_images")}
        runs[name]["instances"] = len(set().union(*lists.values()))
        runs[name]["resolved"] = sorted(results["resolved"])
        runs[name]["labels"] = {label: len(results[key]) for label, key in (
            ("empty_patch", "empty_patch_ids"), ("error", "error_ids"), ("incomplete", "incomplete_ids"),
            ("resolved", "resolved"), ("unresolved", "unresolved_ids")) if results[key]}
    return runs, steps


def check_expected(folder, runs, steps):
    with open(os.path.join(folder, "expected.json")) as file:
        expected = json.load(file)
    paired = expected.pop("paired")
    for name, want in expected.items():
        found = runs[name]
        assert found["runs"] == want["trajectories"] and found["steps"] == want["trajectory_steps"], name
        assert abs(found["cost"] - want["instance_cost_sum"]) < 1e-4, name
        assert found["resolved"] == want["resolved_ids"] and found["instances"] == want["results"]["total_instances"], name
        assert steps[name] == want["steps_per_instance"], name
        assert found["exits"] == {("none" if k == "None" else k): n for k, n in want["exit_status"].items()}, name
    a, b = (set(runs[paired[arm]]["resolved"]) for arm in "ab")
    assert (len(a & b), len(a - b), len(b - a)) == (paired["both"], paired["only_a"], paired["only_b"])
    assert abs(mcnemar(len(a - b), len(b - a)) - paired["mcnemar_exact_p"]) < 1e-9
    return {"both": len(a & b), "only_a": len(a - b), "only_b": len(b - a), "p": mcnemar(len(a - b), len(b - a))}


def openhands(folder):
    runs = {}
    for path in sorted(glob.glob(os.path.join(folder, "openhands", "*.jsonl.gz"))):
        with gzip.open(path) as lines:
            for line in map(json.loads, lines):
                history, metrics = line["history"], line["metrics"]
                called = [e for e in history if e.get("tool_call_metadata")]
                responses = {e["tool_call_metadata"]["model_response"]["id"] for e in called}
                responses |= {r["response_id"] for r in metrics["response_latencies"] + metrics["token_usages"]}
                runs[line["instance_id"]] = {
                    "entries": len(history), "model_calls": len(responses),
                    "tool_calls": sum("action" in e for e in called), "results": sum("observation" in e for e in called),
                    "tool_errors": sum(e.get("success") is False or e.get("observation") == "error" for e in history),
                    "tokens_in": metrics["accumulated_token_usage"]["prompt_tokens"],
                    "tokens_out": metrics["accumulated_token_usage"]["completion_tokens"],
                    "cost": metrics["accumulated_cost"], "submitted": int(bool(line["test_result"]["git_patch"].strip())),
                    "run_error": line["error"] is not None,
                }
    return runs


def of_dump(events, run=None):
    own = [e for e in events if run is None or e["agent_version"] == run]
    kinds = collections.Counter(e["kind"] for e in own)
    total = lambda column: sum(e[column] or 0 for e in own)
    attribute = lambda e, name: json.loads(e["header"])["data"]["attributes"].get(name)
    submitted = [e for e in own if e["evaluation_name"] == "submitted"]
    resolved = [e for e in own if e["evaluation_name"] == "resolved"]
    found = {
        "runs": kinds["session.start"], "steps": kinds["model.call"], "tool_calls": kinds["tool.call"],
        "results": kinds["tool.result"], "tokens_in": total("input_tokens"), "tokens_out": total("output_tokens"),
        "stopped_by_harness": sum(e["kind"] == "model.call" and bool(e["error_type"]) for e in own),
        "cost": round(sum(attribute(e, "swe_agent.cost.usd") or 0 for e in own), 4),
        "submitted": sum(e["evaluation_score"] == 1 for e in submitted),
        "exits": dict(sorted(collections.Counter(e["evaluation_label"] for e in submitted).items())),
    }
    if resolved:
        found["instances"] = len({e["task"] for e in resolved})
        found["resolved"] = sorted(e["task"] for e in resolved if e["evaluation_score"] == 1)
        found["labels"] = dict(sorted(collections.Counter(e["evaluation_label"] for e in resolved).items()))
    return found


def openhands_of_dump(events):
    runs = {}
    for task in sorted({e["task"] for e in events if e["agent"] == "openhands"}):
        own = [e for e in events if e["task"] == task and e["agent"] == "openhands"]
        found = of_dump(own)
        native = lambda e: (e["native_id"] or "").split("-")[0]
        runs[task] = {
            "entries": sum(native(e) in ("event", "entry") for e in own), "model_calls": found["steps"],
            "tool_calls": found["tool_calls"], "results": found["results"],
            "tool_errors": sum(e["error_type"] == "tool_error" for e in own),
            "tokens_in": found["tokens_in"], "tokens_out": found["tokens_out"], "cost": found["cost"],
            "submitted": found["submitted"],
            "run_error": any(e["kind"] == "session.end" and e["error_type"] is not None for e in own),
        }
    return runs


def main(folder, dump=None):
    runs, steps = java(folder)
    pairs = check_expected(folder, runs, steps)
    demos, _ = trajectories(os.path.join(folder, "swe-agent-demos.tar.gz"))
    counted = {"runs": runs, "demos": demos, "openhands": openhands(folder), "paired": pairs}
    if dump:
        with open(dump) as file:
            events = [json.loads(line) for line in file]
        assert not any(e["kind"] == "import.reject" for e in events), "nothing of the set is a reject"
        for name, want in runs.items():
            assert of_dump(events, name) == want, (name, of_dump(events, name), want)
        rest = [e for e in events if e["agent"] == "swe-agent" and e["agent_version"] not in runs]
        assert of_dump(rest) == demos, (of_dump(rest), demos)
        assert openhands_of_dump(events) == counted["openhands"], openhands_of_dump(events)
        counted["dump_agrees"] = True
    return counted


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
