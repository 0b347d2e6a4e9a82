//! Shared data read in place, and helpers to count what an import hands out.
//!
//! Where the data is missing a test says `SKIPPED` loudly and passes; `HANSARD_SHARED_DATA` says where it lies. Nothing
//! of the transcripts' text is printed: they hold people's names.

use ingest::import::source::SourceFile;
use ingest::import::{Control, Imported, Out, REJECT_KIND, Totals, format, run};
use schemas::draft::Draft;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A folder of the shared data, or `None` (said loudly) when it is not on this machine.
pub(crate) fn shared(set: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("HANSARD_SHARED_DATA").map_or_else(beside, PathBuf::from);
    let folder = root.join(set);
    if !folder.is_dir() {
        eprintln!("SKIPPED: shared data not found: {set} (set HANSARD_SHARED_DATA to the folder that holds it)");
        return None;
    }
    Some(folder)
}

/// The data set's ground truth.
pub(crate) fn expected(folder: &Path) -> Value {
    let text = std::fs::read(folder.join("expected.json")).expect("expected.json is readable");
    serde_json::from_slice(&text).expect("expected.json is JSON")
}

/// Imports paths and hands each draft to `each`.
pub(crate) fn each(format_name: &str, paths: &[PathBuf], each: &mut dyn FnMut(Imported)) -> Totals {
    let format = format(format_name).expect("a known format");
    let mut sink = |imported: Imported| {
        each(imported);
        Ok(())
    };
    run(format, paths, &Control::default(), &mut sink).expect("the import runs to its end")
}

/// Imports paths into memory.
pub(crate) fn all(format_name: &str, paths: &[PathBuf]) -> Vec<Imported> {
    let mut drafts = Vec::new();
    each(format_name, paths, &mut |imported| drafts.push(imported));
    drafts
}

/// Imports one file from memory.
pub(crate) fn from_memory(format_name: &str, path: &str, bytes: &[u8]) -> Vec<Imported> {
    let mut drafts = Vec::new();
    let mut sink = |imported: Imported| {
        drafts.push(imported);
        Ok(())
    };
    let mut out = Out::new(&mut sink);
    let mut importer = (format(format_name).expect("a known format").importer)();
    let mut reader = bytes;
    let name = path.rsplit('/').next().expect("a name").to_owned();
    let mut file = SourceFile { name, path: path.to_owned(), reader: &mut reader };
    importer.file(&mut file, &mut out).expect("nobody stops it");
    importer.finish(&mut out).expect("nobody stops it");
    drafts
}

pub(crate) fn ids(drafts: &[Imported]) -> Vec<String> {
    drafts.iter().map(|i| i.draft.id.clone()).collect()
}

pub(crate) fn text<'d>(draft: &'d Draft, attribute: &str) -> Option<&'d str> {
    draft.attributes.get(attribute).and_then(Value::as_str)
}

pub(crate) fn number(draft: &Draft, attribute: &str) -> i64 {
    draft.attributes.get(attribute).and_then(Value::as_i64).unwrap_or(0)
}

pub(crate) fn content<'d>(draft: &'d Draft, name: &str) -> Option<&'d [u8]> {
    draft.contents.iter().find(|c| c.name == name).map(|c| c.bytes.as_ref())
}

/// The line that an origin `file:line` names.
pub(crate) fn line_of(draft: &Draft) -> Option<u64> {
    draft.origin.as_deref()?.rsplit_once(':')?.1.parse().ok()
}

/// The file of line records put together again: records and rejects of one file by line number. Whether a newline ends
/// the file is not part of any record.
pub(crate) fn rebuilt_lines<'d>(drafts: impl Iterator<Item = &'d Draft>) -> Vec<u8> {
    let mut lines: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for draft in drafts {
        if let (Some(line), Some(record)) = (line_of(draft), content(draft, "record")) {
            lines.entry(line).or_default().extend_from_slice(record);
        }
    }
    let mut file = Vec::new();
    let mut at = 1;
    for (line, bytes) in lines {
        file.extend(std::iter::repeat_n(b'\n', usize::try_from(line - at).expect("lines fit memory")));
        at = line;
        file.extend_from_slice(&bytes);
    }
    file
}

pub(crate) fn is_reject(draft: &Draft) -> bool {
    draft.kind == REJECT_KIND
}

/// Name and bytes of each file of a `.tar.gz`, read without the code under test.
pub(crate) fn each_entry(archive: &Path, each: &mut dyn FnMut(&str, Vec<u8>)) {
    let file = std::fs::File::open(archive).expect("archive opens");
    let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(file));
    for entry in archive.entries().expect("a tar archive") {
        let mut entry = entry.expect("an entry");
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = entry.path().expect("a path").to_string_lossy().into_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("entry is readable");
        each(&name, bytes);
    }
}

pub(crate) fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("folder is readable")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".tar.gz"))
        .collect();
    found.sort();
    found
}

/// Every draft must fit the format: it is sealed as a producer would.
pub(crate) fn assert_sealable(draft: &Draft) {
    let seals: Vec<_> = draft.contents.iter().map(|c| schemas::draft::Seal::new([7; 32], &c.bytes)).collect();
    let sealed = draft.seal("import/test", "default", [1; 16], &seals);
    assert!(sealed.is_ok(), "draft {} of kind {} does not fit the format: {:?}", draft.id, draft.kind, sealed.err());
}
