//! 0 done, 1 the answer is no, 2 it did not work; a closed pipe is success.

use crate::demo::told;
use crate::program::Place;
use std::io::Read;
use std::process::Stdio;

#[test]
fn help_is_success_and_documents_the_codes() {
    let place = Place::new();
    let help = place.run(&["--help"]).ok();
    assert!(help.out.contains("Exit codes: 0 done"), "{}", help.out);
    place.run(&["--version"]).ok();
}

#[test]
fn wrong_usage_and_missing_records_are_2_with_the_next_step() {
    let place = Place::new();
    place.run(&["no-such-command"]).ended(2);
    place.run(&["trace", "x"]).ended(2);
    for args in [&["sessions"][..], &["why", "x"], &["verify"], &["sql", "SELECT 1"], &["session", "x"]] {
        let ran = place.run(args).ended(2);
        assert!(
            ran.err.contains("error:") && ran.err.contains("hint:") && ran.err.contains("hansard-data"),
            "{args:?}: {}",
            ran.err
        );
        assert_eq!(ran.out, "", "{args:?}");
    }
    assert!(!place.path().join("hansard-data").exists(), "a reader makes nothing");
}

#[test]
fn errors_in_json_are_one_document() {
    let place = Place::new();
    let ran = place.run(&["sessions", "--json"]).ended(2);
    let document = ran.json();
    assert_eq!(document["exit_code"], 2);
    assert!(document["error"]["hint"].is_string(), "{document}");
}

#[test]
fn nothing_of_that_name_is_1() {
    let (place, _) = told();
    for args in [
        &["why", "loan/9999"][..],
        &["session", "nobody"],
        &["trace", "01234567-aaaa", "--up"],
        &["sql", "--describe", "nonsense"],
    ] {
        let ran = place.run(&[args, &["--data", "story"][..]].concat()).ended(1);
        assert!(ran.err.contains("error:"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_closed_pipe_is_success() {
    let (place, _) = told();
    let wide = "SELECT a.header, b.header FROM events a CROSS JOIN events b";
    for format in ["ndjson", "csv", "json"] {
        let mut command = place.command(&["sql", wide, "--format", format, "--data", "story"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the program");
        let mut first = [0u8; 64];
        child.stdout.take().expect("piped").read_exact(&mut first).expect("some output");
        // The reader is gone now.
        let ended = child.wait_with_output().expect("wait for the program");
        assert_eq!(ended.status.code(), Some(0), "{format}: {}", String::from_utf8_lossy(&ended.stderr));
    }
}
