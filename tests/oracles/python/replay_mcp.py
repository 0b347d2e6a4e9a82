#!/usr/bin/env python3
"""Calls the recorded tools of a run again with the official MCP SDK, unmodified, against `replay serve`.

    replay_mcp.py URL TRANSCRIPT legacy|2026-07-28|auto         prints one JSON document
    replay_mcp.py "COMMAND ..." TRANSCRIPT stdio                the server is a command that speaks on its standard output

TRANSCRIPT is a JSON array of chat messages, or an object that holds one. Every tool call of it is made in order, and its
result compared with the recorded one. Printed: revision spoken, tools listed, calls made, results equal. One further
call is made that nobody recorded, and must end in the typed error. Fails with a trace when anything else happens.
"""
import json
import shlex
import sys

import anyio
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client


def calls(path):
    """(tool, arguments, recorded text, whether it failed) in order."""
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    run = run if isinstance(run, list) else run.get("messages") or run["traj"]
    text = lambda c: "\n".join(p.get("text") or p.get("content") or "" for p in c) if isinstance(c, list) else c or ""
    given = []
    for message in run:
        if message["role"] == "assistant":
            given = list(message.get("tool_calls") or [])
        elif message["role"] == "tool" and given:
            wanted = message.get("tool_call_id")
            one = next((c for c in given if wanted and c.get("id") == wanted), given[0])
            given.remove(one)
            f = one["function"]
            name, args = (f, one["args"]) if isinstance(f, str) else (f["name"], json.loads(f["arguments"] or "{}"))
            yield name, args, message.get("error") or text(message.get("content")), bool(message.get("error"))


async def play(client, path, report):
    async with client as session:
        report["version"] = session.protocol_version
        report["tools"] = [tool.name for tool in (await session.list_tools()).tools]
        for name, arguments, recorded, failed in calls(path):
            result = await session.call_tool(name, arguments)
            report["calls"] += 1
            said = "\n".join(block.text for block in result.content)
            if said == recorded and bool(result.is_error) == failed:
                report["equal"] += 1
            else:
                report["unequal"].append([name, arguments, said[:200], recorded[:200]])
        try:
            await session.call_tool("nobody_recorded_this", {"x": 1})
        except MCPError as error:
            report["stopped"] = {"code": error.error.code, "message": error.error.message}


def main(target, path, mode):
    report = {"version": None, "tools": [], "calls": 0, "equal": 0, "unequal": [], "stopped": None}
    if mode == "stdio":
        command, *arguments = shlex.split(target)
        client = Client(stdio_client(StdioServerParameters(command=command, args=arguments)))
    else:
        client = Client(target + "/mcp", mode=mode)
    anyio.run(play, client, path, report)
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
