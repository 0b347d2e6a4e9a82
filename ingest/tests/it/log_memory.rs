//! The in-memory log under the suite of all logs.

use async_trait::async_trait;
use ingest::env::Seeded;
use ingest::log::Log;
use ingest::log::conformance::{self, Form};
use ingest::log::memory::MemoryLog;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Default)]
struct Memory {
    made: Mutex<HashMap<String, MemoryLog>>,
}

#[async_trait]
impl Form for Memory {
    async fn fresh(&self, partitions: u32) -> Arc<dyn Log> {
        let mut made = self.made.lock().unwrap();
        let log = MemoryLog::new(partitions, &*Seeded::env(made.len() as u64).entropy);
        made.insert(log.id().to_owned(), log.clone());
        Arc::new(log)
    }

    async fn again(&self, log: &Arc<dyn Log>) -> Arc<dyn Log> {
        Arc::new(self.made.lock().unwrap()[log.id()].clone())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_memory_conforms() {
    conformance::all(&Memory::default()).await;
}
