#!/usr/bin/env python3
"""Plays a recorded run of chat messages again with the official OpenAI SDK, unmodified, against `replay serve`.

    replay_openai.py URL TRANSCRIPT chat|responses whole|stream [INDEX]     prints one JSON document

TRANSCRIPT is a JSON array of messages (tau-bench's `traj`, AgentDojo's `messages`), or an object that holds one. The
script is the agent: it says what the users and the tools of the transcript say, and takes each answer of the assistant
from URL. With INDEX, the message of that index is said with other words. Printed: how many answers came, how many of
them had the recorded words, calls and ids, and the typed error with which the server stopped, if it did. Fails with a
trace when the server or the SDK does anything else.
"""
import json
import sys

import openai

EDIT = " (said with other words)"


def transcript(path):
    with open(path, encoding="utf-8") as file:
        run = json.load(file)
    return run if isinstance(run, list) else run.get("messages") or run["traj"]


def text(content):
    if isinstance(content, list):
        return "".join(part.get("text") or part.get("content") or "" for part in content)
    return content or ""


def call(given):
    function = given["function"]
    if isinstance(function, str):
        return given.get("id") or "", function, given["args"]
    return given.get("id") or "", function["name"], json.loads(function["arguments"] or "{}")


def ask_chat(client, messages, stream):
    """The answer as (words, calls, message to go on with)."""
    made = dict(model="some-model", messages=messages)
    if stream:
        with client.chat.completions.stream(**made) as events:
            for _ in events:
                pass
            message = events.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.create(**made).choices[0].message
    calls = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in message.tool_calls or []]
    again = {"role": "assistant", "content": message.content}
    if calls:
        again["tool_calls"] = [{"id": c.id, "type": "function", "function": {"name": c.function.name,
                                "arguments": c.function.arguments}} for c in message.tool_calls]
    return message.content or "", calls, [again]


def ask_responses(client, items, stream):
    made = dict(model="some-model", input=items)
    if stream:
        with client.responses.stream(**made) as events:
            for _ in events:
                pass
            response = events.get_final_response()
    else:
        response = client.responses.create(**made)
    assert response.status == "completed", response.status
    calls = [(i.call_id, i.name, json.loads(i.arguments)) for i in response.output if i.type == "function_call"]
    return response.output_text, calls, [item.to_dict() for item in response.output]


def said(message, calls, api):
    """A message of a user or a tool in the API's form; `calls` are those of the last answer that are still open."""
    words = message.get("error") or text(message.get("content"))
    if message["role"] != "tool":
        return {"role": message["role"], "content": words}
    wanted = message.get("tool_call_id")
    given = next((c for c in calls if c[0] == wanted), calls[0] if calls else None)
    if given:
        calls.remove(given)
    call_id = given[0] if given else wanted
    if api == "chat":
        return {"role": "tool", "tool_call_id": call_id, "content": words}
    return {"type": "function_call_output", "call_id": call_id, "output": words}


def main(url, path, api, form, edit=None):
    client = openai.OpenAI(base_url=url + "/v1", api_key="not-a-key", max_retries=0)
    ask = ask_chat if api == "chat" else ask_responses
    items, open_calls, report = [], [], {"answers": 0, "equal": 0, "stopped": None, "unequal": []}
    for index, message in enumerate(transcript(path)):
        if message["role"] != "assistant":
            item = said(message, open_calls, api)
            if edit is not None and index == int(edit):
                name = "content" if "content" in item else "output"
                item[name] += EDIT
            items.append(item)
            continue
        try:
            words, calls, again = ask(client, items, form == "stream")
        except openai.APIStatusError as error:
            report["stopped"] = {"status": error.status_code, "index": index, **error.response.json()}
            break
        report["answers"] += 1
        recorded = [call(given) for given in message.get("tool_calls") or []]
        same_ids = all(not r[0] or r[0] == c[0] for r, c in zip(recorded, calls))
        same_calls = [r[1:] for r in recorded] == [c[1:] for c in calls]
        if words == text(message.get("content")) and same_ids and same_calls:
            report["equal"] += 1
        else:
            report["unequal"].append(index)
        items += again
        open_calls = list(calls)
    print(json.dumps(report))


if __name__ == "__main__":
    main(*sys.argv[1:])
