//! Transcripts: order, pages, text.

use crate::fixture::{Builder, Row};
use query::QueryError;
use query::lineage::Style;
use query::transcript::Page;
use schemas::columns::RowClass;

fn store() -> crate::fixture::Store {
    let planner = vec![
        Row::event("p-0", "message", 0)
            .session("run")
            .with("stream", "planner")
            .with("stream_index", 0)
            .with("time", "2026-01-01T00:00:00Z")
            .says("record", "application/json", br#"{"role":"user","content":"Pay the bill"}"#),
        Row::event("p-1", "model.call", 1).session("run").with("stream", "planner").with("stream_index", 1).says(
            "output",
            "text/plain",
            b"I ask the worker.",
        ),
        Row::event("p-2", "model.call", 2)
            .session("run")
            .with("stream", "planner")
            .with("stream_index", 2)
            .with("time", "2026-01-01T00:00:05Z")
            .with("input_tokens", 7)
            .with("output_tokens", 3)
            .says("output", "text/plain", b"Done."),
    ];
    let worker = vec![
        Row::event("w-0", "tool.call", 0)
            .session("run")
            .with("stream", "worker")
            .with("stream_index", 0)
            .with("time", "2026-01-01T00:00:02Z")
            .with("tool", "pay")
            .says("arguments", "application/json", br#"{"to":"x"}"#),
        Row::event("w-1", "message", 1).session("other").with("stream", "worker").with("stream_index", 1),
    ];
    Builder::new().file(0, RowClass::Event, planner).file(1, RowClass::Event, worker).build()
}

#[tokio::test]
async fn streams_are_merged_by_time_and_keep_their_order() {
    let store = store();
    let engine = store.engine().await;
    let page = engine.transcript("run", &Page::default()).await.unwrap();
    let ids: Vec<&str> = page.turns.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["p-0", "p-1", "w-0", "p-2"], "an event without a time stands with the one before it");
    assert_eq!((page.events_total, page.next), (4, None));
    assert_eq!(page.turns[0].role.as_deref(), Some("user"));
    assert_eq!(page.turns[0].contents[0].text.as_deref(), Some("Pay the bill"));
}

#[tokio::test]
async fn pages_tile_the_session() {
    let store = store();
    let engine = store.engine().await;
    for events_max in 1..=5 {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = engine.transcript("run", &Page { after, events_max, ..Page::default() }).await.unwrap();
            seen.extend(page.turns.into_iter().map(|t| t.id));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, ["p-0", "p-1", "w-0", "p-2"], "pages of {events_max}");
    }
}

#[tokio::test]
async fn text_is_cut_openly() {
    let store = store();
    let engine = store.engine().await;
    let page = engine.transcript("run", &Page { chars_max: 4, ..Page::default() }).await.unwrap();
    assert!(page.turns[0].contents[0].cut);
    let text = page.to_text(Style::default());
    assert!(text.contains("Pay…") && text.contains("contents are cut for display"), "{text}");
    let whole = engine.transcript("run", &Page::default()).await.unwrap().to_text(Style::default());
    assert!(
        whole.contains("message (user)") && whole.contains("Pay the bill") && whole.contains("7 in, 3 out tokens"),
        "{whole}"
    );
    assert!(whole.contains("table version 0"), "{whole}");
}

#[tokio::test]
async fn wrong_questions_are_told_apart() {
    let store = store();
    let engine = store.engine().await;
    assert!(matches!(engine.transcript("no'such", &Page::default()).await, Err(QueryError::NotFound { .. })));
    let bad = Page { after: Some("x".to_owned()), ..Page::default() };
    assert!(matches!(engine.transcript("run", &bad).await, Err(QueryError::Invalid { .. })));
    let none = Page { events_max: 0, ..Page::default() };
    assert!(matches!(engine.transcript("run", &none).await, Err(QueryError::Invalid { .. })));
}
