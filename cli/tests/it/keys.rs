//! `hansard keys`: making, registering and listing.

use crate::program::Place;

#[test]
fn a_key_is_made_registered_and_listed() {
    let place = Place::new();
    place.run(&["init", "--data", "d"]).ok();
    let made = place.json(&["keys", "new", "agent.pem"]);
    let public = made["public"].as_str().expect("a key").to_owned();
    place.run(&["keys", "new", "agent.pem"]).ended(2);
    let register = [
        "keys",
        "register",
        "--data",
        "d",
        "--name",
        "agent-1",
        "--sources",
        "urn:test:a,urn:test:b:*",
        "--pem",
        "agent.pem",
    ];
    let first = place.json(&register);
    assert_eq!(
        (first["registration"]["hansard.key.public"].as_str(), first["state"].as_str()),
        (Some(public.as_str()), Some("is in force"))
    );
    assert_eq!(place.json(&register)["state"], "was in force already");
    let by_hex = [
        "keys",
        "register",
        "--data",
        "d",
        "--name",
        "agent-1",
        "--role",
        "gateway",
        "--sources",
        "*",
        "--public",
        &public,
    ];
    assert_eq!(place.json(&by_hex)["state"], "is in force", "a changed registration takes its place");
    let keys = place.json(&["keys", "list", "--data", "d"]);
    let held: Vec<_> =
        keys["keys"].as_array().expect("keys").iter().filter(|k| k["hansard.key.public"] == public.as_str()).collect();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0]["hansard.key.role"], "gateway");
}

#[test]
fn unusable_keys_and_sources_are_refused() {
    let place = Place::new();
    place.run(&["init", "--data", "d"]).ok();
    let zero = "0".repeat(64);
    for (public, sources) in [("abc", "urn:x"), (zero.as_str(), "urn:x"), (&"ab".repeat(32)[..], "urn:*:x")] {
        let ran = place
            .run(&["keys", "register", "--data", "d", "--name", "n", "--sources", sources, "--public", public])
            .ended(2);
        assert!(ran.err.contains("expected"), "{}", ran.err);
    }
}

#[test]
fn only_the_holder_of_the_registry_key_registers() {
    let place = Place::new();
    place.run(&["init", "--data", "d"]).ok();
    std::fs::remove_file(place.path().join("d/keys/registry.pem")).expect("remove the key");
    let public = place.json(&["keys", "new", "agent.pem"])["public"].as_str().expect("a key").to_owned();
    let ran = place
        .run(&["keys", "register", "--data", "d", "--name", "n", "--sources", "urn:x", "--public", &public])
        .ended(2);
    assert!(ran.err.contains("registry.pem") && ran.err.contains("hint:"), "{}", ran.err);
}
