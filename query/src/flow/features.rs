//! What makes a text read like an order to an agent, and the words that may stand before one.
//!
//! Guarantee: fixed patterns over one segment, independent of anything else. Deterministic; cannot fail.

use regex::Regex;
use std::sync::LazyLock;

/// Words that mark a task.
const MARK: &str = r"(?:todo|to-do|task|note|action|action items?|important|urgent|attention|warning|system|instructions?|reminder|step [0-9]+)";

/// A pattern of orders.
#[derive(Debug)]
pub(super) struct Feature {
    /// How much it counts.
    pub(super) weight: u32,
    /// Its name.
    pub(super) name: &'static str,
    pattern: Regex,
}

impl Feature {
    fn new(weight: u32, name: &'static str, pattern: &str) -> Self {
        Self { weight, name, pattern: Regex::new(&format!("(?i){pattern}")).expect("a fixed pattern") }
    }
}

static FEATURES: LazyLock<[Feature; 7]> = LazyLock::new(|| {
    [
        Feature::new(
            3,
            "override",
            concat!(
                r"(?:\b|_)(?:ignore|disregard|forget|override|discard|do not follow|replace|",
                r"stop)\b[^.\n]{0,40}\b(?:previous|prior|earlier|above|old|other|instruction\w*|prompt\w*|",
                r"rules?|guidelines|task|price|what you'?re doing|limit)\b",
            ),
        ),
        Feature::new(
            2,
            "address",
            concat!(
                r"\b(?:to|for|dear|attention|hey|hello|note to|you are an?|as an?)[,: ]+(?:you,|the |all |",
                r"any |\w+ )?(?:\w+ )?(?:ai\b|assistants?\b|language model|llm\b|chat ?bot|(?:ai |",
                r"autonomous )?agents?\b|gpt\S*|claude\b|gemini\b|llama\b|copilot\b|model\b)|",
                r"\bto you,? (?:[A-Z]|the )|\bai (?:language )?model\b|\b(?:an?|the|your|any|this) (?:ai|",
                r"assistant|language model|llm|chat ?bot)\b",
            ),
        ),
        Feature::new(
            2,
            "authority",
            concat!(
                r"\b(?:important|urgent|critical|priority|special|secret) (?:message|instruction|notice|note|",
                r"command)s?\b|\bsystem (?:note|message|prompt|notice|update|instruction)\b|",
                r"\bnew (?:instruction|task|order|directive|rule)s?\b|\b(?:policy|rule) update\b|",
                r"\bimportant!{2,}",
            ),
        ),
        Feature::new(
            2,
            "task-order",
            concat!(
                r"\bbefore you (?:can |do |start |continue |proceed |solve |finish |answer |complete |go )|",
                r"\b(?:do|perform|complete|execute) the following\b|\bafter (?:you do|doing|that|",
                r"this),? (?:that )?,?\s?(?:you can|continue|proceed|return|solve)|\bthe task (?:that )?(?:i|",
                r"you)\b|\bthe user (?:has |had |also )?(?:asked|requested|wants|needs|would like)\b|",
                r"\b(?:user'?s|your|original) (?:original )?(?:task|request|instructions)\b",
            ),
        ),
        Feature::new(
            2,
            "secrecy",
            concat!(
                r"\b(?:do not|don'?t|never|without) (?:mention|tell|inform|reveal|ask|asking|telling|",
                r"mentioning|notify|report|disclos)\w*",
            ),
        ),
        Feature::new(
            1,
            "todo",
            concat!(
                r#"(?:^|[\s\"'\-:*(>])(?:todo|to-do|action(?: required| item)?|instructions?|task|"#,
                r"note to self)\s*:",
            ),
        ),
        Feature::new(
            1,
            "tag",
            concat!(
                r"</?[A-Z][A-Z_]{3,}>|\[(?:INST|SYSTEM|ADMIN)\]|<\|?(?:system|im_start|important|",
                r"instructions?)\b",
            ),
        ),
    ]
});

static DELEGATION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)",
        r"\b(?:do|perform|follow|execute|complete|carry out|finish|work on|take care of|handle|",
        r"process)\b[^.\n]{0,30}\b(?:actions?|tasks?|to-?dos?|instructions?|steps|",
        r"items)\b[^.\n]{0,60}\b(?:in|from|on|at|of|specified|listed|described|given)\b|\b(?:to-?do|",
        r"task) list\b",
    ))
    .expect("a fixed pattern")
});
static LEAD: LazyLock<Regex> = LazyLock::new(|| {
    let marks = format!(r#"(?:[\s>*#\-\u{{2022}}"'(\[<]|[0-9]+[.)]|{MARK}!*:\s)*"#);
    let fillers = concat!(
        r"(?:(?:and|then|also|first|next|finally|now|so|instead|immediately|just|kindly|please|do",
        r"|you (?:must|should|need to|have to|are to|will)|your task is to|i (?:want|need) you to|make sure to",
        r"|be sure to|remember to|don't forget to)[\s,:]+)*"
    );
    Regex::new(&format!("(?i)^{marks}{fillers}")).expect("a fixed pattern")
});
static MARKER: LazyLock<Regex> = LazyLock::new(|| Regex::new(&format!("(?i)^{MARK}$")).expect("a fixed pattern"));

/// The features of a segment, as places in the list of features.
pub(super) fn of(segment: &str) -> Vec<usize> {
    FEATURES.iter().enumerate().filter(|(_, f)| f.pattern.is_match(segment)).map(|(n, _)| n).collect()
}

/// A feature by its place.
pub(super) fn feature(place: usize) -> Option<&'static Feature> {
    FEATURES.get(place)
}

/// Whether a key is a word that marks a task, so no field of data.
pub(super) fn is_marker(key: &str) -> bool {
    MARKER.is_match(key)
}

/// A segment without bullets, markers and filling words before the order.
pub(super) fn without_lead(segment: &str) -> &str {
    LEAD.find(segment).map_or(segment, |lead| &segment[lead.end()..])
}

/// Whether trusted words tell the agent to do what stands somewhere.
pub(super) fn delegates(text: &str) -> bool {
    DELEGATION.is_match(text)
}
