#!/usr/bin/env python3
"""Lists, from the AgentDojo files themselves and with nothing of Hansard's, tool calls that no injection can have caused.

    uninjected_calls.py FOLDER PIPELINE      prints one JSON document: why -> session -> places of its calls

FOLDER holds `runs/PIPELINE.tar.gz` and `injection-origins.jsonl.gz`. A call is listed because its run was not attacked and
had the user's own task ("not attacked"), because the injected text never came into the run ("never came in"), or because
the call was made before the text came in ("came in later"). Of these, lineage must find no origin.
"""
import gzip
import json
import os
import sys
import tarfile

from injected_calls import calls


def main(folder, pipeline):
    with gzip.open(os.path.join(folder, "injection-origins.jsonl.gz"), "rt") as lines:
        came_in = {row["path"]: row.get("first_tool_message") for row in map(json.loads, lines)}
    listed = {"not attacked": {}, "never came in": {}, "came in later": {}}
    with tarfile.open(os.path.join(folder, "runs", pipeline + ".tar.gz")) as archive:
        for member in archive:
            if not member.isfile():
                continue
            places = [(place, index) for place, index, _, _ in calls(json.load(archive.extractfile(member)))]
            session, at = member.name.removesuffix(".json"), came_in.get(member.name)
            why = "never came in" if at is None else "came in later"
            if member.name not in came_in:
                assert session.endswith("/none/none"), f"{session} was attacked, but injection-origins does not know it"
                if "/user_task_" not in session:
                    continue
                why = "not attacked"
            kept = [place for place, index in places if at is None or index < at]
            if kept:
                listed[why][session] = kept
    return listed


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
