//! Properties of every comparison.

use super::run;
use crate::compare::diff::{BlockKind, RunDiff, Step, diff, first_divergence};
use proptest::prelude::*;
use std::ops::Range;

/// What must hold of any comparison.
fn check(a: &[Step], b: &[Step], found: &RunDiff) {
    let expected = a.iter().zip(b).position(|(a, b)| a.digests != b.digests);
    let expected = expected.or((a.len() != b.len()).then_some(a.len().min(b.len())));
    assert_eq!(found.divergence.as_ref().map(|d| d.step - 1), expected);
    assert_eq!(found.divergence, first_divergence(a, b));
    let (mut in_a, mut in_b) = (0, 0);
    for block in &found.blocks {
        assert_eq!((block.a.range().start, block.b.range().start), (in_a, in_b), "holes in {:?}", found.blocks);
        (in_a, in_b) = (block.a.range().end, block.b.range().end);
        let pairs = || a[block.a.range()].iter().zip(&b[block.b.range()]);
        let same = |a: &[Step], b: &[Step]| a.iter().map(|s| s.digests.content).eq(b.iter().map(|s| s.digests.content));
        let elsewhere = |steps: &[Step]| steps[block.elsewhere.map_or(0..0, |span| span.range())].to_vec();
        match block.kind {
            BlockKind::Equal => {
                assert_eq!(block.a.count, block.b.count);
                assert!(same(&a[block.a.range()], &b[block.b.range()]));
            }
            BlockKind::Changed => {
                assert_eq!(block.a.count, block.b.count);
                assert!(pairs().all(|(a, b)| a.label() == b.label() && a.digests != b.digests));
            }
            BlockKind::OnlyA => assert_eq!(block.b.count, 0),
            BlockKind::OnlyB => assert_eq!(block.a.count, 0),
            BlockKind::MovedA => assert!(same(&a[block.a.range()], &elsewhere(b))),
            BlockKind::MovedB => assert!(same(&b[block.b.range()], &elsewhere(a))),
            BlockKind::RepeatedA => assert!(same(&a[block.a.range()], &elsewhere(a))),
            BlockKind::RepeatedB => assert!(same(&b[block.b.range()], &elsewhere(b))),
        }
    }
    assert_eq!((in_a, in_b), (a.len(), b.len()));
}

/// Length of the longest common subsequence, by the textbook's table.
fn common(a: &[Step], b: &[Step]) -> usize {
    let mut row = vec![0usize; b.len() + 1];
    for x in a {
        let mut corner = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x.digests == y.digests { corner + 1 } else { above.max(row[j]) };
            corner = above;
        }
    }
    row[b.len()]
}

fn letters(few: &'static str, lengths: Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(few.chars().collect::<Vec<_>>()), lengths)
        .prop_map(|letters| letters.into_iter().collect())
}

proptest! {
    #[test]
    fn any_two_runs(a in letters("abcde", 0..60), b in letters("abcdexyz", 0..60)) {
        let (a, b) = (run(&a), run(&b));
        let found = diff(&a, &b);
        check(&a, &b, &found);
        let equal = found.steps.get(&BlockKind::Equal).copied().unwrap_or(0);
        prop_assert!(equal <= common(&a, &b));
    }

    #[test]
    fn few_edits_of_a_run_are_found_as_few(
        base in letters("abcdefghijklmnopqrstuvwxyz", 30..200),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8), 1..6),
    ) {
        let mut edited = base.clone();
        for (at, what) in &edits {
            let at = at.index(edited.len());
            match what {
                0 => edited.insert(at, 'Z'),
                1 => { edited.remove(at); }
                _ => edited.replace_range(at..=at, "Y"),
            }
        }
        let (a, b) = (run(&base), run(&edited));
        let found = diff(&a, &b);
        check(&a, &b, &found);
        let equal = found.steps.get(&BlockKind::Equal).copied().unwrap_or(0);
        prop_assert!(equal + 3 * edits.len() >= common(&a, &b), "{equal} of {}", common(&a, &b));
    }

    #[test]
    fn a_run_is_the_same_as_itself(a in letters("abc", 0..80)) {
        let a = run(&a);
        let found = diff(&a, &a);
        check(&a, &a, &found);
        prop_assert!(found.divergence.is_none() && found.blocks.len() <= 1);
    }
}
