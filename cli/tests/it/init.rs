//! `hansard init`: what it makes, and that it makes it once.

use crate::program::Place;
use std::os::unix::fs::PermissionsExt;

#[test]
fn it_makes_everything_once_and_pins_it() {
    let place = Place::new();
    let first =
        place.json(&["init", "--data", "d", "--partitions", "2", "--tenant", "acme", "--origin", "example.org/acme"]);
    assert_eq!(first["made"], true);
    assert_eq!(first["identity"]["partitions"], 2);
    for name in ["registry", "log", "gateway", "import"] {
        let path = place.path().join("d/keys").join(format!("{name}.pem"));
        let mode = std::fs::metadata(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        let text = std::fs::read_to_string(&path).expect("readable");
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----"), "{name} is PKCS#8");
    }
    let config = std::fs::read_to_string(place.path().join("d/hansard.toml")).expect("configuration");
    let registry = first["identity"]["registry_key"].as_str().expect("a key");
    assert!(config.contains(registry) && config.contains("example.org/acme"), "{config}");

    let second = place.json(&["init", "--data", "d"]);
    assert_eq!(second["made"], false);
    assert_eq!(second["identity"], first["identity"]);
    assert_eq!(std::fs::read_to_string(place.path().join("d/hansard.toml")).expect("configuration"), config);

    let keys = place.json(&["keys", "list", "--data", "d"]);
    let names: Vec<&str> =
        keys["keys"].as_array().expect("keys").iter().filter_map(|k| k["hansard.key.name"].as_str()).collect();
    assert_eq!(names.len(), 2, "registered once: {keys}");
    assert!(names.contains(&"gateway") && names.contains(&"import"));
}

#[test]
fn what_never_changes_is_not_changed() {
    let place = Place::new();
    place.run(&["init", "--data", "d", "--partitions", "2"]).ok();
    let refused = place.run(&["init", "--data", "d", "--partitions", "3"]).ended(2);
    assert!(refused.err.contains("partitions") && refused.err.contains("hint:"), "{}", refused.err);
}

#[test]
fn another_record_under_the_same_pins_is_refused() {
    let place = Place::new();
    place.run(&["init", "--data", "a"]).ok();
    place.run(&["init", "--data", "b"]).ok();
    std::fs::remove_dir_all(place.path().join("a/store")).expect("remove");
    std::fs::rename(place.path().join("b/store"), place.path().join("a/store")).expect("move");
    let refused = place.run(&["sessions", "--data", "a"]).ended(2);
    assert!(refused.err.contains("pinned"), "{}", refused.err);
}
