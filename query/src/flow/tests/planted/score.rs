//! What was found of planted poison, counted.
//!
//! Guarantee: an event counts once, with its strongest grade; a miss is an influenced event that has not the grade that
//! was planted, and is named with its seed's origin.

use super::corpus::{Change, Channel, Corpus, Truth};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The grades, the strongest first.
const GRADES: [&str; 3] = ["carried", "received", "reachable"];
/// Misses that are named.
const NAMED_MAX: usize = 40;

/// Found and all.
type Part = (usize, usize);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Score {
    corpora: usize,
    events: usize,
    /// Recall by channel and what was planted.
    recall: BTreeMap<(Channel, &'static str), Part>,
    /// Recall by change, of events that name one.
    by_change: BTreeMap<Change, Part>,
    /// Precision by channel and grade.
    precision: BTreeMap<(Channel, &'static str), Part>,
    /// Precision of corrections.
    corrections: Part,
    /// Events apart that were named all the same.
    bystanders: Part,
    /// Recall of keys and secrets to hold back, precision of keys.
    held: Part,
    keys: Part,
    misses: Vec<String>,
    false_ones: Vec<String>,
}

fn count(part: &mut Part, found: bool) {
    part.0 += usize::from(found);
    part.1 += 1;
}

impl Score {
    /// Counts an answer. `walked`: what the walk along the links reached, where that was asked.
    pub(crate) fn add<'a>(
        &mut self,
        corpus: &'a Corpus,
        effects: impl Iterator<Item = (&'a str, &'static str)>,
        corrections: impl Iterator<Item = &'a str>,
        walked: Option<&BTreeSet<String>>,
    ) {
        self.corpora += 1;
        self.events += corpus.events.len();
        let rank = |grade: &str| GRADES.iter().position(|g| *g == grade);
        let mut graded: BTreeMap<&str, &'static str> = BTreeMap::new();
        for (event, grade) in effects {
            let best = graded.entry(event).or_insert(grade);
            *best = if rank(grade) < rank(best) { grade } else { *best };
        }
        let corrections: BTreeSet<&str> = corrections.collect();
        for event in &corpus.events {
            let grade = graded.get(event.id.as_str()).copied();
            let corrects = corrections.contains(event.id.as_str());
            let (planted, found) = match event.truth {
                Truth::Carried => ("carried", grade == Some("carried")),
                Truth::Received => ("received", grade == Some("received")),
                Truth::Corrects => ("corrects", corrects),
                Truth::Linked => ("linked", grade.is_some()),
                Truth::Walked if walked.is_some() => ("walked", walked.is_some_and(|all| all.contains(&event.id))),
                Truth::Walked | Truth::Clean | Truth::Bystander => ("", true),
            };
            let what = format!("{:?}, {} {} ({:?}): {grade:?}", corpus.channel, event.id, event.kind, event.truth);
            if !planted.is_empty() {
                count(self.recall.entry((corpus.channel, planted)).or_default(), found);
                event.change.iter().for_each(|change| count(self.by_change.entry(*change).or_default(), found));
                self.misses.extend((!found).then(|| format!("{what}, changed {:?}", event.change)));
            }
            if event.truth == Truth::Bystander {
                count(&mut self.bystanders, grade.is_some() || corrects);
            }
            if let Some(grade) = grade {
                let right = matches!(event.truth, Truth::Carried | Truth::Received);
                count(self.precision.entry((corpus.channel, grade)).or_default(), right);
                self.false_ones.extend((!right && grade != "reachable").then(|| what.clone()));
            }
            if corrects {
                count(&mut self.corrections, event.truth == Truth::Corrects);
                self.false_ones.extend((event.truth != Truth::Corrects).then(|| format!("{what}, named a correction")));
            }
        }
    }

    /// Compares what is to be held back: keys, and calls that use a secret.
    pub(crate) fn held(&mut self, corpus: &Corpus, keys: &BTreeSet<String>, secrets_used: &BTreeSet<String>) {
        let planted = corpus.keys_held.union(&corpus.secrets_used);
        for held in planted {
            let found = keys.contains(held) || secrets_used.contains(held);
            count(&mut self.held, found);
            self.misses.extend((!found).then(|| format!("{:?}, {}: {held} not held", corpus.channel, corpus.origin)));
        }
        for key in corpus.keys_mended.intersection(keys) {
            self.misses.push(format!("{:?}, {}: {key} was mended and is held", corpus.channel, corpus.origin));
        }
        keys.iter().for_each(|key| count(&mut self.keys, corpus.keys_held.contains(key)));
    }

    fn of_grade(&self, grade: &str) -> Part {
        let of = self.precision.iter().filter(|((_, g), _)| *g == grade);
        of.fold((0, 0), |sum, (_, part)| (sum.0 + part.0, sum.1 + part.1))
    }

    /// Fails unless all was found, nothing apart was named, and precision is at least so many tenths of a percent.
    pub(crate) fn assert(&self, precision_min: (usize, usize)) {
        assert!(self.misses.is_empty(), "{} misses", self.misses.len());
        assert_eq!(self.bystanders.0, 0, "events without any link were named");
        for (grade, min) in [("carried", precision_min.0), ("received", precision_min.1)] {
            let (right, all) = self.of_grade(grade);
            assert!(right * 1_000 >= min * all, "precision of {grade}: {right} of {all}");
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: &Part| 100.0 * part.0 as f64 / part.1.max(1) as f64;
        writeln!(f, "{} corpora, {} events", self.corpora, self.events)?;
        for channel in Channel::ALL {
            write!(f, "{:10} recall", format!("{channel:?}"))?;
            for ((_, planted), part) in self.recall.iter().filter(|((c, _), _)| *c == channel) {
                write!(f, " {planted} {}/{},", part.0, part.1)?;
            }
            write!(f, " precision")?;
            for ((_, grade), part) in self.precision.iter().filter(|((c, _), _)| *c == channel) {
                write!(f, " {grade} {}/{} ({:.1} %),", part.0, part.1, percent(part))?;
            }
            writeln!(f)?;
        }
        write!(f, "recall by change:")?;
        for (change, part) in &self.by_change {
            write!(f, " {change:?} {}/{},", part.0, part.1)?;
        }
        write!(f, "\nprecision:")?;
        for grade in GRADES {
            let part = self.of_grade(grade);
            write!(f, " {grade} {}/{} ({:.1} %),", part.0, part.1, percent(&part))?;
        }
        writeln!(f, " corrections {}/{}", self.corrections.0, self.corrections.1)?;
        write!(f, "bystanders named {}/{}, to be held back: ", self.bystanders.0, self.bystanders.1)?;
        let (held, keys) = (self.held, self.keys);
        writeln!(f, "recall {}/{}, precision of keys {}/{}", held.0, held.1, keys.0, keys.1)?;
        for (what, list) in [("missed", &self.misses), ("false", &self.false_ones)] {
            list.iter().take(NAMED_MAX).try_for_each(|line| writeln!(f, "  {what}: {line}"))?;
        }
        Ok(())
    }
}
