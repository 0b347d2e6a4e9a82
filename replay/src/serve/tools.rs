//! The tools of the recorded world: what they were, how they were called, what they answered.
//!
//! Guarantee: nothing is executed. A call is answered with what the same call was answered when it was recorded, the
//! first time with the first answer and so on, and after the last answer with the last one again, marked as such.

use super::change::Change;
use super::event::RecordedEvent;
use super::guard::{self, Guard, Refusal};
use super::json;
use super::record::{failed, result_content};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a tool answered.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolResult {
    /// Blocks as MCP writes them.
    pub content: Vec<Value>,
    /// Structured content, where one was recorded.
    pub structured: Option<Value>,
    /// Whether the tool failed.
    pub is_error: bool,
}

impl ToolResult {
    /// One text.
    #[must_use]
    pub fn text(text: &str, is_error: bool) -> Self {
        Self { content: vec![json!({"type": "text", "text": text})], structured: None, is_error }
    }

    /// All texts, one after the other.
    #[must_use]
    pub fn said(&self) -> String {
        let texts: Vec<&str> = self.content.iter().filter_map(|block| json::text(block, "text")).collect();
        texts.join("\n")
    }
}

/// A recorded call.
#[derive(Debug)]
pub struct RecordedCall {
    /// The tool.
    pub name: String,
    /// Arguments in canonical JSON.
    pub arguments: String,
    /// The call's id.
    pub id: String,
    /// The event of the call.
    pub event: String,
    /// The event of the result, where there is one.
    pub result_event: Option<String>,
    /// The result, where there is one.
    pub result: Option<ToolResult>,
    /// Why the result is not given out.
    pub refusal: Option<Refusal>,
    pub(super) served: AtomicUsize,
}

/// The tools of a run.
#[derive(Debug, Default)]
pub struct ToolWorld {
    pub(super) definitions: Vec<Value>,
    pub(super) calls: Vec<RecordedCall>,
    by_call: HashMap<(String, String), Vec<usize>>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl ToolWorld {
    /// The calls of `events`.
    pub(super) fn new(events: &[RecordedEvent], guard: &Guard) -> Self {
        let mut world = Self::default();
        let results = Results::new(events);
        for event in events.iter().filter(|event| event.kind == "tool.call") {
            let Some(name) = event.attribute("gen_ai.tool.name") else { continue };
            let arguments = event.content("arguments").map(|bytes| String::from_utf8_lossy(bytes).into_owned());
            let id = event.attribute("gen_ai.tool.call.id").unwrap_or_default();
            let result = results.of(event);
            world.add(guarded(
                guard,
                RecordedCall {
                    name: name.to_owned(),
                    arguments: json::canonical_text(&arguments.unwrap_or_default()),
                    id: id.to_owned(),
                    event: event.id.clone(),
                    result_event: result.map(|event| event.id.clone()),
                    result: result.and_then(|event| read(event, id)),
                    refusal: None,
                    served: AtomicUsize::new(0),
                },
            ));
        }
        world
    }

    /// Lists the tools; `sent` are definitions that requests carried.
    pub(super) fn define(&mut self, sent: &[Value]) {
        self.definitions = definitions(sent, &self.by_name, &self.calls);
    }

    /// Adds a call; a tool of an MCP server is known by its own name too.
    pub(super) fn add(&mut self, call: RecordedCall) {
        let index = self.calls.len();
        let short = call.name.starts_with("mcp__").then(|| call.name.rsplit("__").next()).flatten();
        for name in short.into_iter().chain([call.name.as_str()]) {
            self.by_call.entry((name.to_owned(), call.arguments.clone())).or_default().push(index);
        }
        self.by_name.entry(call.name.clone()).or_default().push(index);
        self.calls.push(call);
    }

    /// The next recorded call with these arguments, and whether all of them were given out before.
    pub(super) fn take(&self, name: &str, arguments: &str) -> Option<(usize, bool)> {
        let calls = self.by_call.get(&(name.to_owned(), arguments.to_owned()))?;
        let open = calls.iter().find(|call| {
            self.calls[**call].served.compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed).is_ok()
        });
        open.map(|call| (*call, false)).or_else(|| calls.last().map(|call| (*call, true)))
    }

    /// The recorded call of the same tool whose arguments differ least: the first not yet given out, else the last.
    pub(super) fn nearest(&self, name: &str) -> Option<&RecordedCall> {
        let calls = self.by_name.get(name)?;
        let open = calls.iter().find(|call| self.calls[**call].served.load(Ordering::Relaxed) == 0);
        open.or(calls.last()).map(|call| &self.calls[*call])
    }

    /// Changes an input in every result that holds it.
    pub(super) fn change(&mut self, change: &Change) {
        let results = self.calls.iter_mut().filter_map(|call| call.result.as_mut());
        for result in results {
            for block in &mut result.content {
                json::each_text(block, &|text| change.swap(text));
            }
            if let Some(structured) = &mut result.structured {
                json::each_text(structured, &|text| change.swap(text));
            }
        }
    }

    /// Recorded calls in order.
    #[must_use]
    pub fn calls(&self) -> &[RecordedCall] {
        &self.calls
    }

