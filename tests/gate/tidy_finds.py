#!/usr/bin/env python3
"""Shows that tidy.py finds what it is there to find: one planted breach of each rule in a small tree, and nothing else.

Prints what was not found, or was found where nothing was planted, and exits 1 then.
"""

import importlib.util
import pathlib
import sys

spec = importlib.util.spec_from_file_location("tidy", pathlib.Path(__file__).with_name("tidy.py"))
tidy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tidy)

LONG = "//! Long.\nfn long() {\n" + "    step();\n" * 80 + "}\n"
TREE = {
    "ARCHITECTURE.md": "short\n",
    "README.md": "r\n", "CHANGELOG.md": "c\n", "docs/format.md": "f\n", ".ci/run": "#!\n", "clippy.toml": "\n",
    "docs/adr/0001-half.md": "# 1\n## Context\n## Choice\n## Rejected\n",
    "notes.md": "TO" + "DO later, see /ro" + "ot/x and pypi" + ".org\n",
    "a/src/lib.rs": """//! Fine, and full of what must not confuse tidy.
mod b;
mod c;
mod d;
mod long;
mod many;
mod utils;
#[cfg(any(test, feature = "conformance"))]
pub mod suite;
#[cfg(test)]
mod tests;
/// ".unwrap()" in text, a brace in a char, a lifetime.
fn fine<'a>(x: &'a str) -> &'a str { let _ = ("panic!()", '{', '"', r#"todo!() }"#); x }
#[cfg(test)]
mod inner { fn t() { None::<u8>.unwrap(); panic!("a test may") } }
""",
    "a/src/b.rs": "fn no_opening() {}\n",
    "a/src/c.rs": "//! C.\nfn f() { g().unwrap(); }\n",
    "a/src/d.rs": "//! D.\n#[allow(dead_code, reason = \"x\")]\nfn f() {}\n#[expect(dead_code)]\nfn g() {}\n",
    "a/src/suite.rs": "//! Suite: for tests only.\nmod part;\nfn f() { g().unwrap(); }\n",
    "a/src/suite/part.rs": "//! Part of the suite.\nfn f() { g().unwrap(); }\n",
    "a/src/tests.rs": "//! Tests.\n#[test]\n#[ignore]\nfn f() { g().unwrap(); }\n",
    "a/src/long.rs": LONG,
    "a/src/many.rs": "//! Many.\n" + "fn f() {}\n" * 700,
    "a/src/utils.rs": "//! Utils.\n",
    "a/src/bin/tool.rs": "//! A program that cargo finds.\nfn main() {}\n",
    "a/tests/it/main.rs": "//! Tests.\nmod kept;\n",
    "a/tests/it/kept.rs": "//! Kept.\n#[test]\n#[should_panic]\nfn f() {}\n",
    "a/tests/it/lost.rs": "//! Lost.\n",
    "cli/src/lib.rs": "//! Cli.\nmod real_env;\nfn f() { jiff::Timestamp::now(); std::env::var(\"A\"); }\n",
    "cli/src/real_env.rs": "//! The clock.\nfn f() { jiff::Timestamp::now(); }\n",
}
PLANTED = {
    ("opening", "a/src/b.rs"), ("length", "a/src/many.rs"), ("function_length", "a/src/long.rs"), ("panics", "a/src/c.rs"),
    ("allowances", "a/src/d.rs"), ("tests_run", "a/src/tests.rs"), ("tests_run", "a/tests/it/kept.rs"),
    ("modules", "a/src/utils.rs"), ("modules", "a/tests/it/lost.rs"), ("hidden_inputs", "cli/src/lib.rs"),
    ("words", "notes.md"), ("documents", "deny.toml"), ("documents", "docs/adr/0001-half.md"),
}
TWICE = {("allowances", "a/src/d.rs"): 2, ("hidden_inputs", "cli/src/lib.rs"): 2, ("words", "notes.md"): 3}


def main():
    rust = [tidy.Source(name, TREE) for name in TREE if name.endswith(".rs")]
    found = [(rule.__name__, name) for rule in tidy.RULES for name, _, _ in rule(TREE, rust)]
    missed = [f"not found: {rule} in {name}" for rule, name in sorted(PLANTED) if found.count((rule, name)) != TWICE.get((rule, name), 1)]
    strange = [f"found where nothing was planted: {rule} in {name}" for rule, name in sorted(set(found) - PLANTED)]
    untried = [f"no breach is planted for the rule {rule.__name__}" for rule in tidy.RULES if rule.__name__ not in {r for r, _ in PLANTED}]
    print("\n".join(missed + strange + untried) or f"tidy finds all {len(found)} planted breaches and nothing else")
    return 1 if missed or strange or untried else 0


if __name__ == "__main__":
    sys.exit(main())
