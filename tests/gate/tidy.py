#!/usr/bin/env python3
"""Checks the habits of this project that no compiler knows. Prints one line per breach and exits 1 when there is any.

    tests/gate/tidy.py [--list]      --list names the rules

It reads the files that git knows, and those that it would take, from the folder of the checkout; it changes nothing
and uses no network. There is no list of exceptions: a rule that is wrong is changed here, for everybody.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
ARCHITECTURE_LINES_MAX = 300

# Written in two halves, so that this file passes its own rules.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:" + "|".join(["wor" + "k/", "far" + "m/", "roo" + "t/"]) + ")")
REGISTRY_HOST = re.compile("|".join(re.escape(a + b) for a, b in [
    ("index.crates", ".io"), ("static.crates", ".io"), ("pypi", ".org"), ("files.python", "hosted.org"),
    ("proxy.golang", ".org"), ("sum.golang", ".org"), ("registry.npm", "js.org"), ("repo.maven", ".apache.org"),
    ("repo1.maven", ".org"), ("deb.debian", ".org")]))
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
VAGUE_MODULES = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
# The places of the binary that read the world outside; everything else is handed its values.
CLOCK_AND_CHANCE = re.compile(r"\b(?:SystemTime|Timestamp|Zoned)::now\(|\bgetrandom::|\bthread_rng\(|\bnow_v7\(|\bnew_v4\(")
CLOCK_AND_CHANCE_FILES = {"cli/src/real_env.rs"}
ENVIRONMENT = re.compile(r"\benv::(?:vars?|vars?_os)\b")
ENVIRONMENT_FILES = {"cli/src/main.rs", "cli/src/console.rs"}


# The beginning of a module that is compiled for tests only (or for the tests of other crates).
TEST_ONLY = r"#\[cfg\([^\]]*\btest\b[^\]]*\)\]\s*(?:pub(?:\([\w ]+\))?\s+)?mod\s+"


def is_test(name, texts):
    """Whether a file is of a test's folder or name, or its module is declared for tests only."""
    if re.search(r"(^|/)(tests?|benches|fuzz)(/|\.rs$)|_tests?\.rs$", name):
        return True
    module, parents = declared_in(name)
    return any(re.search(TEST_ONLY + module + ";", texts[p]) or is_test(p, texts) for p in parents if p in texts)


def blank(text):
    """The same text with comments, strings and characters blanked out, line by line as before."""
    token = re.compile(r'//[^\n]*|/\*.*?\*/|\br(#*)".*?"\1|\bbr(#*)".*?"\2|b?"(?:\\.|[^"\\])*"|b?\'(?:\\[^\n]+?|[^\\\'\n])\'', re.S)
    return token.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


def before_tests(text):
    """What stands before the first test module."""
    return re.split(TEST_ONLY + r"\w+\s*\{", text)[0]


def line_of(text, at):
    return text.count("\n", 0, at) + 1


def body_end(text, at):
    """Where the body that opens at or after `at` is closed again, or None for a declaration without one."""
    depth = 0
    while at < len(text) and (text[at] not in "{;" or depth):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        at += 1
    if at >= len(text) or text[at] == ";":
        return None
    for brace in re.finditer(r"[{}]", text[at:]):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return at + brace.end()
    return None


def functions(blanked):
    """(name, first line, lines) of every function with a body."""
    for found in re.finditer(r"\bfn\s+(\w+)", blanked):
        end = body_end(blanked, found.end())
        if end is not None:
            yield found.group(1), line_of(blanked, found.start()), blanked.count("\n", found.start(), end) + 1


class Source:
    """One Rust file: as it is, blanked out, and its part before the tests."""

    def __init__(self, name, texts):
        self.name, self.text = name, texts[name]
        self.live = before_tests(self.text)
        self.blanked = blank(self.live)
        self.test = is_test(name, texts)
        self.crate = name.split("/")[0]


def opening(files, rust):
    """Every Rust file opens with `//!`: what it is, what it guarantees, how it fails."""
    for source in rust:
        if not source.text.startswith("//!"):
            yield source.name, 1, "does not open with //!"


def length(files, rust):
    """At most 600 lines before the tests of a file, and in a file of tests; 300 in ARCHITECTURE.md."""
    for source in rust:
        lines = source.live.count("\n")
        if lines > FILE_LINES_MAX:
            yield source.name, FILE_LINES_MAX, f"{lines} lines before its tests, at most {FILE_LINES_MAX}: split it"
    lines = files.get("ARCHITECTURE.md", "").count("\n")
    if lines > ARCHITECTURE_LINES_MAX:
        yield "ARCHITECTURE.md", ARCHITECTURE_LINES_MAX, f"{lines} lines, at most {ARCHITECTURE_LINES_MAX}"


def function_length(files, rust):
    """At most 70 lines in a function outside tests."""
    for source in rust:
        for name, line, lines in functions(source.blanked) if not source.test else ():
            if lines > FUNCTION_LINES_MAX:
                yield source.name, line, f"fn {name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def panics(files, rust):
    """No unwrap(), panic!, todo!, unimplemented!, unreachable! outside tests; no `expect` without its invariant."""
    for source in rust:
        if source.test:
            continue
        for found in re.finditer(r"\.unwrap\(\)|\b(?:panic|todo|unimplemented|unreachable)!\s*[(\[{]", source.blanked):
            yield source.name, line_of(source.blanked, found.start()), f"{found.group().strip()} outside tests"
        for found in re.finditer(r'\.expect\(\s*""\s*\)', source.live):
            yield source.name, line_of(source.live, found.start()), "expect() says no invariant"


