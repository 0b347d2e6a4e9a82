//! Tests of the importer, from the bytes of files to drafts. The shared set is read where it lies; where it is missing
//! a test says `SKIPPED` loudly and passes (`HANSARD_SHARED_DATA` says where it is).

mod damage;
mod java;
mod openhands;
mod places;
mod records;

use crate::import::source::SourceFile;
use crate::import::{Control, Imported, Importer, Out, REJECT_KIND, format, run};
use schemas::draft::{Draft, Seal};
use serde_json::Value;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

fn shared() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("HANSARD_SHARED_DATA").map_or_else(beside, PathBuf::from).join("swe-agent");
    if !folder.is_dir() {
        eprintln!("SKIPPED: shared data not found: swe-agent (set HANSARD_SHARED_DATA to the folder that holds it)");
        return None;
    }
    Some(folder)
}

fn all(paths: &[PathBuf]) -> Vec<Imported> {
    let mut drafts = Vec::new();
    let mut sink = |imported: Imported| {
        drafts.push(imported);
        Ok(())
    };
    run(format("swe-agent").expect("the format"), paths, &Control::default(), &mut sink).expect("nobody stops it");
    drafts
}

fn from_memory(path: &str, bytes: &[u8]) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let mut sink = |imported: Imported| {
        drafts.push(imported.draft);
        Ok(())
    };
    let mut reader = bytes;
    let name = path.rsplit('/').next().expect("a name").to_owned();
    let mut file = SourceFile { name, path: path.to_owned(), reader: &mut reader };
    let mut out = Out::new(&mut sink);
    super::SweAgent.file(&mut file, &mut out).expect("nobody stops it");
    drafts
}

fn text<'d>(draft: &'d Draft, attribute: &str) -> Option<&'d str> {
    draft.attributes.get(attribute).and_then(Value::as_str)
}

fn integer(draft: &Draft, attribute: &str) -> i64 {
    draft.attributes.get(attribute).and_then(Value::as_i64).unwrap_or(0)
}

fn number(draft: &Draft, attribute: &str) -> f64 {
    draft.attributes.get(attribute).and_then(Value::as_f64).unwrap_or(0.0)
}

fn content<'d>(draft: &'d Draft, name: &str) -> Option<&'d [u8]> {
    draft.contents.iter().find(|c| c.name == name).map(|c| c.bytes.as_ref())
}

fn is_reject(draft: &Draft) -> bool {
    draft.kind == REJECT_KIND
}

fn named<'d>(drafts: impl Iterator<Item = &'d Draft>, evaluation: &str) -> Vec<&'d Draft> {
    drafts.filter(|draft| text(draft, "gen_ai.evaluation.name") == Some(evaluation)).collect()
}

/// Each draft fits the format, no id comes twice, and every cause but `missing` of them is an event that is there.
fn assert_whole(drafts: &[&Draft], missing: usize) {
    let ids: HashSet<&str> = drafts.iter().map(|draft| draft.id.as_str()).collect();
    assert_eq!(ids.len(), drafts.len(), "no id comes twice");
    for draft in drafts {
        let seals: Vec<_> = draft.contents.iter().map(|c| Seal::new([7; 32], &c.bytes)).collect();
        let sealed = draft.seal("import/test", "default", [1; 16], &seals);
        assert!(sealed.is_ok(), "a draft of kind {} does not fit the format: {:?}", draft.kind, sealed.err());
    }
    let causes = drafts.iter().flat_map(|draft| &draft.causes);
    assert_eq!(causes.filter(|cause| !ids.contains(cause.id.as_str())).count(), missing, "causes that are not there");
}
