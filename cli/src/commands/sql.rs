//! `hansard sql`: an answer in one of five forms, on stdout or in a file, and the meaning of every column.
//!
//! Guarantee: what the answer stands on goes with it: in JSON and Parquet inside, below a table, and on stderr for
//! NDJSON and CSV. A file appears under its name only when it is whole.

use super::Context;
use crate::args::{SqlArgs, SqlFormat};
use crate::failure::{Doing, Failure, Kind, Result};
use crate::opened;
use query::{Coverage, Engine, Format, output};
use serde_json::json;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// When the query is refused or fails, or the output cannot be written.
pub async fn run(context: Context<'_>, args: &SqlArgs) -> Result<()> {
    if let Some(table) = &args.describe {
        let engine = opened::engine(context.settings, context.env).await?;
        return describe(context, &engine, table);
    }
    let text = query_text(args.query.as_deref().unwrap_or_default())?;
    let format = format(context, args)?;
    let engine = opened::engine(context.settings, context.env).await?;
    let rows = engine.stream(&text, args.rows).await?;
    let coverage = match &args.out {
        Some(path) => to_file(path, format, rows).await?,
        None => to_stdout(format, rows).await?,
    };
    if args.out.is_some() || matches!(format, Format::NdJson | Format::Csv) {
        context.console.note(coverage.sentence());
    }
    if let (Some(path), true) = (&args.out, context.console.is_json()) {
        context.console.document(&json!({ "out": path, "format": format, "coverage": coverage }))?;
    }
    Ok(())
}

fn query_text(given: &str) -> Result<String> {
    if given != "-" {
        return Ok(given.to_owned());
    }
    let mut text = String::new();
    // One byte more than the limit, so that the engine refuses it by its own words.
    let limit = query::limits::SQL_BYTES_MAX as u64 + 1;
    std::io::stdin().lock().take(limit).read_to_string(&mut text).doing("reading the query from stdin")?;
    Ok(text)
}

fn format(context: Context<'_>, args: &SqlArgs) -> Result<Format> {
    let by_name = |path: &PathBuf| match path.extension().and_then(|e| e.to_str()) {
        Some("parquet") => Format::Parquet,
        Some("csv") => Format::Csv,
        Some("ndjson" | "jsonl") => Format::NdJson,
        Some("json") => Format::Json,
        _ => Format::Table,
    };
    let format = match args.format {
        Some(SqlFormat::Table) => Format::Table,
        Some(SqlFormat::Json) => Format::Json,
        Some(SqlFormat::Ndjson) => Format::NdJson,
        Some(SqlFormat::Csv) => Format::Csv,
        Some(SqlFormat::Parquet) => Format::Parquet,
        None => match &args.out {
            Some(path) => by_name(path),
            None if context.console.is_json() => Format::Json,
            None => Format::Table,
        },
    };
    if format == Format::Parquet && args.out.is_none() && context.console.out_is_terminal() {
        return Err(Failure::new("Parquet is not for terminals").hint("name a file with --out, or pipe it on"));
    }
    Ok(format)
}

/// Remembers that the reader went away: the engine only knows that its output failed.
struct Pipe<W> {
    inner: W,
    closed: bool,
}

impl<W: Write> Write for Pipe<W> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(buf);
        self.closed |= matches!(&written, Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe);
        written
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let flushed = self.inner.flush();
        self.closed |= matches!(&flushed, Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe);
        flushed
    }
}

async fn to_stdout(format: Format, rows: query::RowStream) -> Result<Coverage> {
    let mut pipe = Pipe { inner: BufWriter::new(std::io::stdout()), closed: false };
    let written = output::write_stream(format, rows, &mut pipe).await;
    let flushed = pipe.flush();
    match written {
        Err(_) if pipe.closed => Err(Failure { kind: Kind::PipeClosed, ..Failure::new("") }),
        Err(error) => Err(error.into()),
        Ok(coverage) => flushed.map(|()| coverage).map_err(Failure::from),
    }
}

async fn to_file(path: &Path, format: Format, rows: query::RowStream) -> Result<Coverage> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = path.with_file_name(name);
    let file = std::fs::File::create(&part).doing(format!("making {}", part.display()))?;
    let mut out = BufWriter::new(file);
    let written = output::write_stream(format, rows, &mut out).await;
    let flushed = out.flush();
    let done = written.map_err(Failure::from).and_then(|coverage| {
        flushed.doing(format!("writing {}", part.display()))?;
        std::fs::rename(&part, path).doing(format!("naming {}", path.display()))?;
        Ok(coverage)
    });
    if done.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&part);
    }
    done
}

fn describe(context: Context<'_>, engine: &Engine, table: &str) -> Result<()> {
    let console = context.console;
    if table.is_empty() {
        return console.answer(&json!({ "tables": engine.tables(), "coverage": engine.coverage() }), || {
            let rows: Vec<Vec<String>> = engine
                .tables()
                .iter()
                .map(|t| vec![t.name.to_owned(), t.columns.len().to_string(), t.description.to_owned()])
                .collect();
            format!(
                "{}\n`hansard sql --describe TABLE` lists its columns.",
                console.table(&["table", "columns", "meaning"], &rows)
            )
        });
    }
    let names: Vec<&str> = engine.tables().iter().map(|t| t.name).collect();
    let found = engine.tables().iter().find(|t| t.name == table);
    let doc = found.ok_or_else(|| {
        Failure::no(format!("there is no table {table:?}")).hint(format!("tables: {}", names.join(", ")))
    })?;
    console.answer(&json!({ "table": doc, "coverage": engine.coverage() }), || {
        let rows: Vec<Vec<String>> =
            doc.columns.iter().map(|c| vec![c.name.clone(), c.data_type.clone(), c.description.clone()]).collect();
        format!("{}: {}\n{}", doc.name, doc.description, console.table(&["column", "type", "meaning"], &rows))
    })
}
