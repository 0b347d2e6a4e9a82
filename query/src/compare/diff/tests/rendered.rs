//! Comparisons as text.

use super::{run, step};
use crate::compare::diff::{RenderOptions, cohort, cohort_lines, diff, lines_to_text, run_lines};

#[test]
fn a_comparison_reads_like_a_diff() {
    let (a, b) = (run("abcdefghXij"), run("abcdefghYkij"));
    let text = lines_to_text(&run_lines(&diff(&a, &b), &a, &b, &RenderOptions::default()));
    let expected = "\
- A  A  11 steps
+ B  B  12 steps
part at step 9: same kind and name, other content (tool.call bash)
  A then took 1 steps: tool.call bash x1
  B then took 2 steps: tool.call bash x2
together again from step 10 of A and 11 of B, to the end

  ... 5 equal steps
       6      6  tool.call bash  say f
       7      7  tool.call bash  say g
       8      8  tool.call bash  say h
~      9      9  tool.call bash
      line 1
      - say X
      + say Y
+            10  tool.call bash  say k
      10     11  tool.call bash  say i
      11     12  tool.call bash  say j
";
    assert_eq!(text, expected);
}

#[test]
fn hostile_text_stays_on_its_line() {
    let (a, b) = ([step("message", "a\u{1b}[2J", "x\n\u{202e}y")], [step("tool.call", "b\r", "\u{7}")]);
    let options = RenderOptions { a: "run\u{1b}]0;".into(), ..RenderOptions::default() };
    let text = lines_to_text(&run_lines(&diff(&a, &b), &a, &b, &options));
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.contains('\u{202e}'));
}

#[test]
fn long_comparisons_are_folded_and_say_so() {
    let mine = "abcdefghijklmnopqrstuvwxyz".repeat(20);
    let (a, b) = (run(&mine), run(&mine.to_uppercase()));
    let options = RenderOptions { lines_max: 10, ..RenderOptions::default() };
    let text = lines_to_text(&run_lines(&diff(&a, &b), &a, &b, &options));
    assert!(text.lines().count() < 60 && text.contains("more steps"), "{text}");
    assert!(lines_to_text(&cohort_lines(&cohort(&[]), 80)).starts_with("0 pairs"));
}
