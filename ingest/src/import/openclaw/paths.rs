//! Paths that agents name, as keys that mean the same file in every session.
//!
//! Guarantee: a key is absolute where the session says its folder, has no `.` and `..`, and no user's home folder in
//! it: headers can never be erased. Nothing is looked up on disk. Cannot fail.

use super::super::json::SHORT_TEXT_BYTES_MAX;

/// The key of `path` as an agent in folder `cwd` writes it; `None` when it is too long for a header.
pub(super) fn key(cwd: Option<&str>, path: &str) -> Option<String> {
    let path = path.trim().replace('\\', "/");
    if path.is_empty() || path.len() > SHORT_TEXT_BYTES_MAX {
        return None;
    }
    let rooted = path.starts_with(['/', '~']) || path.get(1..3) == Some(":/");
    let whole = match cwd {
        Some(cwd) if !rooted => format!("{}/{path}", cwd.replace('\\', "/")),
        _ => path,
    };
    let key = without_home(&plain(&whole));
    (key.len() <= SHORT_TEXT_BYTES_MAX).then_some(key)
}

/// Whether a key names a memory file: one in a folder `memory`, or `MEMORY.md`.
pub(super) fn is_memory(key: &str) -> bool {
    let mut parts = key.rsplit('/');
    let name = parts.next().unwrap_or_default();
    name.eq_ignore_ascii_case("memory.md") || parts.any(|part| part == "memory")
}

fn plain(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." if !kept.is_empty() => {}
            "." => {}
            ".." if kept.len() > 1 => {
                kept.pop();
            }
            _ => kept.push(part),
        }
    }
    kept.join("/")
}

/// The folder with the home folder as `~`.
pub(super) fn without_home(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let home = parts.iter().take(3).position(|part| matches!(*part, "Users" | "home"));
    match home.and_then(|at| parts.get(at + 2..)) {
        Some([]) => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.join("/")),
        None if parts.get(1) == Some(&"root") && parts.first() == Some(&"") => {
            std::iter::once("~").chain(parts.into_iter().skip(2)).collect::<Vec<_>>().join("/")
        }
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_memory, key};

    #[test]
    fn the_same_file_has_one_key() {
        assert_eq!(key(Some("/srv/w"), "memory/./a.md").as_deref(), Some("/srv/w/memory/a.md"));
        assert_eq!(key(Some("/srv/x"), "../w/memory/a.md").as_deref(), Some("/srv/w/memory/a.md"));
        assert_eq!(key(None, "/srv/w//memory/a.md").as_deref(), Some("/srv/w/memory/a.md"));
        assert_eq!(key(Some("/home/ann/w"), "b.md").as_deref(), Some("~/w/b.md"));
        assert_eq!(key(None, "~/w/b.md").as_deref(), Some("~/w/b.md"));
        assert_eq!(key(None, ""), None);
        assert!(is_memory("/w/memory/a/b.md") && is_memory("/w/MEMORY.md") && !is_memory("/w/memory.d/a.md"));
    }
}
