//! Names of runs: where a file lies says which run and instance it is about.

use super::super::arm::{self, Arm, arm};
use super::super::local_time::{offset, with_offset};
use super::{from_memory, named, text};
use crate::import::source::SourceFile;
use serde_json::json;

fn place(path: &str) -> (String, String) {
    let mut reader: &[u8] = b"";
    let place = arm::of_trajectory(&SourceFile { name: String::new(), path: path.to_owned(), reader: &mut reader });
    (place.run, place.instance)
}

#[test]
fn run_and_instance_come_from_the_path() {
    let expected = ("run".to_owned(), "i__j-1".to_owned());
    for path in ["/x/run/i__j-1.traj", "run/trajs/i__j-1.traj", "/x/run/i__j-1/i__j-1.traj"] {
        assert_eq!(place(path), expected, "{path}");
    }
    assert_eq!(place("i.traj").0, "unknown");
}

#[test]
fn the_name_of_a_run_says_agent_variant_and_model() {
    let of = |agent: &str, variant: Option<&str>, model: Option<&str>| Arm {
        agent: agent.to_owned(),
        variant: variant.map(str::to_owned),
        model: model.map(str::to_owned),
    };
    assert_eq!(arm("20240825_SWE-agent_gpt-4o_x"), of("swe-agent", None, Some("gpt-4o_x")));
    assert_eq!(arm("gpt4__swe-bench__default__t-0.00__p-0.95"), of("swe-agent", Some("default"), Some("gpt4")));
    assert_eq!(arm("replay__a__b-1__xml__install-1"), of("swe-agent", Some("xml"), None));
    assert_eq!(arm("mine"), of("swe-agent", None, None));
}

#[test]
fn results_name_their_run_by_file_or_folder_and_each_instance_counts_once() {
    let results = json!({"total_instances": 3, "resolved": ["a"], "completed_ids": ["a", "b"], "unresolved_ids": ["b"],
                         "submitted_ids": ["a", "b", "c"], "empty_patch_ids": ["c"], "incomplete_ids": ["d", 7]});
    let bytes = results.to_string();
    for path in ["x/20240101_A_m.results.json", "20240101_A_m/results/results.json", "20240101_A_m/results.json"] {
        let drafts = from_memory(path, bytes.as_bytes());
        let found = named(drafts.iter(), "resolved");
        let seen: Vec<_> = found
            .iter()
            .map(|d| (d.session.as_deref(), text(d, "gen_ai.evaluation.score.label"), d.causes.len()))
            .collect();
        let row = |session, label, causes| (Some(session), Some(label), causes);
        let expected = [
            row("20240101_A_m/a", "resolved", 1),
            row("20240101_A_m/b", "unresolved", 1),
            row("20240101_A_m/c", "empty_patch", 1),
            row("20240101_A_m/d", "incomplete", 0),
        ];
        assert_eq!(seen, expected, "{path}");
        assert_eq!(drafts[0].session, None, "the file itself is no run");
        assert_eq!(drafts[0].attributes["swe_agent.total_instances"], json!(3));
        assert_eq!(drafts[0].contents[0].bytes, bytes.as_bytes());
    }
}

#[test]
fn a_zone_is_taken_only_where_the_record_proves_it() {
    let local = "2025-04-30T16:32:57.821635";
    let created = 1_746_001_974;
    assert_eq!(offset([(local, created)].into_iter()), Some(8 * 3_600));
    assert_eq!(with_offset(local, 8 * 3_600).as_deref(), Some("2025-04-30T16:32:57.821635+08:00"));
    assert_eq!(with_offset(local, -12_600).as_deref(), Some("2025-04-30T16:32:57.821635-03:30"));
    assert_eq!(offset([(local, created), (local, created - 3_600)].into_iter()), None, "two that disagree");
    assert_eq!(offset([(local, created - 700)].into_iter()), None, "too long after its response");
    assert_eq!(offset(std::iter::empty()), None);
    assert_eq!(offset([("yesterday", created)].into_iter()), None);
}
