//! The questions to ask the demo, with its real ids, ready to be pasted.

use super::scene::Story;
use crate::commands::Context;
use crate::console::{Console, Style};
use crate::settings::DATA_DEFAULT;
use serde::Serialize;

/// A question and the command that answers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Question {
    /// In words.
    pub(super) question: &'static str,
    /// The command line.
    pub(super) command: String,
}

/// The questions, for the settings in force.
#[must_use]
pub(super) fn questions(context: Context<'_>, story: &Story) -> Vec<Question> {
    let data = &context.settings.data;
    let flags = if data == DATA_DEFAULT { String::new() } else { format!(" --data {}", shell(data)) };
    let id = |label: &str| story.id(label).unwrap_or_default().to_owned();
    let ask =
        |question: &'static str, command: String| Question { question, command: format!("hansard {command}{flags}") };
    vec![
        ask("Why was this loan approved? (answered above)", "why loan/4711".to_owned()),
        ask("And why was the other one denied?", "why loan/4712".to_owned()),
        ask(
            "A supplier's page held a wrong price. What did it touch?",
            format!("trace {} --down", id("price.bad.page")),
        ),
        ask("Where did the sentence in the report come from?", format!("trace {} --up", id("report.sent"))),
        ask("What was said, in order?", "session loan-4711".to_owned()),
        ask("Was anything altered since it was signed and committed?", "verify".to_owned()),
        ask("Who may speak, and who spoke?", "keys list".to_owned()),
        ask(
            "What did each agent use?",
            format!(
                "sql {}",
                shell(
                    "SELECT agent, count(*) AS calls, sum(input_tokens) AS tokens_in, sum(output_tokens) AS tokens_out FROM events WHERE kind = 'model.call' GROUP BY agent ORDER BY tokens_in DESC"
                )
            ),
        ),
        ask(
            "Who approved what, having been shown what?",
            format!(
                "sql {}",
                shell(
                    "SELECT e.time, e.agent, e.kind, e.subject, c.text FROM events e JOIN contents c ON c.event_id = e.id WHERE e.kind LIKE 'approval.%' ORDER BY e.time"
                )
            ),
        ),
    ]
}

/// For a terminal.
#[must_use]
pub(super) fn text(console: &Console, questions: &[Question]) -> String {
    let mut text = format!("{}\n", console.styled(Style::Bold, "Ask it yourself:"));
    for question in questions {
        text.push_str(&format!("  {}\n    {}\n", question.question, console.styled(Style::Cyan, &question.command)));
    }
    text
}

/// One word of a shell's command line.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    match text.chars().all(plain) && !text.is_empty() {
        true => text.to_owned(),
        false if !text.contains(['"', '$', '`', '\\', '!']) => format!("\"{text}\""),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