    /// Names of the tools that were called.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The call with the reason why its result may not be given out.
pub(super) fn guarded(guard: &Guard, mut call: RecordedCall) -> RecordedCall {
    let marked = call.result_event.as_deref().and_then(|event| guard.of(event)).or_else(|| guard.of(&call.event));
    let at = call.result_event.as_deref().unwrap_or(&call.event);
    let of_content = || {
        let result = call.result.as_ref()?;
        let text = result.content.iter().filter_map(|block| json::text(block, "text"));
        let structured = result.structured.as_ref().map(Value::to_string);
        text.map(str::to_owned).chain(structured).find_map(|text| guard::of_text(at, &text))
    };
    call.refusal = marked.cloned().or_else(|| guard::of_tool(at, &call.name)).or_else(of_content);
    call
}

/// Results by the call they answer.
struct Results<'a> {
    by_event: HashMap<&'a str, &'a RecordedEvent>,
    by_id: HashMap<&'a str, &'a RecordedEvent>,
}

impl<'a> Results<'a> {
    fn new(events: &'a [RecordedEvent]) -> Self {
        let mut results = Self { by_event: HashMap::new(), by_id: HashMap::new() };
        for event in events.iter().filter(|event| event.kind == "tool.result") {
            for cause in event.causes.iter().filter(|cause| cause.relation == "responds_to") {
                results.by_event.entry(&cause.id).or_insert(event);
            }
            if let Some(id) = event.attribute("gen_ai.tool.call.id") {
                results.by_id.entry(id).or_insert(event);
            }
        }
        results
    }

    fn of(&self, call: &RecordedEvent) -> Option<&'a RecordedEvent> {
        let id = call.attribute("gen_ai.tool.call.id").filter(|id| !id.is_empty());
        self.by_event.get(call.id.as_str()).or_else(|| self.by_id.get(id?)).copied()
    }
}

/// A recorded result in MCP's form.
fn read(event: &RecordedEvent, call: &str) -> Option<ToolResult> {
    let content = result_content(event, Some(call).filter(|id| !id.is_empty()))?;
    Some(from_content(&content, failed(event)))
}

/// A content in any API's form as MCP's blocks.
pub(super) fn from_content(content: &Value, is_error: bool) -> ToolResult {
    match content {
        Value::String(text) => ToolResult::text(text, is_error),
        Value::Array(blocks) => ToolResult { content: blocks.iter().map(block).collect(), structured: None, is_error },
        Value::Object(result) => {
            let blocks = result.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
            let said = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
            ToolResult {
                content: blocks,
                structured: result.get("structuredContent").cloned(),
                is_error: is_error || said,
            }
        }
        Value::Null => ToolResult::text("", is_error),
        other => ToolResult::text(&other.to_string(), is_error),
    }
}

fn block(block: &Value) -> Value {
    match json::text(block, "type") {
        Some("text" | "input_text" | "output_text") if block.get("annotations").is_none() => {
            let text = json::text(block, "text").or_else(|| json::text(block, "content")).unwrap_or_default();
            json!({"type": "text", "text": text})
        }
        Some("image") if block.pointer("/source/data").is_some() => {
            json!({"type": "image", "data": block["source"]["data"], "mimeType": block["source"]["media_type"]})
        }
        Some("image" | "audio" | "resource" | "resource_link" | "text") => block.clone(),
        _ => json!({"type": "text", "text": block.as_str().map_or_else(|| block.to_string(), str::to_owned)}),
    }
}

/// Definitions as MCP lists them: those that were sent, and for other tools one that allows what was seen.
fn definitions(sent: &[Value], called: &BTreeMap<String, Vec<usize>>, calls: &[RecordedCall]) -> Vec<Value> {
    let mut tools: BTreeMap<String, Value> = BTreeMap::new();
    for tool in sent {
        let own = tool.get("function").unwrap_or(tool);
        let Some(name) = json::text(own, "name") else { continue };
        let schema = ["inputSchema", "input_schema", "parameters"].iter().find_map(|member| own.get(*member));
        let mut listed =
            json!({"name": name, "inputSchema": schema.cloned().unwrap_or_else(|| json!({"type": "object"}))});
        if let Some(description) = own.get("description") {
            listed["description"] = description.clone();
        }
        tools.insert(name.to_owned(), listed);
    }
    for (name, indices) in called {
        tools.entry(name.clone()).or_insert_with(|| seen(name, indices, calls));
    }
    tools.into_values().collect()
}

fn seen(name: &str, indices: &[usize], calls: &[RecordedCall]) -> Value {
    let mut members = Map::new();
    for index in indices {
        let arguments = serde_json::from_str::<Value>(&calls[*index].arguments).ok();
        for member in arguments.as_ref().and_then(Value::as_object).into_iter().flat_map(|object| object.keys()) {
            members.insert(member.clone(), json!({}));
        }
    }
    json!({
        "name": name,
        "description": format!("Called {} times in the recorded run; its definition was not recorded.", indices.len()),
        "inputSchema": {"type": "object", "properties": members},
        "_meta": {"dev.hansard/definition": "derived from calls"},
    })
}
