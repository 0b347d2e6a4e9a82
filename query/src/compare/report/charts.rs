//! What plots share: the frame with its axes, and plots of bars.
//!
//! Guarantee: see `svg`; a plot without values is drawn as an empty frame that says so.

use super::format::Unit;
use super::limits::LABEL_CHARS_MAX;
use super::svg::{Anchor, Scale, Svg, extent, step};
use super::time::{DAY_US, short};

/// Width of a plot; it scales with the page.
pub(super) const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 46.0;
/// Ticks of one axis, about.
const TICKS: usize = 6;
/// Distances between ticks in time: an hour to 10 years.
const HOUR_US: i64 = DAY_US / 24;
const TIME_STEPS_US: &[i64] = &[
    60_000_000,
    600_000_000,
    HOUR_US,
    3 * HOUR_US,
    6 * HOUR_US,
    12 * HOUR_US,
    DAY_US,
    2 * DAY_US,
    7 * DAY_US,
    14 * DAY_US,
    28 * DAY_US,
    91 * DAY_US,
    365 * DAY_US,
    3_650 * DAY_US,
];

/// What an axis shows.
#[derive(Clone)]
pub(super) enum Axis {
    /// Values of a unit.
    Value(Unit),
    /// Differences of a unit.
    Signed(Unit),
    /// Whole numbers.
    Whole,
    /// Points in time, microseconds since 1970.
    Time,
}

impl Axis {
    pub(super) fn tick(&self, value: f64, distance: f64) -> String {
        match self {
            Self::Value(unit) => unit.tick(value, false),
            Self::Signed(unit) => unit.tick(value, true),
            Self::Whole => Unit::Count.tick(value, false),
            Self::Time => short(value as i64, distance as i64),
        }
    }

    fn distance(&self, range: f64) -> f64 {
        match self {
            Self::Time => {
                let wanted = (range / TICKS as f64) as i64;
                let found = TIME_STEPS_US.iter().find(|step| **step >= wanted);
                found.map_or(range / TICKS as f64, |step| *step as f64)
            }
            Self::Whole => step(range, TICKS).max(1.0).ceil(),
            _ => step(range, TICKS),
        }
    }
}

/// A frame with its two scales.
pub(super) struct Frame {
    pub(super) svg: Svg,
    pub(super) x: Scale,
    pub(super) y: Scale,
}

impl Frame {
    /// A frame of the two ranges; `label` stands below.
    pub(super) fn new(x: ((f64, f64), &Axis), y: ((f64, f64), &Axis), label: &str) -> Self {
        let x_scale = Scale::new(x.0.0, x.0.1, LEFT, WIDTH - RIGHT);
        let y_scale = Scale::new(y.0.0, y.0.1, HEIGHT - BOTTOM, TOP);
        let mut svg = Svg::new(WIDTH, HEIGHT);
        let distance = y.1.distance(y.0.1 - y.0.0);
        for tick in y_scale.ticks_of(distance) {
            svg.line("grid", (LEFT, y_scale.at(tick)), (WIDTH - RIGHT, y_scale.at(tick)));
            svg.text("tick", (LEFT - 8.0, y_scale.at(tick) + 4.0), Anchor::End, &y.1.tick(tick, distance));
        }
        svg.line("axis", (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM));
        let distance = x.1.distance(x.0.1 - x.0.0);
        for tick in x_scale.ticks_of(distance) {
            let at = x_scale.at(tick);
            svg.line("axis", (at, HEIGHT - BOTTOM), (at, HEIGHT - BOTTOM + 4.0));
            svg.text("tick", (at, HEIGHT - BOTTOM + 18.0), Anchor::Middle, &x.1.tick(tick, distance));
        }
        svg.text("label", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8.0), Anchor::Middle, label);
        Self { svg, x: x_scale, y: y_scale }
    }

    /// A vertical line with words at its head.
    pub(super) fn mark(&mut self, class: &str, at: f64, words: &str) {
        let x = self.x.within(at);
        self.svg.line(class, (x, TOP), (x, HEIGHT - BOTTOM));
        let anchor = if x > WIDTH * 0.75 { Anchor::End } else { Anchor::Start };
        let beside = if matches!(anchor, Anchor::End) { x - 5.0 } else { x + 5.0 };
        self.svg.text("note", (beside, TOP + 10.0), anchor, words);
    }
}

/// Says that there is nothing to draw.
pub(super) fn nothing(id: &str, title: &str) -> String {
    let mut svg = Svg::new(WIDTH, 60.0);
    svg.text("label", (WIDTH / 2.0, 34.0), Anchor::Middle, "no values to draw");
    svg.finish(id, title, "There are no values to draw.")
}

