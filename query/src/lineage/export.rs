//! Traces for other tools: Mermaid, Graphviz DOT, W3C PROV-JSON, OpenLineage.
//!
//! Guarantee: every event and every link of the trace is there once, with how the link is known; a cause that the record
//! does not hold and a bound that was hit are there too, so that a graph cannot look complete when it is not. Nothing of
//! the record can break out of a label or a string.
//!
//! Mapping: PROV: event = `prov:Activity`, link = `prov:wasInformedBy`, agent = `prov:Agent`
//! (`prov:wasAssociatedWith`), sponsor = `prov:actedOnBehalfOf`. OpenLineage 2-0-2: event = run of the job `<agent>/<kind>`
//! with its causes as input datasets and itself as output dataset.

use crate::lineage::trace::{Trace, Visited};
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::str::FromStr;

/// Characters of a label.
const LABEL_CHARS: usize = 80;
/// What the documents name as their producer.
const PRODUCER: &str = concat!("urn:hansard:", env!("CARGO_PKG_VERSION"));
/// The schema of OpenLineage that the events follow.
const OPENLINEAGE_SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// How a trace is written for other tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Export {
    /// Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// W3C PROV-JSON.
    ProvJson,
    /// OpenLineage run events, one a line.
    OpenLineage,
}

impl FromStr for Export {
    type Err = crate::error::QueryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "mermaid" => Self::Mermaid,
            "dot" => Self::Dot,
            "prov-json" => Self::ProvJson,
            "openlineage" => Self::OpenLineage,
            other => {
                let detail = format!("expected mermaid, dot, prov-json or openlineage, found {other:?}");
                return Err(crate::error::QueryError::invalid("format", detail));
            }
        })
    }
}

impl Trace {
    /// The trace in another tool's form.
    #[must_use]
    pub fn export(&self, form: Export) -> String {
        match form {
            Export::Mermaid => self.mermaid(),
            Export::Dot => self.dot(),
            Export::ProvJson => format!("{:#}", self.prov_json()),
            Export::OpenLineage => self.openlineage().iter().fold(String::new(), |mut out, event| {
                let _ = writeln!(out, "{event}");
                out
            }),
        }
    }

    fn numbers(&self) -> HashMap<&str, usize> {
        self.nodes.iter().enumerate().map(|(n, node)| (node.event_id.as_str(), n)).collect()
    }

    fn mermaid(&self) -> String {
        let numbers = self.numbers();
        let mut out = "flowchart TD\n".to_owned();
        for (n, node) in self.nodes.iter().enumerate() {
            let _ = writeln!(out, "  n{n}[\"{}\"]", mermaid_text(&label(node)));
        }
        for link in &self.links {
            let (Some(from), Some(to)) = (numbers.get(link.from.as_str()), numbers.get(link.to.as_str())) else {
                continue;
            };
            let _ = writeln!(
                out,
                "  n{to} -->|\"{} ({})\"| n{from}",
                mermaid_text(&link.relation),
                mermaid_text(&link.basis)
            );
        }
        for (n, missing) in self.missing.iter().enumerate() {
            let _ = writeln!(out, "  m{n}[\"missing: {}\"]", mermaid_text(&missing.id));
            if let Some(by) = numbers.get(missing.named_by.as_str()) {
                let _ = writeln!(out, "  m{n} -.->|\"{}\"| n{by}", mermaid_text(&missing.relation));
            }
        }
        if let Some(cut) = &self.cut {
            let _ =
                writeln!(out, "  cut[\"not followed: {} events, bound {} {}\"]", cut.frontier, cut.bound, cut.limit);
        }
        out
    }

    fn dot(&self) -> String {
        let mut out = "digraph lineage {\n  rankdir=TB;\n  node [shape=box];\n".to_owned();
        for node in &self.nodes {
            let _ = writeln!(out, "  {} [label={}];", dot_text(&node.event_id), dot_text(&label(node)));
        }
        for missing in &self.missing {
            let _ = writeln!(
                out,
                "  {} [label={}, style=dashed];",
                dot_text(&missing.id),
                dot_text(&format!("missing: {}", missing.id))
            );
        }
        for link in &self.links {
            let text = format!("{} ({})", link.relation, link.basis);
            let _ = writeln!(out, "  {} -> {} [label={}];", dot_text(&link.to), dot_text(&link.from), dot_text(&text));
        }
        if let Some(cut) = &self.cut {
            let text = format!("not followed: {} events, bound {} {}", cut.frontier, cut.bound, cut.limit);
            let _ = writeln!(out, "  cut [label={}, shape=note];", dot_text(&text));
        }
        out.push_str("}\n");
        out
    }

