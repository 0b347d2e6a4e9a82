//! Patterns of names: `*` stands for any text, also none; `?` for one character; everything else for itself.
//!
//! Guarantee: time is at most pattern times text, whatever stands in them; there is no other special character.

/// Whether `text` matches `pattern` as a whole.
#[must_use]
pub fn glob_matches(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    // Where to go back to: after the last star, and the first character that it did not swallow yet.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&found) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                p += 1;
                star = Some((p, t));
            }
            Some(&wanted) if wanted == '?' || wanted == found => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    p = after;
                    t = from + 1;
                    star = Some((after, t));
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

/// Whether one of `patterns` matches.
pub(super) fn any_matches<S: AsRef<str>>(patterns: &[S], text: &str) -> bool {
    patterns.iter().any(|pattern| glob_matches(pattern.as_ref(), text))
}

#[cfg(test)]
mod tests {
    use super::glob_matches;

    #[test]
    fn patterns() {
        for (pattern, text, matches) in [
            ("web.*", "web.fetch", true),
            ("web.*", "web", false),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*fetch*", "prefetcher", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("*.*.", "a.b.", true),
            ("über*", "überall", true),
            ("a*", "b", false),
        ] {
            assert_eq!(glob_matches(pattern, text), matches, "{pattern} on {text}");
        }
    }
}
