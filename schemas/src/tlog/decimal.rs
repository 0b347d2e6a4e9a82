//! The one decimal number form of the C2SP texts: ASCII digits, no sign, no leading zero except in `0` itself.
//!
//! Guarantees that `parse(s) == Some(n)` implies `n.to_string() == s`, so that a signed text has one spelling.
//! Anything else, and anything above `u64::MAX`, is `None`.

/// Reads a canonical decimal number.
pub(super) fn parse(text: &str) -> Option<u64> {
    let digits_only = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if !digits_only || leading_zero {
        return None;
    }
    text.parse().ok()
}
