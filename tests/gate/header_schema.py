#!/usr/bin/env python3
"""Checks schemas/header.schema.json with a validator that is not ours (PyPI's jsonschema).

    "$(tests/oracles/python/setup.sh)" tests/gate/header_schema.py HANSARD

The schema is itself a valid one (2020-12); it gives the verdicts of tests/gate/headers.json; and it accepts every header
of a demo record made with the program HANSARD. What it needs is installed once into the parts cache from
tests/gate/requirements.txt. Prints what is wrong, and exits 1 then; 2 when it could not be tried.
"""

import copy
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def validator():
    parts = pathlib.Path(os.environ.get("HANSARD_PARTS") or ROOT / ".cache" / "parts")
    wanted, place = (HERE / "requirements.txt").read_text(), parts / "header-schema"
    made_of = place / "made-of"
    if not made_of.is_file() or made_of.read_text() != wanted:
        parts.mkdir(parents=True, exist_ok=True)
        new = tempfile.mkdtemp(prefix="header-schema.", dir=parts)
        run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
             "--target", new, "-r", str(HERE / "requirements.txt")], "check that pip reaches its package index")
        (pathlib.Path(new) / "made-of").write_text(wanted)
        shutil.rmtree(place, ignore_errors=True)
        os.replace(new, place)
    sys.path.insert(0, str(place))
    import jsonschema

    schema = json.loads((ROOT / "schemas" / "header.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def run(command, hint):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{' '.join(command)}\n{done.stdout}{done.stderr}exit code {done.returncode}; {hint}", file=sys.stderr)
        sys.exit(2)
    return done.stdout


def holder(header, path):
    *above, last = path.split(".", 1) if path.startswith("data.") else (path,)
    return (header[above[0]] if above else header), last


def variation(good, case):
    if "replace" in case:
        return case["replace"]
    header = copy.deepcopy(good)
    changes = {**case.get("set", {}), **{path: "x" * count for path, count in case.get("repeat", {}).items()}}
    for path, value in changes.items():
        place, member = holder(header, path)
        place[member] = value
    for path in case.get("remove", []):
        place, member = holder(header, path)
        del place[member]
    return header


def examples(schema):
    book = json.loads((HERE / "headers.json").read_text())
    for case in book["cases"]:
        found = next(schema.iter_errors(variation(book["good"], case)), None)
        if (found is None) != case["valid"]:
            yield f"{case['name']}: must be {'valid' if case['valid'] else 'refused'}, and is not{': ' + found.message if found else ''}"


def recorded(schema, hansard):
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        run([hansard, "demo", "--data", data], "the demo must run before its headers can be read")
        lines = run([hansard, "sql", "--data", data, "--format", "ndjson", "select id, header from events"], "").splitlines()
    if len(lines) < 20:
        yield f"the demo recorded only {len(lines)} events"
    for line in lines:
        row = json.loads(line)
        header = row["header"]
        header = json.loads(bytes.fromhex(header) if not header.startswith("{") else header)
        for error in schema.iter_errors(header):
            yield f"event {row['id']}: {error.json_path}: {error.message}"
    print(f"{len(lines)} headers of a demo record read")


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    schema = validator()
    wrong = [*examples(schema), *recorded(schema, sys.argv[1])]
    print("\n".join(wrong) or "the schema agrees with all of them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
