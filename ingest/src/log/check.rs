//! What every form of the log checks in the same way, before it does anything: limits of records and the partition's
//! number.
//!
//! Guarantee: a call that passes breaks no limit of the format, so that no form needs a limit of its own. Failure is
//! [`LogError::Refused`] for a record and [`LogError::Corrupt`] for a partition that the log does not have.

use super::{LogError, NewRecord};
use schemas::limits::{LOG_RECORD_BYTES_MAX, PARTITION_KEY_BYTES_MAX};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Longest wait of one read, in seconds: a longer one is cut to it, because timers cannot count to the end of time.
const WAIT_S_MAX: u64 = 24 * 3_600;

/// Refuses the whole call when one of its records breaks a limit.
pub(super) fn records(records: &[NewRecord]) -> Result<(), LogError> {
    for (index, record) in records.iter().enumerate() {
        let (key, value) = (record.partition_key.len(), record.value.len());
        if key > PARTITION_KEY_BYTES_MAX {
            return Err(refused(index, "partition key", key, PARTITION_KEY_BYTES_MAX));
        }
        if value > LOG_RECORD_BYTES_MAX {
            return Err(refused(index, "value", value, LOG_RECORD_BYTES_MAX));
        }
    }
    Ok(())
}

fn refused(index: usize, what: &str, found: usize, limit: usize) -> LogError {
    LogError::Refused {
        detail: format!(
            "{what} of record {index} of the call has {found} bytes, at most {limit} are allowed; \
             nothing of the call was appended; send large contents as parts"
        ),
    }
}

/// Fails when the log has no such partition.
pub(super) fn partition(log: &str, partition: u32, partitions: u32) -> Result<(), LogError> {
    if partition < partitions {
        return Ok(());
    }
    Err(LogError::Corrupt {
        log: log.to_owned(),
        detail: format!(
            "partition {partition} was asked for, it has {partitions} (counted from 0); \
             is the table's configuration of another log?"
        ),
    })
}

/// Fails when `from` lies outside `[first, next]`.
pub(super) fn range(log: &str, partition: u32, from: u64, first: u64, next: u64) -> Result<(), LogError> {
    if from < first {
        return Err(LogError::Truncated { partition, from, first });
    }
    if from <= next {
        return Ok(());
    }
    Err(LogError::Corrupt {
        log: log.to_owned(),
        detail: format!(
            "partition {partition} ends at offset {next}, before offset {from} that was asked for: records that were \
             read before are gone, or this is another log under the same name; compare it with the table's log id"
        ),
    })
}

/// When a read stops waiting.
pub(super) fn deadline(wait: Duration) -> Instant {
    Instant::now() + wait.min(Duration::from_secs(WAIT_S_MAX))
}

/// Locks; a panic of another holder does not spread (every critical section here leaves its data whole).
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
