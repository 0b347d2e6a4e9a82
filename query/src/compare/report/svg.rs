//! Drawing: a small writer of SVG, scales and ticks.
//!
//! Guarantee: all text is escaped; coordinates that are not finite are drawn at 0; colours come from classes of the
//! page's style sheet only, so that light and dark pages share one drawing.

use super::escape::escape;
use super::limits::LABEL_CHARS_MAX;
use std::fmt::Write;

/// A drawing.
pub(super) struct Svg {
    body: String,
    width: f64,
    height: f64,
}

/// Where a text stands against its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { body: String::new(), width, height }
    }

    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [a, b, c, d] = [from.0, from.1, to.0, to.1].map(finite);
        let _ = write!(self.body, "<line class=\"{class}\" x1=\"{a:.1}\" y1=\"{b:.1}\" x2=\"{c:.1}\" y2=\"{d:.1}\"/>");
    }

    /// A rectangle; `title` is shown on hovering.
    pub(super) fn rect(&mut self, class: &str, at: (f64, f64), size: (f64, f64), title: &str) {
        let [x, y, w, h] = [at.0, at.1, size.0.max(0.0), size.1.max(0.0)].map(finite);
        let _ =
            write!(self.body, "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\">");
        self.close("rect", title);
    }

    pub(super) fn circle(&mut self, class: &str, at: (f64, f64), radius: f64, title: &str) {
        let (x, y) = (finite(at.0), finite(at.1));
        let _ = write!(self.body, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\">");
        self.close("circle", title);
    }

    pub(super) fn polygon(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polygon", class, points);
    }

    pub(super) fn polyline(&mut self, class: &str, points: &[(f64, f64)]) {
        self.points("polyline", class, points);
    }

    fn points(&mut self, what: &str, class: &str, points: &[(f64, f64)]) {
        let _ = write!(self.body, "<{what} class=\"{class}\" points=\"");
        for (x, y) in points {
            let _ = write!(self.body, "{:.1},{:.1} ", finite(*x), finite(*y));
        }
        self.body.push_str("\"/>");
    }

    fn close(&mut self, what: &str, title: &str) {
        if !title.is_empty() {
            let _ = write!(self.body, "<title>{}</title>", escape(title, 400));
        }
        let _ = write!(self.body, "</{what}>");
    }

    pub(super) fn text(&mut self, class: &str, at: (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y, text) = (finite(at.0), finite(at.1), escape(text, LABEL_CHARS_MAX));
        let _ = write!(
            self.body,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
        );
    }

    /// The drawing; `id` is a name of ours that is unique on the page.
    pub(super) fn finish(self, id: &str, title: &str, description: &str) -> String {
        format!(
            "<svg role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {:.0} {:.0}\"><title id=\"{id}-t\">{}</title>\
             <desc id=\"{id}-d\">{}</desc>{}</svg>",
            self.width,
            self.height,
            escape(title, 400),
            escape(description, 1_000),
            self.body
        )
    }
}

/// From values to places.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// `low..high` onto `from..to`; an empty range is widened.
    pub(super) fn new(low: f64, high: f64, from: f64, to: f64) -> Self {
        let (low, high) = if low.is_finite() && high.is_finite() && low <= high { (low, high) } else { (0.0, 1.0) };
        let spread = if high > low { 0.0 } else { (low.abs() * 0.1).max(0.5) };
        Self { low: low - spread, high: high + spread, from, to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The same, at the border for what lies beyond.
    pub(super) fn within(&self, value: f64) -> f64 {
        self.at(value.clamp(self.low, self.high))
    }

    pub(super) fn beyond(&self, value: f64) -> bool {
        value < self.low || value > self.high
    }

    /// Round values within the scale, about `count` of them.
    pub(super) fn ticks(&self, count: usize) -> Vec<f64> {
        self.ticks_of(step(self.high - self.low, count))
    }

    /// The multiples of `step` within the scale; at most 100.
    pub(super) fn ticks_of(&self, step: f64) -> Vec<f64> {
        if !step.is_finite() || step <= 0.0 {
            return Vec::new();
        }
        let first = (self.low / step).ceil();
        let tick = |i: usize| (first + i as f64) * step;
        (0..100).map(tick).take_while(|tick| *tick <= self.high + step * 1e-9).collect()
    }
}

/// A round step that cuts `range` into about `count` parts.
pub(super) fn step(range: f64, count: usize) -> f64 {
    let raw = range / count.max(1) as f64;
    let power = 10f64.powf(raw.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|s| s * power).find(|s| *s >= raw * 0.999).unwrap_or(raw)
}

/// The smallest and the largest of the finite values.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.filter(|v| v.is_finite()).fold(None, |range, v| match range {
        None => Some((v, v)),
        Some((low, high)) => Some((f64::min(low, v), f64::max(high, v))),
    })
}
