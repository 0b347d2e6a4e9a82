//! `hansard diff`: two runs side by side, or the paired runs of two selections.
//!
//! Guarantee: nothing of the record drives the terminal. With `--json` the alignment is whole.

use super::Context;
use crate::args::DiffArgs;
use crate::console::Style;
use crate::failure::Result;
use crate::opened;
use query::compare::Question;
use query::compare::diff::{Line, Mark, RenderOptions, cohort_lines, run_lines};

/// Characters of a line.
const WIDTH: usize = 140;

/// Runs the command.
///
/// # Errors
/// When a run is not there, or no pairs are.
pub async fn run(context: Context<'_>, args: &DiffArgs) -> Result<()> {
    let engine = opened::engine(context.settings, context.env).await?;
    if args.cohort {
        let arms = vec![args.a.clone(), args.b.clone()];
        let question = Question { arms, filter: args.filter.clone(), ..Question::default() };
        let found = engine.diff_cohort(&question, args.pairs).await?;
        return context.console.answer(&found, || {
            let mut text = coloured(context, &cohort_lines(&found.cohort, WIDTH));
            if found.pairs_not_read > 0 {
                text.push_str(&format!("{} more pairs were not read: --pairs reads more\n", found.pairs_not_read));
            }
            text + &found.coverage.sentence()
        });
    }
    let found = engine.diff_runs(&args.a, &args.b).await?;
    context.console.answer(&found, || {
        let (a, b) = (args.a.clone(), args.b.clone());
        let options = RenderOptions { a, b, context: args.context, lines_max: args.lines, width: WIDTH };
        coloured(context, &run_lines(&found.diff, &found.a, &found.b, &options)) + &found.coverage.sentence()
    })
}

fn coloured(context: Context<'_>, lines: &[Line]) -> String {
    let piece = |mark: Mark, text: &str| {
        let style = match mark {
            Mark::Plain => return text.to_owned(),
            Mark::Strong => Style::Bold,
            Mark::Faint => Style::Dim,
            Mark::OnlyA => Style::Red,
            Mark::OnlyB => Style::Green,
            Mark::Changed => Style::Yellow,
            Mark::Moved => Style::Cyan,
        };
        context.console.styled(style, text)
    };
    let mut text = String::new();
    for line in lines {
        let whole: String = line.pieces.iter().map(|p| piece(p.mark, &p.text)).collect();
        text.push_str(whole.trim_end());
        text.push('\n');
    }
    text
}
