//! Files, memory and web pages that a tool read or wrote, as acts of their own.
//!
//! Kinds: `memory.read`, `memory.write`, `memory.delete` for files of a memory (a folder `memory`, `MEMORY.md`) and the
//! memory tools; `file.write`, `file.delete` for other files; `retrieval` for other files and pages read. Attributes:
//! `hansard.act` (`read`, `write`, `edit`, `delete`), `hansard.file.path` and for memory `hansard.memory.key` (the same
//! path: a key that means the same file in every session), `hansard.memory.query`, `url.full`, `hansard.query`. What was
//! written is content `written` (the whole text) or `edits` (what an edit or patch changed).
//!
//! Guarantee: an act is stated only where a result says that the call went well. A read has the last earlier write of
//! the same key as cause (`read`), an edit the write that it changed (`corrects`). What a shell command did to files is
//! not guessed. Cannot fail.

use super::super::json::{Fields, SHORT_TEXT_BYTES_MAX};
use super::details::Details;
use super::paths;
use super::transcript::{Record, Transcript};
use bytes::Bytes;
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::kind;

/// Most acts of one result; a patch of more files states the first ones.
const ACTS_MAX: usize = 64;

/// How something was touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Read,
    Write,
    Edit,
    Delete,
}

/// What was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A file, as the agent named it.
    File(String),
    /// Memory, by a search that found nothing or named no file.
    Memory,
    /// A page.
    Page(String),
    /// Pages, by a search.
    Pages,
}

/// One act.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) how: How,
    pub(super) what: What,
    pub(super) query: Option<String>,
    pub(super) content: Option<DraftContent>,
}

impl Done {
    fn new(how: How, what: What) -> Self {
        Self { how, what, query: None, content: None }
    }
}

/// What a tool did, from what it was asked and what it answered.
pub(super) fn of(tool: &str, arguments: &Bytes, details: &Details) -> Vec<Done> {
    let fields = Fields::parse(arguments).unwrap_or_default();
    let path = || ["path", "file_path", "filePath"].iter().find_map(|n| fields.short(n)).map(|p| What::File(p.into()));
    let one = |how, what: Option<What>| what.map(|what| Done::new(how, what)).into_iter().collect::<Vec<_>>();
    let query = || fields.short("query").map(String::from);
    match tool {
        "read" | "memory_get" => one(How::Read, path()),
        "write" => {
            let written = fields.text("content").map(|text| DraftContent::text("written", text.into_owned()));
            path().map(|what| Done { content: written, ..Done::new(How::Write, what) }).into_iter().collect()
        }
        "edit" => {
            let edits = DraftContent::new("edits", "application/json", arguments.clone());
            path().map(|what| Done { content: Some(edits), ..Done::new(How::Edit, what) }).into_iter().collect()
        }
        "apply_patch" => patched(&["input", "patch"].iter().find_map(|n| fields.text(n)).unwrap_or_default()),
        "memory_search" => {
            let hits = details.hits();
            let found = hits.into_iter().take(ACTS_MAX).map(What::File).map(|what| Done::new(How::Read, what));
            let mut found: Vec<Done> = found.collect();
            if found.is_empty() {
                found.push(Done::new(How::Read, What::Memory));
            }
            found.into_iter().map(|done| Done { query: query(), ..done }).collect()
        }
        "web_fetch" => one(How::Read, fields.short("url").map(|url| What::Page(url.into()))),
        "web_search" => vec![Done { query: query(), ..Done::new(How::Read, What::Pages) }],
        _ => Vec::new(),
    }
}

/// The files of a patch in OpenAI's form.
fn patched(patch: &str) -> Vec<Done> {
    let marks = [("*** Add File: ", How::Write), ("*** Update File: ", How::Edit), ("*** Delete File: ", How::Delete)];
    let file =
        |line: &str| marks.iter().find_map(|(mark, how)| Some((line.strip_prefix(mark)?.trim().to_owned(), *how)));
    let mut done: Vec<(String, How, String)> = Vec::new();
    for line in patch.lines() {
        match file(line) {
            Some((path, how)) => done.push((path, how, String::new())),
            None => {
                if let Some((_, _, text)) = done.last_mut().filter(|_| !line.starts_with("*** ")) {
                    text.push_str(line);
                    text.push('\n');
                }
            }
        }
    }
    let act = |(path, how, text): (String, How, String)| {
        let content = (how != How::Delete).then(|| DraftContent::text("edits", text));
        Done { content, ..Done::new(how, What::File(path)) }
    };
    done.into_iter().take(ACTS_MAX).map(act).collect()
}

impl Transcript<'_> {
    /// Fills in kind, attributes, content and the link to the write that is read or changed.
    pub(super) fn describe(&mut self, record: &Record<'_>, done: &Done, draft: &mut Draft) {
        let attributes = &mut draft.attributes;
        let act = match done.how {
            How::Read => "read",
            How::Write => "write",
            How::Edit => "edit",
            How::Delete => "delete",
        };
        attributes.insert("hansard.act".into(), act.into());
        let mut memory = done.what == What::Memory;
        let mut path = None;
        match &done.what {
            What::File(named) => {
                path = paths::key(self.cwd.as_deref(), named);
                memory = path.as_deref().is_some_and(paths::is_memory);
            }
            What::Page(url) if url.len() <= SHORT_TEXT_BYTES_MAX => {
                attributes.insert("url.full".into(), url.as_str().into());
            }
            _ => {}
        }
        if let Some(query) = &done.query {
            let name = if memory { "hansard.memory.query" } else { "hansard.query" };
            attributes.insert(name.into(), query.as_str().into());
        }
        draft.kind = match (done.how, memory) {
            (How::Read, true) => kind::MEMORY_READ,
            (How::Read, false) => kind::RETRIEVAL,
            (How::Write | How::Edit, true) => kind::MEMORY_WRITE,
            (How::Write | How::Edit, false) => "file.write",
            (How::Delete, true) => kind::MEMORY_DELETE,
            (How::Delete, false) => "file.delete",
        }
        .to_owned();
        draft.contents.extend(done.content.clone());
        let Some(path) = path else { return };
        if memory {
            draft.attributes.insert("hansard.memory.key".into(), path.as_str().into());
        }
        self.link(record, done.how, &path, draft);
        draft.attributes.insert("hansard.file.path".into(), path.into());
    }

    /// A copy of a read holds what was read, so it came from the same write.
    pub(super) fn copied(&self, record: &Record<'_>, done: &Done, draft: &mut Draft) {
        let (How::Read, What::File(named)) = (done.how, &done.what) else { return };
        let path = paths::key(self.cwd.as_deref(), named);
        let write = path.and_then(|path| self.index.last_write(&path, record.millis, &draft.id));
        draft.causes.extend(write.map(|write| DraftCause::new(write, "read")));
    }

    fn link(&mut self, record: &Record<'_>, how: How, path: &str, draft: &mut Draft) {
        let relation = match how {
            How::Read => Some("read"),
            How::Edit | How::Delete => Some("corrects"),
            How::Write => None,
        };
        let earlier = relation.and_then(|relation| {
            let write = self.index.last_write(path, record.millis, &draft.id)?;
            Some(DraftCause::new(write, relation))
        });
        draft.causes.extend(earlier);
        if how != How::Read && record.millis > 0 {
            self.index.wrote(path, (record.millis, draft.id.clone()));
        }
    }
}
