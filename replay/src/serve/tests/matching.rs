//! Which requests are the recorded ones, and what is said of those that are not.

use super::run::{calling, chat, result, said, wire};
use super::*;

fn banking() -> Vec<Value> {
    vec![
        said("system", "You are a bank."),
        said("user", "What do I have, and where?"),
        json!({"role": "assistant", "content": "I look.", "tool_calls": [
            {"id": "a", "type": "function",
             "function": {"name": "balance", "arguments": "{\"of\": \"x\", \"n\": 1.0}"}},
            {"id": "b", "type": "function", "function": {"name": "branch", "arguments": "{}"}}]}),
        result("a", "100"),
        result("b", "Paris"),
        said("assistant", "100, in Paris."),
    ]
}

#[test]
fn ids_key_order_and_the_order_of_parallel_results_do_not_make_another_request() {
    let (replay, kept) = replay(&chat(&banking()), Plan::default(), None);
    let mut other = banking();
    other.truncate(5);
    other[2] = json!({"role": "assistant", "content": [{"type": "text", "text": "I look.\r\n"}], "tool_calls": [
        {"id": "q", "type": "function", "function": {"arguments": "{\"n\":1,\"of\":\"x\"}", "name": "balance"}},
        {"id": "r", "type": "function", "function": {"arguments": "", "name": "branch"}}]});
    other[3] = result("r", "Paris");
    other[4] = result("q", "100");
    let (status, body) = ask(&replay, Dialect::Chat, &chat_body(&other));
    assert_eq!((status, &body["choices"][0]["message"]["content"]), (200, &json!("100, in Paris.")));
    assert_eq!(kept.all()[0].how, How::Recorded(MatchKind::Same));
    assert_eq!(kept.all()[0].event.as_deref(), Some("message-5"));
}

#[test]
fn a_changed_word_stops_at_its_step_and_says_where() {
    let (replay, kept) = replay(&chat(&banking()), Plan::default(), None);
    let mut other = banking();
    other.truncate(5);
    other[4] = result("b", "Pisa");
    let (status, body) = ask(&replay, Dialect::Chat, &chat_body(&other));
    assert_eq!((status, body["error"]["type"].as_str()), (422, Some("replay_stopped")));
    let difference = kept.all()[0].difference.clone().unwrap();
    assert_eq!((difference.step, difference.path.as_str(), difference.character), (Some(2), "messages[4].content", 1));
    assert_eq!((difference.recorded.as_str(), difference.requested.as_str()), ("Paris", "Pisa"));
}

#[test]
fn the_same_request_asked_twice_gets_both_recorded_answers_and_then_the_last_again() {
    let request = r#"{"model":"m","messages":[{"role":"user","content":"dice"}]}"#;
    let answer = |n: u8| {
        let message = json!({"role": "assistant", "content": n.to_string()});
        let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
        json!({"id": format!("r{n}"), "choices": [choice]}).to_string()
    };
    let events = vec![wire("one", request, &answer(1)), wire("two", request, &answer(2))];
    let (replay, kept) = replay(&events, Plan::default(), None);
    let given: Vec<Bytes> = (0..3).map(|_| wait(replay.model(Dialect::Chat, Bytes::from(request))).body).collect();
    assert_eq!(given, [answer(1), answer(2), answer(2)].map(Bytes::from));
    assert_eq!(kept.all().iter().map(|one| one.repeated).collect::<Vec<_>>(), [false, false, true]);
}

#[test]
fn settings_are_compared_where_they_were_recorded_and_taken_only_when_asked_to() {
    let request = json!({"model": "m", "temperature": 0, "messages": [said("user", "hello")], "stream": false});
    let response =
        r#"{"id":"r","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let events = vec![wire("one", &request.to_string(), response)];
    let mut other = request.clone();
    other["user"] = "somebody".into();
    other["temperature"] = json!(0.0);
    assert_eq!(ask(&replay(&events, Plan::default(), None).0, Dialect::Chat, &other).0, 200);
    other["temperature"] = json!(1);
    let (strict, kept) = replay(&events, Plan::default(), None);
    assert_eq!(ask(&strict, Dialect::Chat, &other).0, 422);
    assert_eq!(kept.all()[0].difference.as_ref().map(|d| d.path.clone()), Some("temperature".to_owned()));
    let (lenient, kept) = replay(&events, Plan { accept_settings: true, ..Plan::default() }, None);
    assert_eq!(ask(&lenient, Dialect::Chat, &other).0, 200);
    assert_eq!(kept.all()[0].how, How::Recorded(MatchKind::Settings));
    assert!(kept.all()[0].difference.is_some());
}

#[test]
fn the_nearest_answer_is_given_only_when_asked_to() {
    let plan = Plan { accept_nearest: true, ..Plan::default() };
    let (replay, kept) = replay(&chat(&banking()), plan, None);
    let (status, body) =
        ask(&replay, Dialect::Chat, &chat_body(&[said("system", "You are a bank."), said("user", "?")]));
    assert_eq!((status, &body["choices"][0]["finish_reason"]), (200, &json!("tool_calls")));
    assert_eq!((kept.all()[0].how, kept.all()[0].step), (How::Recorded(MatchKind::None), Some(1)));
}

