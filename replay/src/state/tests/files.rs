//! Snapshots as files.

use super::super::{Point, Snapshot, SnapshotError, State, journal};
use super::super::{event::RowColumns, event::StateEvent};
use super::generator::history;
use super::{event, generator};
use proptest::prelude::*;
use schemas::draft::{Draft, DraftCause, DraftContent, Seal};

/// A snapshot that was written by the first version of this format; later versions must read and write it the same.
const GOLDEN: &str = include_str!("golden/snapshot-1.hex");

fn golden() -> Snapshot {
    let value =
        |event: StateEvent| event.with("gen_ai.memory.store.id", "shared/prices").with("hansard.memory.key", "PX-90");
    let mut events = vec![
        value(event("0198c0de-0000-7000-8000-000000000001", 1, "scout", "memory.write"))
            .value_of(7)
            .with("hansard.memory.version", 3),
        value(event("odd id", 2, "scout", "memory.delete")),
        event("c", 3, "scout", "tool.call")
            .with("gen_ai.tool.name", "web.fetch")
            .with("gen_ai.tool.call.id", "call\u{0}1"),
        event("m", 4, "scout", "message").with("hansard.message.recipients", "quoter"),
        event("i", 5, "vault", "credential.issued")
            .with("hansard.credential.id", "k")
            .with("hansard.credential.scope", "a b"),
        event("q", 6, "scout", "approval.requested").with("hansard.approval.digest", "BLAKE3:00"),
        event("b", 7, "gate", "budget.throttled")
            .with("hansard.target.agent", "scout")
            .with("hansard.cooldown.seconds", 60),
        event("p", 8, "gate", "policy.verdict")
            .with("hansard.policy.name", "lending")
            .with("hansard.policy.verdict", "pass"),
        event("g", 9, "gate", "config.changed").with("hansard.config.name", "prompt/scout").value_of(9),
    ];
    events[0].agent_digests.push(("prompt".into(), "blake3:11".into()));
    let point = Point { known_us: Some(10), ..Point::sizes(&[(0, 10), (3, 4)].into()) };
    Snapshot { point, state: State::of(&events) }
}

#[test]
fn the_format_stays_as_it_was() {
    let (file, root) = golden().encode();
    assert_eq!(hex::encode(&file), GOLDEN.split_whitespace().collect::<String>());
    let (snapshot, read) = Snapshot::decode(&file).unwrap();
    assert_eq!((snapshot, read), (golden(), root));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_snapshot_and_what_follows_give_the_state_of_all(seed: u64, cut in 0usize..300) {
        let events = history(seed, 300, 4, 9);
        let (early, late) = events.split_at(cut);
        let (file, root) = Snapshot { point: Point::time(5), state: State::of(early) }.encode();
        let (read, again) = Snapshot::decode(&file).unwrap();
        prop_assert_eq!(root, again);
        prop_assert_eq!(root, State::of(early).root());
        prop_assert_eq!(&read.encode().0, &file);
        let mut state = read.state;
        late.iter().for_each(|event| state.apply(event));
        prop_assert_eq!(&state, &State::of(&events));
        prop_assert_eq!(state.root(), State::of(&events).root());
    }

    /// A journal gives back what was written, and refuses what was cut or lengthened.
    #[test]
    fn a_journal_gives_its_events_back(seed: u64, cut: prop::sample::Index) {
        let events = history(seed, 80, 4, 9);
        let mut file = journal::encode(&events);
        prop_assert_eq!(journal::decode(&file).unwrap(), events);
        prop_assert!(journal::decode(&file[..cut.index(file.len())]).is_err());
        file.push(0);
        prop_assert!(journal::decode(&file).is_err());
    }

    /// No bytes panic, and no changed byte goes through.
    #[test]
    fn damage_is_refused(seed in 0u64..50, at: prop::sample::Index, bit in 0u8..8, cut: prop::sample::Index) {
        let (mut file, _) = Snapshot { point: Point::default(), state: State::of(&history(seed, 60, 3, 4)) }.encode();
        prop_assert!(Snapshot::decode(&file[..cut.index(file.len())]).is_err());
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        let point_only = Snapshot::decode(&file).is_ok_and(|(read, _)| read.point != Point::default());
        prop_assert!(point_only || Snapshot::decode(&file).is_err());
        file.push(0);
        prop_assert!(Snapshot::decode(&file).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Snapshot::decode(&bytes).is_err());
        bytes.splice(0..0, b"hansard state snapshot1\n".iter().copied());
        prop_assert!(Snapshot::decode(&bytes).is_err());
    }
}

#[test]
fn a_file_that_is_none_says_so() {
    assert_eq!(Snapshot::decode(b"nothing"), Err(SnapshotError::Magic));
    let (mut file, root) = golden().encode();
    let last = file.len() - 1;
    file[last] ^= 1;
    let Err(SnapshotError::Root { found, .. }) = Snapshot::decode(&file) else { panic!("accepted") };
    assert_eq!(found, root.root);
}

#[test]
fn an_event_is_read_from_its_header_with_what_has_no_column() {
    let mut draft = Draft {
        id: "0198c0de-0000-7000-8000-0000000000aa".into(),
        source: "urn:agent:scout".into(),
        kind: "memory.write".into(),
        time: Some("2026-01-02T03:04:05.000006Z".into()),
        session: Some("s".into()),
        agent: Some("scout".into()),
        agent_version: Some("2".into()),
        causes: vec![DraftCause::new("x", "derived_from")],
        contents: vec![DraftContent::text("value", "EUR 4.12")],
        ..Draft::default()
    };
    draft.agent_digests.insert("prompt".into(), "blake3:11".into());
    draft.attributes.insert("hansard.memory.version".into(), "12".into());
    draft.attributes.insert("gen_ai.memory.record.id".into(), "price/PX-90".into());
    draft.attributes.insert("unknown".into(), 1.into());
    let bytes = draft.seal("stream", "acme", [1; 16], &[Seal::new([2; 32], b"EUR 4.12")]).unwrap();
    let header = schemas::header::Header::parse(&bytes).unwrap();
    let row = RowColumns { partition: 3, leaf: 17, committed_us: 1_800_000_000_000_000, attested: "self" };
    let event = StateEvent::from_header(&header, &bytes, row);
    assert_eq!((event.partition, event.leaf, event.at_us()), (3, 17, 1_767_323_045_000_006));
    assert!(!event.attributes.contains_key("unknown"));
    assert_eq!(event.agent_digests, [("prompt".into(), "blake3:11".into())]);
    let state = State::of([&event]);
    let write = state.view("acme", 0).memory("", "price/PX-90").unwrap().clone();
    assert_eq!((write.version, write.size, &*write.attested), (Some(12), 8, "self"));
    assert_eq!(write.value.unwrap().0, Seal::new([2; 32], b"EUR 4.12").commitment);
    let _ = generator::Dice(1).next();
}
