//! Puts into a local directory that several processes share.

use object_store::path::Path;
use object_store::{Error, ObjectStore, PutOptions, PutPayload};
use std::collections::BTreeSet;
use store::durable::DurableLocal;

/// Objects that each of two writers puts.
const OBJECTS: usize = 200;

fn names(dir: &std::path::Path) -> BTreeSet<String> {
    let names = std::fs::read_dir(dir).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".tmp-")).collect()
}

/// Two stores of one process count from 0 each, as two containers do whose process has the same id.
#[tokio::test(flavor = "multi_thread")]
async fn writers_with_one_process_id_never_share_a_temporary_file() {
    let dir = tempfile::tempdir().unwrap();
    let writers: Vec<_> = ["a", "b"].into_iter().map(|w| (w, DurableLocal::new(dir.path()).unwrap())).collect();
    let mut puts = tokio::task::JoinSet::new();
    for n in 0..OBJECTS {
        for (writer, store) in &writers {
            let (store, key) = (store.clone(), Path::from(format!("folder/{writer}{n}")));
            let payload = PutPayload::from(format!("{writer}{n}").repeat(10_000));
            puts.spawn(async move { store.put_opts(&key, payload, PutOptions::default()).await.unwrap() });
        }
    }
    puts.join_all().await;
    for n in 0..OBJECTS {
        for writer in ["a", "b"] {
            let found = std::fs::read_to_string(dir.path().join(format!("folder/{writer}{n}"))).unwrap();
            assert_eq!(found, format!("{writer}{n}").repeat(10_000));
        }
    }
    assert!(names(&dir.path().join("folder")).is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn litter_of_a_crash_blocks_nothing_and_is_not_written_to() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..5 {
        std::fs::write(dir.path().join(format!(".tmp-{}-{n}", std::process::id())), b"of another").unwrap();
    }
    let before = names(dir.path());
    let store = DurableLocal::new(dir.path()).unwrap();
    let create =
        object_store::PutOptions { mode: object_store::PutMode::Create, ..object_store::PutOptions::default() };
    store.put_opts(&Path::from("one"), PutPayload::from_static(b"1"), PutOptions::default()).await.unwrap();
    store.put_opts(&Path::from("two"), PutPayload::from_static(b"2"), create.clone()).await.unwrap();
    let again = store.put_opts(&Path::from("two"), PutPayload::from_static(b"3"), create).await;
    assert!(matches!(again, Err(Error::AlreadyExists { .. })), "{again:?}");
    assert_eq!(std::fs::read(dir.path().join("two")).unwrap(), b"2");
    assert_eq!(names(dir.path()), before);
    for name in before {
        assert_eq!(std::fs::read(dir.path().join(name)).unwrap(), b"of another");
    }
}