#[test]
fn a_run_recorded_without_its_system_prompt_is_found_under_any() {
    let messages = &banking()[1..];
    let (replay, _) = replay(&chat(messages), Plan::default(), None);
    let mut asked = vec![said("system", "whatever the program says")];
    asked.extend_from_slice(&messages[..1]);
    assert_eq!(ask(&replay, Dialect::Chat, &chat_body(&asked)).0, 200);
}

#[test]
fn an_answer_in_lines_and_its_results_on_another_branch_are_one_conversation() {
    let line = |uuid: &str, parent: &str, kind: &str, message: Value| {
        let own = if kind == "assistant" { "model.call" } else { "message" };
        let mut event = run::event(uuid, own);
        let record = json!({"type": kind, "uuid": uuid, "parentUuid": parent, "message": message});
        event.contents.push(run::content("record", record.to_string()));
        event.causes.push(run::cause(parent, "responds_to"));
        event
    };
    let usage = json!({"input_tokens": 1, "output_tokens": 2});
    let answer = |block: Value| json!({"role": "assistant", "id": "m1", "content": [block], "usage": usage});
    let used = |id: &str| json!({"type": "tool_use", "id": id, "name": "read", "input": {"of": id}});
    let given =
        |id: &str| json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": id}]});
    let events = vec![
        line("u", "", "user", json!({"role": "user", "content": "go"})),
        line("a1", "u", "assistant", answer(json!({"type": "text", "text": "so"}))),
        line("a2", "a1", "assistant", answer(used("t1"))),
        line("a3", "a2", "assistant", answer(used("t2"))),
        line("r1", "a2", "user", given("t1")),
        line("r2", "a3", "user", given("t2")),
        line(
            "z",
            "r2",
            "assistant",
            json!({"role": "assistant", "id": "m2", "content": [{"type": "text", "text": "done"}]}),
        ),
    ];
    let (replay, _) = replay(&events, Plan::default(), None);
    assert_eq!(replay.recording().exchanges.len(), 2);
    let said = json!([{"type": "text", "text": "so"}, used("t1"), used("t2")]);
    let results = json!([given("t1")["content"][0], given("t2")["content"][0]]);
    let messages = json!([{"role": "user", "content": "go"}]);
    let first = json!({"model": "m", "max_tokens": 1, "messages": messages});
    assert_eq!(ask(&replay, Dialect::Messages, &first).1["content"], said);
    let messages = json!([messages[0], {"role": "assistant", "content": said}, {"role": "user", "content": results}]);
    let second = json!({"model": "m", "max_tokens": 1, "messages": messages});
    assert_eq!(ask(&replay, Dialect::Messages, &second).1["content"][0]["text"], "done");
}

#[test]
fn a_request_that_goes_on_from_an_earlier_response_is_found() {
    let (replay, _) = replay(&chat(&banking()), Plan::default(), None);
    let input = json!([said("system", "You are a bank."), said("user", "What do I have, and where?")]);
    let (_, first) = ask(&replay, Dialect::Responses, &json!({"model": "m", "input": input}));
    let output = |call: &str, text: &str| json!({"type": "function_call_output", "call_id": call, "output": text});
    let second =
        json!({"model": "m", "previous_response_id": first["id"], "input": [output("a", "100"), output("b", "Paris")]});
    let (status, body) = ask(&replay, Dialect::Responses, &second);
    assert_eq!((status, &body["output"][0]["content"][0]["text"]), (200, &json!("100, in Paris.")));
    let unknown = json!({"model": "m", "previous_response_id": "resp_other", "input": "x"});
    assert_eq!(ask(&replay, Dialect::Responses, &unknown).0, 422);
}

#[test]
fn calls_without_ids_get_ids_that_find_their_results() {
    let mut messages = banking();
    messages[2]["tool_calls"][0]["id"] = Value::Null;
    messages[2]["tool_calls"][1]["id"] = "".into();
    messages[3]["tool_call_id"] = Value::Null;
    messages[4]["tool_call_id"] = "".into();
    let (replay, _) = replay(&chat(&messages), Plan::default(), None);
    let (_, first) = ask(&replay, Dialect::Chat, &chat_body(&messages[..2]));
    let answer = &first["choices"][0]["message"];
    let id = |at: usize| answer["tool_calls"][at]["id"].as_str().unwrap();
    assert_ne!(id(0), id(1));
    let asked =
        [messages[0].clone(), messages[1].clone(), answer.clone(), result(id(1), "Paris"), result(id(0), "100")];
    assert_eq!(ask(&replay, Dialect::Chat, &chat_body(&asked)).0, 200);
}

#[test]
fn damaged_requests_and_empty_runs_are_errors() {
    let (replay, kept) = replay(&chat(&banking()), Plan::default(), None);
    assert_eq!(wait(replay.model(Dialect::Chat, Bytes::from("{"))).status, 400);
    assert_eq!(ask(&replay, Dialect::Messages, &json!({"model": "m"})).0, 400);
    assert!(kept.all().iter().all(|one| one.how == How::Failed));
    assert_eq!(Recording::build(&[]).err(), Some(BuildError::Nothing { events: 0, unread: 0 }));
    let _ = calling("x", "y", &json!({}));
}
