//! The MCP server over standard input and output: one message a line.
//!
//! Guarantee: answers in the order of the requests; ends when the input does. A line that is longer than the limit is
//! an error of the input, since nobody knows where the next message begins.

use super::engine::Replay;
use super::limits::STDIO_LINE_BYTES_MAX;
use super::mcp;
use bytes::Bytes;
use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Serves until the input ends.
pub async fn serve_stdio<R, W>(replay: &Replay, mut input: R, mut output: W) -> io::Result<()>
where
    R: AsyncBufRead + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        let mut line = Vec::new();
        let limit = STDIO_LINE_BYTES_MAX as u64 + 1;
        if (&mut input).take(limit).read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if line.len() > STDIO_LINE_BYTES_MAX {
            let why = format!("an MCP message of more than {STDIO_LINE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        if let Some(answer) = mcp::message(replay, Bytes::from(line)).await {
            let mut written = answer.to_string();
            written.push('\n');
            output.write_all(written.as_bytes()).await?;
            output.flush().await?;
        }
    }
}
