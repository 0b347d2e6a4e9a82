#!/usr/bin/env python3
"""Checks what the workspace depends on, from `cargo metadata` and `cargo tree` alone: nothing is built.

    tests/gate/dependencies.py [direction] [versions] [policy] [one-build]      default: all four

direction  our crates import one way, schemas <- ingest <- store <- query, replay <- cli; query and replay do not import
           each other, schemas links nothing that does IO, and every dependency is declared in [workspace.dependencies]
versions   one version of each crate that deny.toml lists with `deny-multiple-versions`
policy     licences, sources and banned crates as deny.toml says (the part of cargo-deny that needs no network)
one-build  `cargo build -p hansard` and the tests ask for the same features of every dependency; otherwise cargo builds
           DataFusion twice, once for each

Prints one line per breach, with both sides named, and exits 1 when there is any; 2 when cargo does not answer.
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What each crate may import of ours. A crate that is not here fails, and so does an entry without a crate.
MAY_IMPORT = {
    "schemas": set(),
    "ingest": {"schemas"},
    "store": {"schemas", "ingest"},
    "query": {"schemas", "ingest", "store"},
    "replay": {"schemas", "ingest", "store"},
    "hansard": {"schemas", "ingest", "store", "query", "replay"},
    "tests": {"schemas", "ingest", "store", "query", "replay", "hansard"},
    "benches": {"schemas", "ingest", "store", "query", "replay", "hansard"},
}
# Whoever checks a record links `schemas` alone, and a check does no IO.
DOES_IO = {"tokio", "mio", "axum", "hyper", "reqwest", "object_store", "rusqlite", "rdkafka", "datafusion", "parquet"}


def cargo(*arguments):
    done = subprocess.run(["cargo", *arguments], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        print(f"cargo {' '.join(arguments)} failed:\n{done.stderr.strip()}", file=sys.stderr)
        sys.exit(2)
    return done.stdout


class Tree:
    """The resolved packages of the workspace."""

    def __init__(self):
        data = json.loads(cargo("metadata", "--format-version", "1", "--locked"))
        self.packages = {p["id"]: p for p in data["packages"]}
        self.members = {self.packages[i]["name"]: self.packages[i] for i in data["workspace_members"]}
        self.edges = {n["id"]: n["deps"] for n in data["resolve"]["nodes"]}

    def linked(self, root):
        """Ids of everything that ends up in a program that uses this package (no build tools, no dev-dependencies)."""
        seen, todo = set(), [root]
        while todo:
            package = todo.pop()
            for dep in self.edges[package]:
                if dep["pkg"] not in seen and any(k["kind"] is None for k in dep["dep_kinds"]):
                    seen.add(dep["pkg"])
                    todo.append(dep["pkg"])
        return seen


def direction(tree, deny):
    for name in sorted(tree.members.keys() ^ MAY_IMPORT.keys()):
        yield f"{name}: a workspace member and a row of MAY_IMPORT must go together (tests/gate/dependencies.py)"
    for name, package in sorted(tree.members.items()):
        for dep in package["dependencies"]:
            ours = dep["name"] in tree.members and dep["name"] != name
            if ours and dep["name"] not in MAY_IMPORT.get(name, ()):
                yield f"{name} imports {dep['name']}, which is above or beside it ({dep['kind'] or 'normal'} dependency)"
    for package in sorted(tree.linked(tree.members["schemas"]["id"])):
        if tree.packages[package]["name"] in DOES_IO:
            yield f"schemas links {tree.packages[package]['name']}, which does IO"
    yield from undeclared(tree)


def undeclared(tree):
    for name, package in sorted(tree.members.items()):
        manifest = tomllib.loads(pathlib.Path(package["manifest_path"]).read_text())
        for table in ("dependencies", "dev-dependencies", "build-dependencies"):
            for dep, spec in manifest.get(table, {}).items():
                own_tests = isinstance(spec, dict) and spec.get("path") == "." and dep == name
                if not own_tests and not (isinstance(spec, dict) and spec.get("workspace") is True):
                    yield f"{name}: {dep} in [{table}] does not come from [workspace.dependencies]"


def versions(tree, deny):
    found = collections.defaultdict(dict)
    for package in tree.packages.values():
        found[package["name"]][package["version"]] = package["id"]
    for entry in deny["bans"]["deny"]:
        if not entry.get("deny-multiple-versions"):
            continue
        name = entry["crate"]
        if name not in found:
            yield f"{name} is listed in deny.toml and not in the tree: remove the entry"
        elif len(found[name]) > 1:
            users = "; ".join(f"{v} by {', '.join(users_of(tree, i))}" for v, i in sorted(found[name].items()))
            yield f"{len(found[name])} versions of {name}: {users} ({entry['reason']})"


def users_of(tree, package):
    users = [f"{tree.packages[u]['name']} {tree.packages[u]['version']}" for u, deps in tree.edges.items() if any(d["pkg"] == package for d in deps)]
    return sorted(users)[:4]


def policy(tree, deny):
    allowed = set(deny["licenses"]["allow"])
    extra = {e["crate"]: set(e["allow"]) for e in deny["licenses"]["exceptions"]}
    names = {p["name"] for p in tree.packages.values()}
    for name in sorted(extra.keys() - names):
        yield f"{name} has a licence exception in deny.toml and is not in the tree: remove the entry"
    banned = {e["crate"]: e["reason"] for e in deny["bans"]["deny"] if not e.get("deny-multiple-versions")}
    for package in sorted(tree.packages.values(), key=lambda p: p["id"]):
        name, source = package["name"], package["source"]
        if source is None:
            continue
        if not source.startswith("registry+"):
            yield f"{name} {package['version']} comes from {source}: only the default registry is allowed"
        if name in banned:
            yield f"{name} is banned ({banned[name]}); used by {', '.join(users_of(tree, package['id']))}"
        if not licensed(package["license"] or "", allowed | extra.get(name, set())):
            yield f"{name} {package['version']} has licence {package['license'] or package['license_file']!r}, which deny.toml does not allow"


def licensed(expression, allowed):
    """Whether an SPDX expression holds with these licences. `/` is the old way to write OR; AND binds tighter."""
    tokens = re.findall(r"\(|\)|[\w.+-]+(?:\s+WITH\s+[\w.+-]+)?", expression.replace("/", " OR "))
    tokens += ["end", "end"]

    def either():
        holds = both()
        while tokens[0] == "OR":
            tokens.pop(0)
            holds = both() or holds
        return holds

    def both():
        holds = one()
        while tokens[0] == "AND":
            tokens.pop(0)
            holds = one() and holds
        return holds

    def one():
        if tokens[0] == "end":
            return False
        token = tokens.pop(0)
        if token == "(":
            holds = either()
            return tokens.pop(0) == ")" and holds
        return " ".join(token.split()) in allowed

    return either() and tokens[0] == "end"


def features(*selection):
    """Name and version -> the sets of features that are asked for, over all its places in the tree."""
    found = collections.defaultdict(set)
    for line in cargo("tree", "--locked", "--prefix", "none", "--format", "{p}|{f}", *selection).splitlines():
        package, _, wanted = line.removesuffix(" (*)").partition("|")
        found[package.split(" (")[0]].add(wanted.removesuffix(" (*)"))
    return found


def one_build(tree, deny):
    program = features("-p", "hansard", "-e", "normal,build")
    tests = features("--workspace", "-e", "normal,build,dev")
    for package in sorted(program):
        name = package.split(" ")[0]
        if name in tree.members or program[package] <= tests[package]:
            continue
        more = sorted(set(",".join(tests[package]).split(",")) - set(",".join(program[package]).split(",")))
        yield (f"{package} is built twice, because tests ask for its features {', '.join(more)} and the program does not: "
               f"name it with these features in [workspace.dependencies] and in cli/Cargo.toml (docs/adr/0002)")


CHECKS = {"direction": direction, "versions": versions, "policy": policy, "one-build": one_build}


def main():
    chosen = sys.argv[1:] or list(CHECKS)
    if unknown := set(chosen) - CHECKS.keys():
        print(__doc__)
        return f"unknown check: {', '.join(sorted(unknown))}"
    tree = Tree()
    deny = tomllib.loads((ROOT / "deny.toml").read_text())
    breaches = [f"{breach} [{name}]" for name in chosen for breach in CHECKS[name](tree, deny)]
    print("\n".join(breaches + [f"dependencies: {len(tree.packages)} packages, {', '.join(chosen)}: {len(breaches)} breaches"]))
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
