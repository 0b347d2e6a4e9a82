//! Lanes: the streams that the gateway signs, one for each partition of the log.
//!
//! Guarantee: an event's partition depends only on its session, or on its id where it has no session; so the same event
//! sent again, also to another gateway, meets itself in the same partition, where the store drops the second. The
//! partition of a session is the murmur2 rule over the session's name. It cannot fail.
//!
//! The partition key of a lane is its stream name, as the topic contract says; the name carries the smallest number
//! that makes it fall into the lane's partition.

use crate::producer::{Producer, StreamSpec};
use schemas::draft::Draft;
use schemas::partition::partition_of;

/// Numbers tried for one lane. With 1,024 partitions each misses with chance 1023/1024: 64 x 1,024 miss with 10^-28.
const TRIES_PER_PARTITION: u32 = 64;

/// One stream for each partition, in the order of the partitions.
#[must_use]
pub fn lane_specs(producer: &Producer, partitions: u32) -> Vec<StreamSpec> {
    (0..partitions)
        .map(|partition| {
            let name = |k: u32| producer.stream_name(&format!("lane/{partition}.{k}"));
            let fits = |name: &String| partition_of(name.as_bytes(), partitions) == partition;
            let tries = partitions.saturating_mul(TRIES_PER_PARTITION);
            let name = (0..tries).map(name).find(fits).unwrap_or_else(|| name(tries));
            StreamSpec { partition_key: name.clone(), name }
        })
        .collect()
}

/// The lane, which is the partition, of an event.
#[must_use]
pub fn lane_of(draft: &Draft, partitions: u32) -> usize {
    let key = draft.session.as_deref().filter(|s| !s.is_empty()).unwrap_or(&draft.id);
    partition_of(key.as_bytes(), partitions) as usize
}
