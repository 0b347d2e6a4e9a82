//! Withholding an input, putting it right, and forking, with a scripted agent and model.

use super::run::{calling, chat, result, said};
use super::scripted::{Effect, LiveModel, World};
use super::*;

/// Poisonings that are generated.
const WORLDS: u64 = 100;

fn stub() -> Miss {
    Miss::Stub("ok".to_owned())
}

fn play(world: &World, events: &[RecordedEvent], change: Option<Change>) -> (Outcome, Vec<Served>) {
    let live: Arc<dyn Live> = Arc::new(LiveModel);
    let plan = Plan { change, tool_miss: stub(), ..Plan::default() };
    let (replay, kept) = replay(events, plan, Some(live));
    assert_eq!(wait(world.play(&replay)), 200);
    let served = kept.all();
    (judge(replay.recording(), &served), served)
}

#[test]
fn influenced_and_exposed_are_told_apart_in_100_of_100_poisonings() {
    let (mut influenced, mut exposed, mut in_memory) = (0, 0, 0);
    for seed in 0..WORLDS {
        let world = World::generate(seed);
        let events = world.record();
        let (control, served) = play(&world, &events, None);
        assert_eq!(control, Outcome::NotExposed, "control of {seed}");
        assert!(served.iter().all(|one| matches!(one.how, How::Recorded(_))));
        let harmless = matches!(world.effect, Effect::Ignored | Effect::Anyway);
        let (event, content, clean) = world.input(&events);
        let without = Change::without(&events, &event).unwrap();
        let set = Change::set(&events, &event, content, &clean).unwrap();
        for change in [without, set] {
            let (outcome, served) = play(&world, &events, Some(change.clone()));
            let told = match outcome {
                Outcome::Exposed => true,
                Outcome::Influenced { .. } => false,
                other => panic!("seed {seed}: {other:?}"),
            };
            assert_eq!(told, harmless, "seed {seed}, {:?}, {change:?}", world.effect);
            check_course(&world, &served, &change);
        }
        influenced += u64::from(!harmless);
        exposed += u64::from(harmless);
        in_memory += u64::from(world.poisoned.is_none());
    }
    assert_eq!((influenced, exposed), (WORLDS / 2, WORLDS / 2));
    assert!((20..80).contains(&in_memory), "{in_memory}");
}

/// Recorded until the input comes in, live from there on; no live model ever reads the poison.
fn check_course(world: &World, served: &[Served], change: &Change) {
    let models: Vec<&Served> = served.iter().filter(|one| matches!(one.surface, Surface::Model(_))).collect();
    let first = models.iter().position(|one| one.how == How::Live).unwrap();
    assert_eq!(first, world.poisoned.map_or(0, |page| page + 1));
    assert!(models[..first].iter().all(|one| matches!(one.how, How::Recorded(_))));
    assert!(models[first].matched == MatchKind::Changed || models[first].sent.is_some());
    assert_eq!(models[first].step, Some(first + 1));
    for one in &models[first..] {
        let read = one.sent.as_ref().unwrap_or(&one.request);
        let body: Value = serde_json::from_slice(read).unwrap();
        assert!(!body.to_string().contains("OBEY"), "{change:?}");
    }
}

#[test]
fn an_input_that_cannot_be_changed_is_named() {
    let events = World::generate(1).record();
    assert!(matches!(Change::without(&events, "nowhere"), Err(ChangeError::NoEvent(_))));
    let answer = events.iter().find(|event| event.kind == "model.call").unwrap();
    assert!(matches!(Change::without(&events, &answer.id), Err(ChangeError::OwnAnswer(_))));
    let input = events.iter().find(|event| event.kind == "message").unwrap();
    let error = Change::set(&events, &input.id, "nothing", b"x").unwrap_err();
    assert!(matches!(&error, ChangeError::NoText { there, .. } if there == "record"), "{error}");
    let error = Change::set(&events, &input.id, "record", &[0xff]).unwrap_err();
    assert!(matches!(error, ChangeError::NotText(_)));
}

#[test]
fn a_fork_is_recorded_before_its_step_and_live_from_it_on() {
    let world = World::generate(4);
    let events = world.record();
    let steps = Recording::build(&events).unwrap().exchanges.len();
    for at in 1..=steps {
        let live: Arc<dyn Live> = Arc::new(LiveModel);
        let plan = Plan { fork_at: Some(at), tool_miss: stub(), ..Plan::default() };
        let (replay, kept) = replay(&events, plan, Some(live));
        assert_eq!(wait(world.play(&replay)), 200);
        let models: Vec<Served> =
            kept.all().into_iter().filter(|one| matches!(one.surface, Surface::Model(_))).collect();
        assert_eq!(models.iter().filter(|one| one.how == How::Live).count(), steps + 1 - at);
        assert!(models[..at - 1].iter().all(|one| matches!(one.how, How::Recorded(_))));
        assert_eq!(judge(replay.recording(), &kept.all()), Outcome::NotExposed, "the same model does the same");
    }
}

#[test]
fn plans_that_cannot_be_followed_are_refused() {
    let events = World::generate(4).record();
    let build = |plan: Plan, live: Option<Arc<dyn Live>>| {
        let recording = Recording::build(&events).unwrap();
        Replay::new(recording, plan, live, Arc::new(Kept::default()), Limits::default()).err()
    };
    assert_eq!(build(Plan { fork_at: Some(2), ..Plan::default() }, None), Some(PlanError::NoLive));
    let outside = build(Plan { fork_at: Some(99), ..Plan::default() }, Some(Arc::new(LiveModel)));
    assert!(matches!(outside, Some(PlanError::ForkOutside { at: 99, .. })));
}

#[test]
fn a_live_endpoint_that_fails_or_a_stub_is_recorded_as_such() {
    #[derive(Debug)]
    struct Down;
    #[async_trait]
    impl Live for Down {
        async fn model(&self, _: LiveRequest) -> Result<LiveAnswer, String> {
            Err("connection refused".to_owned())
        }
    }
    let events = chat(&[said("user", "x"), said("assistant", "y")]);
    let other = chat_body(&[said("user", "z")]);
    let (down, kept) = replay(&events, Plan { miss: Miss::Live, ..Plan::default() }, Some(Arc::new(Down)));
    assert_eq!(ask(&down, Dialect::Chat, &other).0, 502);
    assert_eq!(kept.all()[0].how, How::Failed);
    let (stubbed, kept) = replay(&events, Plan { miss: stub(), ..Plan::default() }, None);
    assert_eq!(ask(&stubbed, Dialect::Chat, &other).1["choices"][0]["message"]["content"], "ok");
    assert_eq!(kept.all()[0].how, How::Stub);
    assert!(kept.all()[0].difference.is_some());
}

#[test]
fn no_tool_is_executed_even_by_a_live_replay() {
    let messages =
        [said("user", "x"), calling("c", "pay", &json!({"to": "a"})), result("c", "paid"), said("assistant", "y")];
    let live: Arc<dyn Live> = Arc::new(LiveModel);
    let (replay, kept) = replay(&chat(&messages), Plan { tool_miss: Miss::Live, ..Plan::default() }, Some(live));
    let reply = wait(replay.tool("pay", &json!({"to": "b"}), false, Bytes::new()));
    assert!(matches!(&reply, ToolReply::Error(code, why, _) if *code == FAILED && why.contains("is not called")));
    assert_eq!(kept.all()[0].how, How::Failed);
}