/// Bars: (from, to, count).
pub(super) struct Bars<'a> {
    pub(super) bars: Vec<(f64, f64, u64)>,
    pub(super) axis: Axis,
    pub(super) label: &'a str,
    /// What is counted: `pairs`.
    pub(super) counted: &'a str,
    /// A vertical line and its words.
    pub(super) marks: Vec<(f64, String)>,
    /// Bars below 0, at 0 and above have colours of their own.
    pub(super) signed: bool,
    /// Of the bar that holds 0: how many are exactly 0. They are drawn apart, for they are neither below nor above.
    pub(super) zeros: u64,
}

impl Bars<'_> {
    pub(super) fn draw(&self, id: &str, title: &str, description: &str) -> String {
        let Some(range) = extent(self.bars.iter().flat_map(|(from, to, _)| [*from, *to])) else {
            return nothing(id, title);
        };
        let most = self.bars.iter().map(|(_, _, count)| *count).max().unwrap_or(0).max(1) as f64;
        let mut frame = Frame::new((range, &self.axis), ((0.0, most * 1.12), &Axis::Whole), self.label);
        let (x, y) = (frame.x, frame.y);
        for (from, to, count) in &self.bars {
            let class = match self.signed {
                true if *to <= 0.0 => "bar neg",
                true if *from >= 0.0 => "bar pos",
                _ => "bar",
            };
            let (left, right) = (x.at(*from) + 0.5, x.at(*to) - 0.5);
            let ends = [from, to].map(|end| self.axis.tick(*end, to - from));
            let words = format!("{} to {}: {count} {}", ends[0], ends[1], self.counted);
            let zeros = if *from <= 0.0 && *to > 0.0 { self.zeros.min(*count) } else { 0 };
            let (top, base) = (y.at(*count as f64), y.at(zeros as f64));
            frame.svg.rect(class, (left, top), (right - left, base - top), &words);
            if zeros > 0 {
                let words = format!("{zeros} {} without a difference", self.counted);
                frame.svg.rect("bar", (left, base), (right - left, y.at(0.0) - base), &words);
            }
        }
        for (at, words) in &self.marks {
            frame.mark("mark", *at, words);
        }
        frame.svg.finish(id, title, description)
    }
}

/// A series, its share, and what is shown on hovering.
pub(super) type StackedShare = (usize, f64, String);

/// Stacked shares over time: at each (beginning, end) the shares of the series.
pub(super) struct Stacked {
    pub(super) columns: Vec<(f64, f64, Vec<StackedShare>)>,
}

impl Stacked {
    pub(super) fn draw(&self, id: &str, title: &str, description: &str) -> String {
        let Some(range) = extent(self.columns.iter().flat_map(|(from, to, _)| [*from, *to])) else {
            return nothing(id, title);
        };
        let mut frame = Frame::new((range, &Axis::Time), ((0.0, 1.0), &Axis::Value(Unit::Share)), "time (UTC)");
        let (x, y) = (frame.x, frame.y);
        for (from, to, shares) in &self.columns {
            let gap = if x.at(*to) - x.at(*from) > 4.0 { 0.5 } else { 0.0 };
            let (left, width) = (x.at(*from) + gap, x.at(*to) - x.at(*from) - 2.0 * gap);
            let mut below = 0.0;
            for (series, share, words) in shares {
                let (low, high) = (y.at(below), y.at(below + share));
                frame.svg.rect(&format!("fill s{}", series % 8), (left, high), (width, low - high), words);
                below += share;
            }
        }
        frame.svg.finish(id, title, description)
    }
}

/// Names of series with their numbers and so their colours; `dashed` says whether lines carry dashes too.
pub(super) fn legend<'a>(names: impl Iterator<Item = (usize, &'a str)>, dashed: bool) -> String {
    let item = |(series, name): (usize, &str)| {
        let (i, name) = (series % 8, super::escape::apart(name, LABEL_CHARS_MAX * 3));
        let shape = if dashed {
            format!("<line class=\"line s{i} d{i}\" x1=\"0\" y1=\"6\" x2=\"24\" y2=\"6\"/>")
        } else {
            format!("<rect class=\"fill s{i}\" width=\"24\" height=\"12\"/>")
        };
        format!("<li><svg class=\"key\" viewBox=\"0 0 24 12\" aria-hidden=\"true\">{shape}</svg>{name}</li>")
    };
    format!("<ul class=\"legend\">{}</ul>", names.map(item).collect::<String>())
}
