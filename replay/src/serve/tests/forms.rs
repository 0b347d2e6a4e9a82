//! Answers in every API's form: the recorded bytes, or the same blocks, ids, usage and stop reason.

use super::run::{chat, result, said, wire};
use super::*;
use crate::serve::dialect::wire_answer;

const REQUEST: &str = r#"{ "model":"claude", "max_tokens": 9, "messages": [ {"role":"user","content":"hi"} ] }"#;

fn anthropic() -> String {
    let text = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig=="},
            {"type": "text", "text": "Ä long answer. ".repeat(60)},
            {"type": "tool_use", "id": "toolu_1", "name": "read", "input": {"path": "/a", "deep": [1, {"b": null}]}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {
            "input_tokens": 3, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 5, "output_tokens": 6,
        },
    })
    .to_string();
    format!(" {text}\n")
}

#[test]
fn wire_bytes_come_back_byte_for_byte() {
    let (replay, kept) = replay(&[wire("one", REQUEST, &anthropic())], Plan::default(), None);
    let reply = wait(replay.model(Dialect::Messages, Bytes::from(REQUEST)));
    assert_eq!(reply.body, anthropic());
    assert_eq!(kept.all()[0].matched, MatchKind::Bytes);
    let messages = json!([{"content": [{"type": "text", "text": "hi"}], "role": "user"}]);
    let other_spelling = json!({"messages": messages, "max_tokens": 9, "model": "claude"});
    let reply = wait(replay.model(Dialect::Messages, Bytes::from(other_spelling.to_string())));
    assert_eq!(reply.body, anthropic());
    assert_eq!(kept.all()[1].matched, MatchKind::Same);
}

#[test]
fn a_stream_adds_up_to_the_recorded_answer() {
    let (replay, _) = replay(&[wire("one", REQUEST, &anthropic())], Plan::default(), None);
    let streamed = REQUEST.replace("\"max_tokens\"", "\"stream\": true, \"max_tokens\"");
    let reply = wait(replay.model(Dialect::Messages, Bytes::from(streamed)));
    assert!(reply.media_type.starts_with("text/event-stream"));
    let whole = wire_answer(&Bytes::from(anthropic())).unwrap();
    let added = wire_answer(&reply.body).unwrap();
    assert_eq!((&added.id, &added.model, &added.stop), (&whole.id, &whole.model, &whole.stop));
    assert_eq!(added.usage, whole.usage);
    let natives = |answer: &Answer| answer.blocks.iter().map(|b| b.native.clone()).collect::<Vec<_>>();
    assert_eq!(natives(&added), natives(&whole));
}

#[test]
fn every_form_of_every_api_says_the_same() {
    let messages = [
        said("user", "x"),
        json!({"role": "assistant", "content": "a", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{\"k\": \"ü\"}"}}]}),
        result("c1", "y"),
    ];
    let events = chat(&messages);
    for dialect in [Dialect::Chat, Dialect::Responses, Dialect::Messages] {
        for streamed in [false, true] {
            let (replay, _) = replay(&events, Plan::default(), None);
            let mut body = json!({"model": "m", "max_tokens": 5, "stream": streamed});
            let conversation = json!([{"role": "user", "content": "x"}]);
            body[if dialect == Dialect::Responses { "input" } else { "messages" }] = conversation;
            let reply = wait(replay.model(dialect, Bytes::from(body.to_string())));
            let answer = wire_answer(&reply.body).unwrap();
            assert_eq!(answer.wire.as_ref().map(|w| (w.dialect, w.streamed)), Some((dialect, streamed)));
            assert_eq!(answer.said(), "a", "{dialect:?} {streamed}");
            assert_eq!(answer.calls(), [("f".to_owned(), "{\"k\":\"ü\"}".to_owned())]);
            assert!(matches!(&answer.blocks[1].what, What::Call { id, .. } if id == "c1"));
            assert_eq!(answer.stopped(), Stop::Tools);
        }
    }
}

#[test]
fn usage_keeps_its_sums_in_another_api() {
    let (replay, _) =
        replay(&[wire("one", REQUEST, &anthropic())], Plan { accept_settings: true, ..Plan::default() }, None);
    let (_, body) = ask(&replay, Dialect::Chat, &chat_body(&[said("user", "hi")]));
    assert_eq!(body["usage"]["prompt_tokens"], 12);
    assert_eq!(body["usage"]["prompt_tokens_details"]["cached_tokens"], 4);
    assert_eq!(body["choices"][0]["finish_reason"], "tool_calls");
    let counted = wait(replay.count_tokens(Bytes::from(REQUEST)));
    assert_eq!(counted.body, r#"{"input_tokens":12}"#);
}

#[test]
fn models_are_those_that_answered() {
    let (replay, _) = replay(&[wire("one", REQUEST, &anthropic())], Plan::default(), None);
    assert_eq!(replay.models(Dialect::Messages)["first_id"], "claude-x");
    assert_eq!(replay.models(Dialect::Chat)["data"][0]["id"], "claude-x");
    assert!(replay.model_named(Dialect::Chat, "gpt").is_none());
}

#[test]
fn a_sink_that_fails_keeps_the_answer_back() {
    #[derive(Debug)]
    struct Full;
    #[async_trait]
    impl Sink for Full {
        async fn served(&self, _: Served) -> Result<(), String> {
            Err("the disk is full".to_owned())
        }
    }
    let recording = Recording::build(&[wire("one", REQUEST, &anthropic())]).unwrap();
    let replay = Replay::new(recording, Plan::default(), None, Arc::new(Full), Limits::default()).unwrap();
    let reply = wait(replay.model(Dialect::Messages, Bytes::from(REQUEST)));
    assert_eq!(reply.status, 500);
    assert!(!String::from_utf8_lossy(&reply.body).contains("long answer"));
}