def allowances(files, rust):
    """A lint is relaxed by #[expect(lint, reason = "...")]; #[allow] only in tests, and with a reason too."""
    for source in rust:
        for found in re.finditer(r"#!?\[\s*(allow|expect)\s*\(", blank(source.text)):
            attribute = source.text[found.start() : found.start() + 400].split("]")[0]
            line = line_of(source.text, found.start())
            if "reason" not in attribute:
                yield source.name, line, f"{found.group(1)} without a reason"
            if found.group(1) == "allow" and not source.test and found.start() < len(source.live):
                yield source.name, line, "allow outside tests: say expect"


def tests_run(files, rust):
    """No test is ignored, and none passes by panicking (should_panic)."""
    for source in rust:
        for found in re.finditer(r"#\[(ignore|should_panic)\b", blank(source.text)):
            yield source.name, line_of(source.text, found.start()), f"#[{found.group(1)}]"
    for name, text in files.items():
        if name.endswith(".py"):
            for found in re.finditer(r"pytest\.mark\.skip|@unittest\.skip", text):
                yield name, line_of(text, found.start()), "skipped test"


def modules(files, rust):
    """Every Rust file is a module of something: what no `mod` names is compiled by nobody. No vague names."""
    names = {source.name for source in rust}
    text_of = {source.name: source.text for source in rust}
    for source in rust:
        path = pathlib.PurePosixPath(source.name)
        if path.stem in VAGUE_MODULES:
            yield source.name, 1, f"`{path.stem}` says nothing: name the module by its noun"
        module, parents = declared_in(source.name)
        there = [p for p in parents if p in names]
        declared = rf"\bmod\s+{re.escape(module)}\s*[;{{]|#\[path\s*=\s*\"(?:[^\"]*/)?{re.escape(path.name)}\"\]"
        if parents and not any(re.search(declared, text_of[p]) for p in there):
            yield source.name, 1, f"forgotten: no `mod {module};` in {' or '.join(there) or 'any file above it'}"


def declared_in(name):
    """The name of the module that a file is, and the files that may declare it; none for what cargo finds by itself."""
    path = pathlib.PurePosixPath(name)
    folder = path.parent
    if path.name in ("build.rs", "main.rs", "lib.rs") or folder.name in ("bin", "examples", "fuzz_targets"):
        return path.stem, []
    if folder.name in ("tests", "benches") and len(path.parts) == 3:
        return path.stem, []
    if path.name == "mod.rs":
        path, folder = folder, folder.parent
    return path.stem, [*(str(folder / f) for f in ("mod.rs", "lib.rs", "main.rs")), str(folder.parent / f"{folder.name}.rs")]


def hidden_inputs(files, rust):
    """In the binary, clock and randomness are read in one file and the environment in two. (Below it: Clippy.)"""
    for source in rust:
        if source.crate != "cli" or source.test:
            continue
        for pattern, allowed in ((CLOCK_AND_CHANCE, CLOCK_AND_CHANCE_FILES), (ENVIRONMENT, ENVIRONMENT_FILES)):
            for found in pattern.finditer(source.blanked) if source.name not in allowed else ():
                line = line_of(source.blanked, found.start())
                yield source.name, line, f"{found.group()} is read only in {', '.join(sorted(allowed))}"


def words(files, rust):
    """No paths of a machine, no hosts of package registries, no notes to finish something later."""
    for name, text in files.items():
        lock = name.endswith((".lock", "go.sum"))
        for pattern, what in ((MACHINE_PATH, "path of a machine"), (REGISTRY_HOST, "host of a registry"), (UNFINISHED, "unfinished")):
            for found in pattern.finditer(text) if not lock else ():
                yield name, line_of(text, found.start()), f"{what}: {found.group()}"


def documents(files, rust):
    """The documents that a stranger looks for are there, and every folder of the workspace says what it holds."""
    for name in ("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/format.md", ".ci/run", "deny.toml", "clippy.toml"):
        if name not in files:
            yield name, 1, "missing"
    records = sorted(n for n in files if re.fullmatch(r"docs/adr/\d{4}-[a-z0-9-]+\.md", n))
    for name in records:
        for heading in ("Context", "Choice", "Rejected", "Consequence"):
            if not re.search(rf"^## {heading}", files[name], re.M):
                yield name, 1, f"has no section `## {heading}`"


RULES = [opening, length, function_length, panics, allowances, tests_run, modules, hidden_inputs, words, documents]


def read_files():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True)
    files = {}
    for name in sorted(filter(None, listed.stdout.decode().split("\0"))):
        path = ROOT / name
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 2_000_000:
            try:
                files[name] = path.read_text()
            except UnicodeDecodeError:
                pass
    return files


def main():
    if "--list" in sys.argv:
        for rule in RULES:
            print(f"{rule.__name__}: {' '.join(rule.__doc__.split())}")
        return 0
    files = read_files()
    rust = [Source(name, files) for name in files if name.endswith(".rs")]
    breaches = [(name, line, rule.__name__, what) for rule in RULES for name, line, what in rule(files, rust)]
    for name, line, rule, what in breaches:
        print(f"{name}:{line}: {what} [{rule}]")
    print(f"tidy: {len(files)} files, {len(rust)} of Rust, {len(RULES)} rules, {len(breaches)} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
