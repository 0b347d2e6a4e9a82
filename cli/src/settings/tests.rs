//! Precedence: flags, environment, file, defaults.

use super::{LogPlace, Origin, Settings};
use crate::args::{Global, Role, ServeArgs};
use std::collections::HashMap;
use std::path::PathBuf;

fn resolve(global: &Global, variables: &[(&str, &str)]) -> crate::failure::Result<Settings> {
    let variables: HashMap<String, String> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::resolve(global, &|name| variables.get(name).cloned())
}

#[test]
fn defaults_lie_in_one_folder() {
    let settings = resolve(&Global::default(), &[("HANSARD_DATA", "/nowhere/x")]).expect("usable");
    assert_eq!(settings.log, LogPlace::Embedded(PathBuf::from("/nowhere/x/log")));
    assert_eq!(settings.store, "/nowhere/x/store");
    assert_eq!(settings.origins["data"], Origin::Environment);
    assert_eq!(settings.origins["store"], Origin::Default);
}

#[test]
fn a_url_is_the_store_and_the_home_stays_local() {
    let global = Global { data: Some("s3://bucket/prefix".into()), ..Global::default() };
    let settings = resolve(&global, &[]).expect("usable");
    assert_eq!(settings.store, "s3://bucket/prefix");
    assert_eq!(settings.home.dir(), PathBuf::from(super::DATA_DEFAULT));
}

#[test]
fn flags_win_over_environment_over_file() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let text = "log = \"kafka://file:1/t\"\nstore = \"s3://file/x\"\nlog_level = \"debug\"\n[query]\nseconds = 7\n[s3]\naws_region = \"file\"\naws_endpoint = \"http://file\"\n[serve]\nroles = [\"query\"]\nlisten = \"127.0.0.1:1\"\n";
    std::fs::write(dir.path().join("hansard.toml"), text).expect("write");
    let data = dir.path().display().to_string();
    let global = Global { data: Some(data), log: Some("embedded".into()), ..Global::default() };
    let variables = [
        ("HANSARD_STORE", "s3://environment/x"),
        ("HANSARD_LOG", "kafka://environment:1/t"),
        ("AWS_ENDPOINT_URL", "http://environment"),
    ];
    let settings = resolve(&global, &variables).expect("usable");
    assert_eq!(
        (settings.origins["log"], settings.origins["store"], settings.origins["log_level"]),
        (Origin::Flag, Origin::Environment, Origin::File)
    );
    assert_eq!(settings.log, LogPlace::Embedded(dir.path().join("log")));
    assert_eq!(settings.store, "s3://environment/x");
    assert_eq!(settings.log_level.as_deref(), Some("debug"));
    assert_eq!(settings.limits.time_max.as_secs(), 7);
    assert_eq!(settings.s3.get("aws_region").map(String::as_str), Some("file"));
    assert_eq!(settings.s3.get("aws_endpoint_url").map(String::as_str), Some("http://environment"));
    assert!(!settings.s3.contains_key("aws_endpoint"), "one option, one value");
    let served = settings.served(&ServeArgs::default(), &|_| None).expect("usable");
    assert_eq!((served.roles, served.listen.port()), (vec![Role::Query], 1));
    let args = ServeArgs { roles: vec![Role::Compact], ..ServeArgs::default() };
    let served =
        settings.served(&args, &|name| (name == "HANSARD_LISTEN").then(|| "127.0.0.1:2".to_owned())).expect("usable");
    assert_eq!((served.roles, served.listen.port()), (vec![Role::Compact], 2));
}

#[test]
fn names_of_a_server_come_from_flag_environment_or_file() {
    let dir = tempfile::tempdir().expect("temporary folder");
    std::fs::write(dir.path().join("hansard.toml"), "[serve]\nhosts = [\"from.file\"]\n").expect("write");
    let global = Global { data: Some(dir.path().display().to_string()), ..Global::default() };
    let settings = resolve(&global, &[]).expect("usable");
    let nothing: &super::Environment<'_> = &|_| None;
    let given: &super::Environment<'_> = &|name| (name == "HANSARD_HOSTS").then(|| "one.env, two.env:80".to_owned());
    let flags = ServeArgs { allowed_hosts: vec!["from.flag".into()], ..ServeArgs::default() };
    let hosts = |args: &ServeArgs, environment| settings.served(args, environment).expect("usable").hosts;
    assert_eq!(hosts(&flags, given), ["from.flag"]);
    assert_eq!(hosts(&ServeArgs::default(), given), ["one.env", "two.env:80"]);
    assert_eq!(hosts(&ServeArgs::default(), nothing), ["from.file"]);
    for bad in ["http://x", "*.example", " "] {
        let flags = ServeArgs { allowed_hosts: vec![bad.into()], ..ServeArgs::default() };
        let failure = settings.served(&flags, nothing).expect_err("refused");
        assert!(failure.message.contains("allowed host"), "{}", failure.message);
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let data = Some(dir.path().display().to_string());
    let cases = [
        (Global { log: Some("http://x".into()), ..Global::default() }, vec![], "http://"),
        (Global::default(), vec![("HANSARD_LOG_FORMAT", "xml")], "xml"),
        (Global::default(), vec![("HANSARD_QUERY_SECONDS", "0")], "above 0"),
        (Global { config: Some("/nowhere/else.toml".into()), ..Global::default() }, vec![], "/nowhere/else.toml"),
    ];
    for (global, variables, wanted) in cases {
        let global = Global { data: data.clone(), ..global };
        let failure = resolve(&global, &variables).expect_err("refused");
        assert!(failure.message.contains(wanted), "{}", failure.message);
    }
    std::fs::write(dir.path().join("hansard.toml"), "logg = 1\n").expect("write");
    let failure = resolve(&Global { data, ..Global::default() }, &[]).expect_err("refused");
    assert!(failure.message.contains("logg"), "{}", failure.message);
}
