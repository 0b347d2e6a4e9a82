//! The write-ahead log of an SQLite database, folded into the database's bytes without touching either file.
//!
//! Guarantee: exactly the frames that SQLite itself would read are applied: those whose salts and running checksum fit,
//! up to the last commit. Anything after that is left out, as SQLite does after a crash. A log that is none, or of
//! another page size, changes nothing and is an error for the caller to record.

/// Bytes of the log's header.
const HEADER_BYTES: usize = 32;
/// Bytes before each page.
const FRAME_BYTES: usize = 24;
/// The log's first bytes; the last bit says in which order its checksums read words.
const MAGIC: u32 = 0x377f_0682;

/// Applies `log` to `database`; gives the number of pages applied.
pub(super) fn fold(database: &mut Vec<u8>, log: &[u8]) -> Result<usize, &'static str> {
    if log.is_empty() {
        return Ok(0);
    }
    let header = log.get(..HEADER_BYTES).ok_or("the write-ahead log is shorter than its header")?;
    let magic = word(header, 0);
    if magic & !1 != MAGIC {
        return Err("the write-ahead log does not begin as one");
    }
    let big_endian = magic & 1 == 1;
    let page = word(header, 8) as usize;
    if !(512..=65_536).contains(&page) || !page.is_power_of_two() {
        return Err("the write-ahead log states an impossible page size");
    }
    let mut sums = checksum((0, 0), &header[..24], big_endian);
    if sums != (word(header, 24), word(header, 28)) {
        return Err("the write-ahead log's header does not fit its checksum");
    }
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    let mut applied = 0;
    let mut at = HEADER_BYTES;
    while let Some(frame) = log.get(at..at + FRAME_BYTES + page) {
        sums = checksum(sums, &frame[..8], big_endian);
        sums = checksum(sums, &frame[FRAME_BYTES..], big_endian);
        let fits = frame[8..16] == header[16..24] && sums == (word(frame, 16), word(frame, 20));
        let number = word(frame, 0) as usize;
        if !fits || number == 0 {
            break;
        }
        waiting.push((number, at + FRAME_BYTES));
        let pages_after = word(frame, 4) as usize;
        if pages_after > 0 {
            applied += waiting.len();
            commit(database, log, page, &mut waiting, pages_after);
        }
        at += FRAME_BYTES + page;
    }
    Ok(applied)
}

fn commit(database: &mut Vec<u8>, log: &[u8], page: usize, waiting: &mut Vec<(usize, usize)>, pages: usize) {
    // A log holds no more pages than its own length: a size that could not have come from it is not believed.
    let size = pages.saturating_mul(page).min(database.len() + log.len());
    database.resize(size, 0);
    for (number, from) in waiting.drain(..) {
        let to = (number - 1).saturating_mul(page);
        if let (Some(target), Some(source)) =
            (database.get_mut(to..to.saturating_add(page)), log.get(from..from + page))
        {
            target.copy_from_slice(source);
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

fn checksum(sums: (u32, u32), bytes: &[u8], big_endian: bool) -> (u32, u32) {
    let read = |word: &[u8]| {
        let mut four = [0; 4];
        four.copy_from_slice(word);
        if big_endian { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) }
    };
    bytes.chunks_exact(8).fold(sums, |(a, b), pair| {
        let a = a.wrapping_add(read(&pair[..4])).wrapping_add(b);
        let b = b.wrapping_add(read(&pair[4..])).wrapping_add(a);
        (a, b)
    })
}

#[cfg(test)]
mod tests {
    use super::fold;
    use rusqlite::Connection;

    #[test]
    fn what_only_the_log_holds_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.sqlite");
        let live = Connection::open(&path).expect("a database");
        let sql = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x TEXT);";
        live.execute_batch(sql).expect("a table");
        for n in 0..500 {
            live.execute("INSERT INTO t VALUES (?1)", [format!("row {n}")]).expect("a row");
        }
        let mut database = std::fs::read(&path).expect("bytes");
        let log = std::fs::read(folder.path().join("a.sqlite-wal")).expect("a log");
        let mut torn = database.clone();
        assert!(fold(&mut database, &log).expect("a log") > 500);
        assert_eq!(count(database), Some(500));
        assert!(fold(&mut torn, &log[..log.len() / 2]).expect("a log") > 0);
        assert!(count(torn).is_some_and(|rows| rows > 0 && rows < 500));
        assert!(fold(&mut vec![0; 4_096], &[7; 40]).is_err());
    }

    fn count(bytes: Vec<u8>) -> Option<i64> {
        let open = super::super::database::open(bytes).expect("a database");
        open.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).ok()
    }
}
