#!/usr/bin/env python3
"""Checks that what the documents tell a reader to type, open or follow exists.

    tests/gate/documents.py HANSARD      HANSARD: the program, asked for its help only

In every Markdown file: links to files lead somewhere, and so do the scripts that are named in blocks of commands. In
these blocks each `hansard COMMAND --flag` and `./dev VERB` is one that the program or the script knows. The README names
every command that the program has. Prints what is not true, with file and line, and exits 1 then.
"""

import functools
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```[^\n]*\n(.*?)^```", re.M | re.S)
INDENTED = re.compile(r"^(?:    .+\n)+", re.M)


def documents():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name: (ROOT / name).read_text() for name in listed.stdout.split("\n") if name and (ROOT / name).is_file()}


def commands(text):
    """(line, command) for every line of the blocks of a document; a line that ends in \\ goes on."""
    blocks = [(m.start(1), m.group(1)) for m in BLOCK.finditer(text)]
    outside = BLOCK.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    blocks += [(m.start(), m.group(0)) for m in INDENTED.finditer(outside)]
    for start, block in blocks:
        line = text.count("\n", 0, start) + 1
        joined = re.sub(r"\\\n", lambda m: " \x00", block)
        for command in joined.split("\n"):
            yield line, command.replace("\x00", "").strip().removeprefix("$ ")
            line += 1 + command.count("\x00")


def words(command):
    try:
        return shlex.split(command, comments=True)
    except ValueError:
        return command.split()


class Program:
    def __init__(self, path):
        self.path = path

    @functools.lru_cache(maxsize=None)
    def help(self, *command):
        done = subprocess.run([self.path, *command, "--help"], capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else None

    @functools.lru_cache(maxsize=None)
    def subcommands(self, *command):
        section = re.search(r"^Commands:\n((?:[ \t]+.*\n|\n)+)", self.help(*command) or "", re.M)
        found = re.findall(r"^  ([a-z][a-z-]*)\b", section.group(1), re.M) if section else []
        return [name for name in found if name != "help"]

    def unknown(self, arguments):
        """What of these words (after `hansard`) the program does not know."""
        command = []
        while arguments and arguments[0] in self.subcommands(*command):
            command.append(arguments.pop(0))
        if self.subcommands(*command) and arguments and not arguments[0].startswith(("-", "<", "[")):
            return f"no command `hansard {' '.join([*command, arguments[0]])}`"
        known = self.help(*command) or ""
        for word in arguments:
            flag = re.match(r"--[a-z][a-z-]*", word)
            if word in ("--", "|", "&&", ";", ">"):
                break
            if flag and not re.search(rf"(?<![\w-]){re.escape(flag.group())}(?![\w-])", known):
                return f"`hansard {' '.join(command)}` has no {flag.group()}"
        return None


def typed(name, text, program):
    """What the blocks of commands say."""
    verbs = re.findall(r"^  \./dev ([a-z]+)", subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True).stdout, re.M)
    for line, command in commands(text):
        for part in re.split(r"\s(?:\||&&|;)\s", command):
            found = words(re.sub(r"^(?:[A-Z_]+=\S+\s+)+", "", part))
            if not found:
                continue
            first = found[0]
            if pathlib.PurePosixPath(first).name == "hansard" and (wrong := program.unknown(found[1:])):
                yield name, line, wrong
            if first == "./dev" and (len(found) < 2 or found[1] not in verbs):
                yield name, line, f"./dev has no verb {found[1] if len(found) > 1 else ''}"
            for word in found:
                if re.match(r"^(?:\./)?(?:tests|docs|schemas|benches|\.ci)/[\w./-]+$", word) and not (ROOT / word).exists():
                    yield name, line, f"{word} is not there"


def links(name, text):
    for found in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", BLOCK.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)):
        target = found.group(1)
        if "://" not in target and not target.startswith("mailto:") and not (ROOT / name).parent.joinpath(target).exists():
            yield name, text.count("\n", 0, found.start()) + 1, f"link to {target} leads nowhere"


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    program, texts = Program(sys.argv[1]), documents()
    wrong = []
    for name, text in texts.items():
        wrong += [*links(name, text), *typed(name, text, program)]
    if not program.subcommands():
        wrong.append(("README.md", 1, f"{sys.argv[1]} --help names no commands"))
    for command in program.subcommands():
        if not re.search(rf"\bhansard {command}\b", texts.get("README.md", "")):
            wrong.append(("README.md", 1, f"does not name `hansard {command}`"))
    for name, line, what in wrong:
        print(f"{name}:{line}: {what}")
    print(f"{len(texts)} documents, {len(wrong)} untrue")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
