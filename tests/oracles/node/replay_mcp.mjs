// Calls the recorded tools of a run again with the official MCP SDK for Node, unmodified, against `replay serve`.
//
//   node replay_mcp.mjs URL TRANSCRIPT         prints one JSON document
//
// TRANSCRIPT is a JSON array of chat messages, or an object that holds one. Every tool call of it is made in order, and
// its result compared with the recorded one; one further call that nobody recorded must end in the typed error. Fails with a
// trace when anything else happens.
import { readFileSync } from 'node:fs';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, path] = process.argv.slice(2);
const parsed = JSON.parse(readFileSync(path, 'utf8'));
const run = Array.isArray(parsed) ? parsed : parsed.messages ?? parsed.traj;
const text = (c) => (Array.isArray(c) ? c.map((p) => p.text ?? p.content ?? '').join('\n') : c ?? '');

const client = new Client({ name: 'replay-oracle', version: '1.0.0' });
const transport = new StreamableHTTPClientTransport(new URL(`${url}/mcp`));
await client.connect(transport);
const report = { version: transport.protocolVersion, tools: [], calls: 0, equal: 0, unequal: [], stopped: null };
report.tools = (await client.listTools()).tools.map((tool) => tool.name);
let given = [];
for (const message of run) {
  if (message.role === 'assistant') given = [...(message.tool_calls ?? [])];
  if (message.role !== 'tool' || given.length === 0) continue;
  const at = Math.max(0, given.findIndex((c) => message.tool_call_id && c.id === message.tool_call_id));
  const [one] = given.splice(at, 1);
  const f = one.function;
  const [name, args] = typeof f === 'string' ? [f, one.args] : [f.name, JSON.parse(f.arguments || '{}')];
  const result = await client.callTool({ name, arguments: args });
  report.calls += 1;
  const said = result.content.map((block) => block.text).join('\n');
  const recorded = message.error || text(message.content);
  if (said === recorded && Boolean(result.isError) === Boolean(message.error)) report.equal += 1;
  else report.unequal.push([name, args, said.slice(0, 200), recorded.slice(0, 200)]);
}
try {
  await client.callTool({ name: 'nobody_recorded_this', arguments: { x: 1 } });
} catch (error) {
  report.stopped = { code: error.code, message: error.message };
}
await client.close();
console.log(JSON.stringify(report));
