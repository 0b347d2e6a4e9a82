//! Words of an ordinary working day: what stands around the poison and in sessions without it.
//!
//! Guarantee: made of random names, numbers and sentences, none of them an order; deterministic.

use super::rng::Rng;

const FIRMS: [&str; 12] = [
    "Nordwind Papier",
    "Kessler Metall",
    "Blue Harbor Freight",
    "Ardenne Glass",
    "Tallinn Fasteners",
    "Osier Foods",
    "Marlow Textiles",
    "Quint Optics",
    "Rhône Céramique",
    "Sandvig Timber",
    "Ulmer Getriebe",
    "Vela Plastics",
];
const PEOPLE: [&str; 10] = [
    "Ana Ruiz",
    "Björn Falk",
    "Chiara Conti",
    "Dede Okafor",
    "Elif Kaya",
    "Farid Nasser",
    "Grete Lang",
    "Hugo Maes",
    "Ines Duarte",
    "Jonas Weber",
];
const PLACES: [&str; 8] =
    ["hall 3", "the north dock", "Rotterdam", "the Lyon depot", "bay 12", "Gdynia", "row F", "the annex"];
const THINGS: [&str; 10] =
    ["pallets", "drums", "crates", "rolls", "spindles", "lenses", "hinges", "tiles", "filters", "cartons"];
const STATES: [&str; 8] = [
    "were counted twice",
    "left on time",
    "wait for a label",
    "are short by a few",
    "passed the check",
    "came back damp",
    "are booked for later",
    "stand ready",
];
const TOPICS: [&str; 8] = [
    "the audit",
    "packaging waste",
    "the forklift lease",
    "night shifts",
    "the cold store",
    "scrap rates",
    "tariffs",
    "glue",
];

/// A firm.
pub(super) fn firm(rng: &mut Rng) -> &'static str {
    rng.pick(&FIRMS)
}

/// An invoice number.
pub(super) fn invoice(rng: &mut Rng) -> String {
    format!("INV-{}", rng.within(10_000, 99_999))
}

/// An amount with a currency.
pub(super) fn amount(rng: &mut Rng) -> String {
    format!("{}.{:02} EUR", rng.within(120, 9_800), rng.below(100))
}

/// One sentence.
pub(super) fn sentence(rng: &mut Rng) -> String {
    let (person, place) = (rng.pick(&PEOPLE), rng.pick(&PLACES));
    let (thing, state, topic) = (rng.pick(&THINGS), rng.pick(&STATES), rng.pick(&TOPICS));
    match rng.below(8) {
        0 => format!("{} {thing} at {place} {state}.", rng.within(11, 990)),
        1 => format!("{person} wrote about {topic} on 2026-02-{:02}.", rng.within(1, 28)),
        2 => format!("Invoice {} of {} came to {}.", invoice(rng), firm(rng), amount(rng)),
        3 => format!("The {thing} for {} {state}.", firm(rng)),
        4 => format!("Ticket TK-{} concerns {topic}.", rng.within(1_000, 9_999)),
        5 => format!("{person} is at {place} until {}:{:02}.", rng.within(7, 19), rng.below(60)),
        6 => format!("Batch {} of {thing} weighs {} kg.", rng.code(7), rng.within(100, 4_000)),
        _ => format!("On {topic}, {person} and {} agree.", rng.pick(&PEOPLE)),
    }
}

/// Some sentences.
pub(super) fn paragraph(rng: &mut Rng, sentences_min: u64, sentences_max: u64) -> String {
    let sentences = rng.within(sentences_min, sentences_max + 1);
    (0..sentences).map(|_| sentence(rng)).collect::<Vec<_>>().join(" ")
}

/// What a person asks for.
pub(super) fn request(rng: &mut Rng) -> String {
    match rng.below(4) {
        0 => format!("Look into {} and tell me where we stand.", rng.pick(&TOPICS)),
        1 => format!("Work through the open points of {}.", rng.pick(&PLACES)),
        2 => format!("Draft a note on {} for {}.", rng.pick(&TOPICS), rng.pick(&PEOPLE)),
        _ => format!("See what came in about {} today.", rng.pick(&THINGS)),
    }
}

/// What an answer says beside its calls.
pub(super) fn remark(rng: &mut Rng) -> &'static str {
    rng.pick(&["", "", "On it.", "One moment.", "Let me see.", "Next step."])
}
