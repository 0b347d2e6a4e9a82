//! Plots of lines: curves by k, functions of distribution, series over time, survival.
//!
//! Guarantee: at most [`LINES_MAX`] lines of [`LINE_POINTS_MAX`] points are drawn; a line is broken where a value is absent.

use super::charts::{Axis, Frame, nothing};
use super::format::Unit;
use super::limits::{LINE_POINTS_MAX, LINES_MAX};
use super::svg::extent;

/// A point of a line.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) interval: Option<(f64, f64)>,
    pub(super) words: String,
}

/// A line; its colour and dashes follow `series`.
pub(super) struct Line {
    pub(super) series: usize,
    pub(super) points: Vec<Point>,
}

/// How points are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// By straight lines, with a mark at each point where there are few.
    Straight,
    /// By steps: the value holds until the next point.
    Steps,
}

/// A plot of lines.
pub(super) struct LineChart<'a> {
    pub(super) lines: Vec<Line>,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) label: &'a str,
    pub(super) join: Join,
    /// The range of y, where it is known; that of the values otherwise.
    pub(super) range: Option<(f64, f64)>,
    /// Vertical lines and their words.
    pub(super) marks: Vec<(f64, String)>,
}

impl LineChart<'_> {
    pub(super) fn draw(&self, id: &str, title: &str, description: &str) -> String {
        let points = || self.lines.iter().take(LINES_MAX).flat_map(|line| &line.points);
        let Some(x) = extent(points().map(|p| p.x).chain(self.marks.iter().map(|(at, _)| *at))) else {
            return nothing(id, title);
        };
        let ends = |p: &Point| p.interval.map_or([p.y, p.y], |(low, high)| [low, high]);
        let Some(found) = extent(points().flat_map(|p| [p.y].into_iter().chain(ends(p)))) else {
            return nothing(id, title);
        };
        let mut frame =
            Frame::new((x, &self.x), (self.range.unwrap_or_else(|| self.roomy(found)), &self.y), self.label);
        for line in self.lines.iter().take(LINES_MAX) {
            self.line(&mut frame, line);
        }
        for (at, words) in &self.marks {
            frame.mark("mark", *at, words);
        }
        frame.svg.finish(id, title, description)
    }

    /// Some air above and below, but not beyond what a unit can be.
    fn roomy(&self, (low, high): (f64, f64)) -> (f64, f64) {
        let air = ((high - low) * 0.08).max(high.abs() * 0.01);
        let (below, above) = (low - air, high + air);
        let below = if low >= 0.0 { below.max(0.0) } else { below };
        match &self.y {
            Axis::Value(Unit::Share) => (below, if high <= 1.0 { above.min(1.0) } else { above }),
            _ => (below, above),
        }
    }

    fn line(&self, frame: &mut Frame, line: &Line) {
        let series = line.series % 8;
        let stride = line.points.len().div_ceil(LINE_POINTS_MAX).max(1);
        let last = line.points.len().saturating_sub(1);
        let kept = line.points.iter().enumerate().filter(|(i, _)| i % stride == 0 || *i == last);
        let kept: Vec<&Point> = kept.map(|(_, point)| point).collect();
        for part in kept.split(|point| !point.y.is_finite() || !point.x.is_finite()) {
            self.band(frame, series, part);
            self.path(frame, series, part);
        }
        if self.join == Join::Straight && kept.len() <= 60 {
            for point in kept.iter().filter(|point| point.y.is_finite()) {
                let at = (frame.x.at(point.x), frame.y.within(point.y));
                frame.svg.circle(&format!("dot s{series}"), at, 3.2, &point.words);
            }
        }
    }

    fn path(&self, frame: &mut Frame, series: usize, part: &[&Point]) {
        let mut places = Vec::with_capacity(part.len() * 2);
        for (i, point) in part.iter().enumerate() {
            let (x, y) = (frame.x.at(point.x), frame.y.within(point.y));
            if let (Join::Steps, Some((_, before))) = (self.join, i.checked_sub(1).and(places.last().copied())) {
                places.push((x, before));
            }
            places.push((x, y));
        }
        if places.len() > 1 {
            frame.svg.polyline(&format!("line s{series} d{series}"), &places);
        }
    }

    fn band(&self, frame: &mut Frame, series: usize, part: &[&Point]) {
        let with = |p: &&&Point| p.interval.is_some_and(|(low, high)| low.is_finite() && high.is_finite());
        let points: Vec<_> = part.iter().filter(with).collect();
        if points.len() < 2 {
            return;
        }
        let (x, y) = (frame.x, frame.y);
        let end = |p: &Point, upper: bool| p.interval.map_or(p.y, |(low, high)| if upper { high } else { low });
        let upper = points.iter().map(|p| (x.at(p.x), y.within(end(p, true))));
        let lower = points.iter().rev().map(|p| (x.at(p.x), y.within(end(p, false))));
        let outline: Vec<_> = upper.chain(lower).collect();
        frame.svg.polygon(&format!("band s{series}"), &outline);
    }
}
