//! Lines for a terminal: each is made of pieces with a mark, which the caller turns into colours.
//!
//! Guarantee: none of its own; whoever makes a piece puts printable text into it.

/// What a piece is, for whoever colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Plain text.
    Plain,
    /// A heading.
    Strong,
    /// Of little weight: equal steps, ids, folds.
    Faint,
    /// Of A only.
    OnlyA,
    /// Of B only.
    OnlyB,
    /// Changed.
    Changed,
    /// Moved or repeated.
    Moved,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// What it is.
    pub mark: Mark,
    /// Printable text.
    pub text: String,
}

/// A line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// Its pieces, in order.
    pub pieces: Vec<Piece>,
}

impl Line {
    pub(super) fn of(mark: Mark, text: impl Into<String>) -> Self {
        Self::default().and(mark, text)
    }

    pub(super) fn and(mut self, mark: Mark, text: impl Into<String>) -> Self {
        self.pieces.push(Piece { mark, text: text.into() });
        self
    }
}

/// Lines without their marks.
#[must_use]
pub fn lines_to_text(lines: &[Line]) -> String {
    let text = |line: &Line| line.pieces.iter().map(|piece| piece.text.as_str()).collect::<String>();
    lines.iter().map(|line| text(line).trim_end().to_owned() + "\n").collect()
}