    fn prov_json(&self) -> Value {
        let (mut activities, mut agents) = (Map::new(), Map::new());
        let (mut associated, mut informed, mut behalf) = (Map::new(), Map::new(), Map::new());
        for visited in &self.nodes {
            activities.insert(urn("event", &visited.event_id), activity(visited));
            let Some(node) = &visited.node else { continue };
            let Some(agent) = &node.agent else { continue };
            let agent_urn = urn("agent", agent);
            agents.insert(agent_urn.clone(), json!({"prov:type": "prov:SoftwareAgent"}));
            let key = format!("_:a{}", associated.len());
            associated.insert(key, json!({"prov:activity": urn("event", &visited.event_id), "prov:agent": agent_urn}));
            if let Some(sponsor) = &node.sponsor {
                let person = urn("person", sponsor);
                agents.insert(person.clone(), json!({"prov:type": "prov:Person"}));
                behalf.insert(
                    format!("_:b{agent}/{sponsor}"),
                    json!({"prov:delegate": agent_urn, "prov:responsible": person}),
                );
            }
        }
        for (n, link) in self.links.iter().enumerate() {
            let link = json!({"prov:informed": urn("event", &link.from), "prov:informant": urn("event", &link.to),
                "hansard:relation": link.relation, "hansard:basis": link.basis, "hansard:attested": link.attested});
            informed.insert(format!("_:i{n}"), link);
        }
        for missing in &self.missing {
            activities.entry(urn("event", &missing.id)).or_insert_with(|| json!({"hansard:missing": true}));
        }
        json!({"prefix": {"hansard": "urn:hansard:"}, "activity": activities, "agent": agents,
            "wasAssociatedWith": associated, "wasInformedBy": informed, "actedOnBehalfOf": behalf,
            "hansard:cut": self.cut, "hansard:coverage": self.coverage})
    }

    fn openlineage(&self) -> Vec<Value> {
        let mut causes: HashMap<&str, Vec<Value>> = HashMap::new();
        for link in &self.links {
            let facets = json!({"hansard_link": {"_producer": PRODUCER, "_schemaURL": "urn:hansard:schema:link:1",
                "relation": link.relation, "basis": link.basis}});
            causes.entry(&link.from).or_default().push(dataset(&link.to, Some(facets)));
        }
        self.nodes.iter().filter_map(|visited| run_event(visited, &causes)).collect()
    }
}

fn run_event(visited: &Visited, causes: &HashMap<&str, Vec<Value>>) -> Option<Value> {
    let node = visited.node.as_ref()?;
    let speaker = node.agent.as_deref().or(node.source.as_deref()).unwrap_or("unknown");
    Some(json!({
        "eventType": if node.error_type.is_some() { "FAIL" } else { "COMPLETE" },
        "eventTime": node.time.as_ref().or(node.committed_at.as_ref()),
        "producer": PRODUCER,
        "schemaURL": OPENLINEAGE_SCHEMA,
        "run": {"runId": run_id(&visited.event_id)},
        "job": {"namespace": "hansard", "name": format!("{speaker}/{}", node.kind)},
        "inputs": causes.get(visited.event_id.as_str()).cloned().unwrap_or_default(),
        "outputs": [dataset(&visited.event_id, None)],
    }))
}

/// OpenLineage wants a UUID: the event's own, else one made from it.
fn run_id(event_id: &str) -> String {
    match uuid::Uuid::parse_str(event_id) {
        Ok(id) => id.to_string(),
        Err(_) => {
            let mut bytes = [0u8; 16];
            bytes.copy_from_slice(&blake3::hash(event_id.as_bytes()).as_bytes()[..16]);
            uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
        }
    }
}

fn dataset(event_id: &str, facets: Option<Value>) -> Value {
    json!({"namespace": "hansard", "name": event_id, "facets": facets.unwrap_or_else(|| json!({}))})
}

fn activity(visited: &Visited) -> Value {
    let Some(node) = &visited.node else { return json!({"hansard:missing": true}) };
    let mut out = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value.into());
        }
    };
    put("prov:startTime", node.time.as_deref());
    put("prov:label", Some(&node.kind));
    put("hansard:session", node.session.as_deref());
    put("hansard:model", node.model.as_deref());
    put("hansard:tool", node.tool.as_deref());
    put("hansard:attested", node.attested.as_deref());
    put("hansard:principal", node.principal.as_deref());
    Value::Object(out)
}

fn urn(what: &str, name: &str) -> String {
    format!("hansard:{what}/{name}")
}

/// Kind, who or what, and when.
fn label(visited: &Visited) -> String {
    let Some(node) = &visited.node else { return format!("missing: {}", visited.event_id) };
    let who = node.tool.as_ref().or(node.model.as_ref()).or(node.agent.as_ref());
    let parts = [Some(&node.kind), who, node.subject.as_ref(), node.time.as_ref()];
    let text = parts.into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join(" ");
    text.chars().take(LABEL_CHARS).collect()
}

/// Mermaid reads character references in quoted labels; everything but plain characters becomes one.
fn mermaid_text(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " .,:_-/()+@".contains(c);
    text.chars().fold(String::new(), |mut out, c| {
        if plain(c) {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
        out
    })
}

fn dot_text(text: &str) -> String {
    let escape = |c: char| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] };
    let escaped: String = text.chars().filter(|c| !c.is_control()).flat_map(escape).collect();
    format!("\"{escaped}\"")
}
