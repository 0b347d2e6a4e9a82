//! Comparisons as lines for a terminal: each line is made of pieces with a mark, which the caller turns into colours.
//!
//! Guarantee: nothing of the record reaches the terminal but printable text on one line; long stretches are folded and
//! the fold says how many steps it holds; no more than `lines_max` lines of steps are made, and the rest is counted.

use super::content::ContentDiff;
use super::divergence::{Followed, Together};
use super::lines::{Line, Mark};
use super::step::{Span, Step};
use super::{Block, BlockKind, RunDiff};
use crate::compare::shown::shown;

/// How a comparison is shown.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// How A is called.
    pub a: String,
    /// How B is called.
    pub b: String,
    /// Steps shown before and after what differs.
    pub context: usize,
    /// Lines of steps.
    pub lines_max: usize,
    /// Characters of one line.
    pub width: usize,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { a: "A".into(), b: "B".into(), context: 3, lines_max: 400, width: 120 }
    }
}

/// Two runs as lines; `a` and `b` are the steps that were compared.
#[must_use]
pub fn run_lines(diff: &RunDiff, a: &[Step], b: &[Step], options: &RenderOptions) -> Vec<Line> {
    let mut page = Page { lines: summary(diff, options), diff, a, b, options, left: options.lines_max, folded: 0 };
    if diff.divergence.is_some() {
        page.lines.push(Line::default());
        diff.blocks.iter().enumerate().for_each(|(i, block)| page.block(i, block));
    }
    if page.folded > 0 {
        let text = format!("{} more steps: ask for more lines, or for JSON", page.folded);
        page.lines.push(Line::of(Mark::Faint, text));
    }
    if diff.a_beyond + diff.b_beyond > 0 {
        let text = format!("not aligned, beyond the bound: {} steps of A, {} of B", diff.a_beyond, diff.b_beyond);
        page.lines.push(Line::of(Mark::Faint, text));
    }
    page.lines
}

fn summary(diff: &RunDiff, options: &RenderOptions) -> Vec<Line> {
    let name = |name: &str| shown(name, options.width);
    let mut lines = vec![
        Line::of(Mark::OnlyA, format!("- A  {}", name(&options.a)))
            .and(Mark::Faint, format!("  {} steps", diff.a_steps)),
        Line::of(Mark::OnlyB, format!("+ B  {}", name(&options.b)))
            .and(Mark::Faint, format!("  {} steps", diff.b_steps)),
    ];
    let Some(at) = &diff.divergence else {
        lines.push(Line::of(Mark::Strong, format!("the same in all {} steps", diff.a_steps)));
        return lines;
    };
    let text = format!("part at step {}: {} ({})", at.step, at.part.words(), shown(&at.label(), options.width));
    lines.push(Line::of(Mark::Strong, text));
    lines.push(Line::of(Mark::OnlyA, followed("A", &diff.a_followed, options)));
    lines.push(Line::of(Mark::OnlyB, followed("B", &diff.b_followed, options)));
    lines.push(Line::of(Mark::Plain, together(diff.together.as_ref())));
    lines
}

fn together(together: Option<&Together>) -> String {
    match together {
        None => "they do not come together again".to_owned(),
        Some(t) => {
            let until = if t.to_the_end { "to the end".to_owned() } else { format!("for {} steps", t.a.count) };
            format!("together again from step {} of A and {} of B, {until}", t.a.first, t.b.first)
        }
    }
}

fn followed(run: &str, followed: &Followed, options: &RenderOptions) -> String {
    let mut text = format!("  {run} then took {} steps", followed.steps);
    if let Some(tokens) = followed.tokens {
        text.push_str(&format!(", {tokens} tokens"));
    }
    if let Some(ms) = followed.duration_ms {
        text.push_str(&format!(", {:.1} s", ms / 1000.0));
    }
    let labels: Vec<_> = followed.labels.iter().take(4).map(|t| format!("{} x{}", t.label, t.steps)).collect();
    if !labels.is_empty() {
        text.push_str(&format!(": {}", labels.join(", ")));
    }
    shown(&text, options.width)
}

struct Page<'a> {
    lines: Vec<Line>,
    diff: &'a RunDiff,
    a: &'a [Step],
    b: &'a [Step],
    options: &'a RenderOptions,
    left: usize,
    folded: usize,
}

