//! Flags win over environment, over file, over defaults, as the whole program sees it.

use crate::program::Place;

#[test]
fn precedence_reaches_the_commands() {
    let place = Place::new();
    place.run(&["init", "--data", "a"]).ok();
    let from = |ran: crate::program::Ran| {
        let status = ran.ok().json();
        (
            status["settings"]["data"].as_str().map(str::to_owned),
            status["settings"]["from"]["data"].as_str().map(str::to_owned),
        )
    };
    let said = |data: &str, origin: &str| (Some(data.to_owned()), Some(origin.to_owned()));
    assert_eq!(from(place.run(&["status", "--json"])), said("./hansard-data", "default"));
    assert_eq!(from(place.run_with(&["status", "--json"], &[("HANSARD_DATA", "a")])), said("a", "environment"));
    assert_eq!(from(place.run_with(&["status", "--json", "--data", "a"], &[("HANSARD_DATA", "b")])), said("a", "flag"));
    place.file("other.toml", "data = \"a\"\n");
    let (data, origin) = from(place.run(&["status", "--json", "--config", "other.toml"]));
    assert!(data.is_some_and(|d| d.ends_with('a')), "a file's path starts at its folder");
    assert_eq!(origin.as_deref(), Some("file"));
}

#[test]
fn what_init_was_told_is_known_later() {
    let place = Place::new();
    place.run(&["init", "--data", "d", "--store", "elsewhere", "--log", "mylog"]).ok();
    assert!(place.path().join("elsewhere/table/_delta_log").is_dir());
    let status = place.json(&["status", "--data", "d"]);
    assert!(status["record"]["identity"].is_object(), "{status}");
    assert_eq!(status["settings"]["from"]["store"], "file");
    assert!(status["settings"]["log"].as_str().is_some_and(|log| log.contains("mylog")));
}

#[test]
fn status_without_a_record_still_tells() {
    let place = Place::new();
    let status = place.json(&["status"]);
    assert!(status["record"].is_null());
    assert_eq!(status["settings"]["data"], "./hansard-data");
    assert!(!place.path().join("hansard-data").exists(), "a reader makes nothing");
}
