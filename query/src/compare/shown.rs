//! Text of the record, made safe to show on a terminal or in a page.
//!
//! Guarantee: what is given back holds no control character, no character that changes the direction of the text
//! around it and none that is invisible: each is written as its escape. At most the characters asked for are kept, and
//! a cut ends with `…`.

/// `text` on one line, at most `chars_max` characters of it (escapes count as what they show).
#[must_use]
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(chars_max * 4));
    let mut count = 0usize;
    for c in text.chars() {
        if count >= chars_max {
            out.pop();
            out.push('…');
            return out;
        }
        count += push(&mut out, c);
    }
    out
}

/// Appends `c` or its escape; how many characters that took.
fn push(out: &mut String, c: char) -> usize {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push(' '),
        c if hidden(c) => {
            let escape = c.escape_unicode();
            out.extend(escape.clone());
            return escape.count();
        }
        c => out.push(c),
    }
    1
}

/// Whether a reader would not see `c`, or would see what follows in another order because of it.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn nothing_drives_the_terminal_or_turns_the_line_around() {
        assert_eq!(shown("a\u{1b}[31mb", 99), "a\\u{1b}[31mb");
        assert_eq!(shown("\u{202e}txt.exe", 99), "\\u{202e}txt.exe");
        assert_eq!(shown("two\nlines\t!", 99), "two\\nlines !");
        assert_eq!(shown("abcdef", 3), "ab…");
        assert_eq!(shown("abc", 3), "abc");
        assert_eq!(shown("שלום", 99), "שלום");
    }
}