impl Page<'_> {
    fn block(&mut self, at: usize, block: &Block) {
        match block.kind {
            BlockKind::Equal => self.equal(at, block),
            BlockKind::Changed => block.a.range().zip(block.b.range()).for_each(|(i, j)| self.changed(i, j)),
            BlockKind::OnlyA => self.one_sided('-', Mark::OnlyA, true, block),
            BlockKind::OnlyB => self.one_sided('+', Mark::OnlyB, false, block),
            BlockKind::MovedA => self.moved('<', true, block, "in B at"),
            BlockKind::MovedB => self.moved('>', false, block, "in A at"),
            BlockKind::RepeatedA => self.moved('-', true, block, "repeats"),
            BlockKind::RepeatedB => self.moved('+', false, block, "repeats"),
        }
    }

    /// Equal steps: the first after what differs, the last before it, and a fold between.
    fn equal(&mut self, at: usize, block: &Block) {
        if self.left == 0 {
            self.folded += block.a.count;
            return;
        }
        let context = self.options.context;
        let head = if at == 0 { 0 } else { context };
        let tail = if at + 1 == self.diff.blocks.len() { 0 } else { context };
        let count = block.a.count;
        if count <= head + tail + 1 {
            (0..count).for_each(|i| self.equal_step(block, i));
            return;
        }
        (0..head).for_each(|i| self.equal_step(block, i));
        self.lines.push(Line::of(Mark::Faint, format!("  ... {} equal steps", count - head - tail)));
        (count - tail..count).for_each(|i| self.equal_step(block, i));
    }

    fn equal_step(&mut self, block: &Block, i: usize) {
        let (x, y) = (block.a.first + i, block.b.first + i);
        self.step(' ', Mark::Faint, (Some(x), Some(y)), &self.a[x - 1], "");
    }

    fn one_sided(&mut self, sign: char, mark: Mark, of_a: bool, block: &Block) {
        self.moved_or_not(sign, mark, of_a, block, |_| String::new());
    }

    fn moved(&mut self, sign: char, of_a: bool, block: &Block, how: &str) {
        let place = block.elsewhere.map_or(0, |span: Span| span.first);
        self.moved_or_not(sign, Mark::Moved, of_a, block, |i| format!("[{how} {}] ", place + i));
    }

    fn moved_or_not(&mut self, sign: char, mark: Mark, of_a: bool, block: &Block, note: impl Fn(usize) -> String) {
        let (span, steps) = if of_a { (block.a, self.a) } else { (block.b, self.b) };
        for (i, index) in span.range().enumerate() {
            let place = Some(index + 1);
            let places = if of_a { (place, None) } else { (None, place) };
            self.step(sign, mark, places, &steps[index], &note(i));
        }
    }

    fn changed(&mut self, i: usize, j: usize) {
        let change = self.diff.changes.binary_search_by_key(&(i + 1), |change| change.a);
        match change.ok().and_then(|at| self.diff.changes.get(at)) {
            _ if self.left == 0 => self.folded += 1,
            Some(change) if !change.diff.differences.is_empty() => {
                self.step_head(Mark::Changed, (Some(i + 1), Some(j + 1)), &self.a[i]);
                self.differences(&change.diff);
            }
            _ => {
                self.step('~', Mark::Changed, (Some(i + 1), None), &self.a[i], "");
                self.step('~', Mark::Changed, (None, Some(j + 1)), &self.b[j], "");
            }
        }
    }

    fn differences(&mut self, diff: &ContentDiff) {
        let width = self.options.width;
        for found in &diff.differences {
            self.lines.push(Line::of(Mark::Faint, format!("      {}", shown(&found.at, width))));
            for (sign, mark, value) in [('-', Mark::OnlyA, &found.a), ('+', Mark::OnlyB, &found.b)] {
                if let Some(value) = value {
                    self.lines.push(Line::of(mark, format!("      {sign} {}", shown(value, width))));
                }
            }
        }
        if diff.more > 0 {
            self.lines.push(Line::of(Mark::Faint, format!("      ... {} more differences", diff.more)));
        }
    }

    fn step_head(&mut self, mark: Mark, places: (Option<usize>, Option<usize>), step: &Step) {
        if self.room() {
            let label = shown(&step.label(), self.options.width);
            self.lines.push(Line::of(mark, format!("~ {}", numbers(places))).and(mark, label));
        }
    }

    fn step(&mut self, sign: char, mark: Mark, places: (Option<usize>, Option<usize>), step: &Step, note: &str) {
        if !self.room() {
            return;
        }
        let label = shown(&step.label(), self.options.width / 2);
        let rest = self.options.width.saturating_sub(20 + label.chars().count() + note.chars().count());
        let line = Line::of(mark, format!("{sign} {}", numbers(places)));
        let text = format!("{note}{label}  ");
        self.lines.push(line.and(mark, text).and(mark, shown(&step.excerpt, rest.max(8))));
    }

    /// Takes one line, if one is left.
    fn room(&mut self) -> bool {
        if self.left == 0 {
            self.folded += 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

fn numbers((a, b): (Option<usize>, Option<usize>)) -> String {
    let text = |place: Option<usize>| place.map_or_else(String::new, |place| place.to_string());
    format!("{:>6} {:>6}  ", text(a), text(b))
}
