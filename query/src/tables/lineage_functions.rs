//! `why(event)`, `upstream(event [, depth])`, `downstream(event [, depth])`: lineage as tables.
//!
//! Guarantee: the rows are those of [`Engine::why_event`] and [`Engine::trace`], one per link that was followed, with what
//! the flow of text adds: in `downstream` the grade of each effect, and a row for each effect that no link names. A walk that
//! a bound cut ends with a row whose `relation` is `not_followed` for each event of the frontier, so that a truncated answer
//! cannot pass for a whole one. Fails as those do.

use crate::context::Engine;
use crate::flow::Grade;
use crate::lineage::{Bounds, Direction, Trace};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::datasource::{MemTable, TableProvider, TableType};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use std::collections::HashMap;
use std::sync::Arc;

/// Which way a function walks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Why,
    Up,
    Down,
}

/// One function.
#[derive(Debug)]
struct LineageFunction {
    engine: Engine,
    way: Way,
}

/// One call of it.
#[derive(Debug)]
struct LineageTable {
    engine: Engine,
    way: Way,
    event: String,
    depth: Option<u32>,
    schema: SchemaRef,
}

/// A row of the answer.
#[derive(Debug, Default)]
struct Reached {
    event_id: String,
    depth: Option<i64>,
    from_id: Option<String>,
    relation: String,
    basis: String,
    grade: Option<&'static str>,
}

/// Registers the functions for questions to `engine`.
pub(crate) fn register(context: &SessionContext, engine: &Engine) {
    for (name, way) in [("why", Way::Why), ("upstream", Way::Up), ("downstream", Way::Down)] {
        context.register_udtf(name, Arc::new(LineageFunction { engine: engine.clone(), way }));
    }
}

impl TableFunctionImpl for LineageFunction {
    fn call_with_args(&self, args: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let (event, depth) = match args.exprs() {
            [event] => (text(event), None),
            [event, depth] if self.way != Way::Why => match number(depth) {
                Some(depth) => (text(event), Some(depth)),
                None => return plan_err!("depth is a number of links, from 0"),
            },
            _ => (None, None),
        };
        let Some(event) = event else {
            return plan_err!("expected why('EVENT'), upstream('EVENT' [, DEPTH]) or downstream('EVENT' [, DEPTH])");
        };
        Ok(Arc::new(LineageTable { engine: self.engine.clone(), way: self.way, event, depth, schema: schema() }))
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten().map(str::to_owned),
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<u32> {
    match expr {
        Expr::Literal(ScalarValue::Int64(Some(n)), _) => u32::try_from(*n).ok(),
        _ => None,
    }
}

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("event_id", DataType::Utf8),
        field("depth", DataType::Int64),
        field("from_id", DataType::Utf8),
        field("relation", DataType::Utf8),
        field("basis", DataType::Utf8),
        field("grade", DataType::Utf8),
    ]))
}

#[async_trait]
impl TableProvider for LineageTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = self.rows().await.map_err(|e| DataFusionError::External(Box::new(e)))?;
        let table = MemTable::try_new(self.schema(), vec![vec![batch(&self.schema, &rows)?]])?;
        table.scan(state, projection, filters, limit).await
    }
}

impl LineageTable {
    async fn rows(&self) -> crate::Result<Vec<Reached>> {
        let bounds = |default: Bounds| Bounds { depth_max: self.depth.unwrap_or(default.depth_max), ..default };
        match self.way {
            Way::Why => Ok(reached(&self.engine.why_event(&self.event, Bounds::of_why()).await?.trace)),
            Way::Up => {
                let trace = self.engine.trace(&self.event, Direction::Up, bounds(Bounds::of_trace())).await?;
                Ok(reached(&trace))
            }
            Way::Down => {
                let trace = self.engine.trace(&self.event, Direction::Down, bounds(Bounds::of_trace())).await?;
                let down = self.engine.influence(&self.event, None).await?;
                Ok(graded(reached(&trace), &down))
            }
        }
    }
}

/// One row per link, and one per event of the frontier.
fn reached(trace: &Trace) -> Vec<Reached> {
    let depths: HashMap<&str, u32> = trace.nodes.iter().map(|n| (n.event_id.as_str(), n.depth)).collect();
    let mut rows: Vec<Reached> = Vec::new();
    for link in &trace.links {
        let (near, far) = match trace.direction {
            Direction::Up => (&link.from, &link.to),
            Direction::Down => (&link.to, &link.from),
        };
        rows.push(Reached {
            event_id: far.clone(),
            depth: depths.get(far.as_str()).map(|d| i64::from(*d)),
            from_id: Some(near.clone()),
            relation: link.relation.clone(),
            basis: link.basis.clone(),
            grade: None,
        });
    }
    for id in trace.cut.iter().flat_map(|cut| &cut.frontier_ids) {
        rows.push(Reached { event_id: id.clone(), relation: "not_followed".to_owned(), ..Reached::default() });
    }
    rows
}

/// Effects with their grades; an effect that only the text shows has a row of its own, a correction too.
fn graded(mut rows: Vec<Reached>, down: &crate::flow::Down) -> Vec<Reached> {
    let word = |grade: Grade| match grade {
        Grade::Carried => "carried",
        Grade::Received => "received",
        Grade::Reachable => "reachable",
    };
    let grades: HashMap<&str, &'static str> = down.effects.iter().map(|e| (e.event.as_str(), word(e.grade))).collect();
    for row in &mut rows {
        row.grade = grades.get(row.event_id.as_str()).copied().or(Some("reachable"));
    }
    let linked: std::collections::HashSet<String> = rows.iter().map(|r| r.event_id.clone()).collect();
    for effect in down.effects.iter().filter(|e| !linked.contains(&e.event)) {
        rows.push(Reached {
            event_id: effect.event.clone(),
            from_id: effect.via.clone(),
            relation: "flows_to".to_owned(),
            basis: "inferred".to_owned(),
            grade: Some(word(effect.grade)),
            depth: None,
        });
    }
    for correction in &down.corrections {
        rows.push(Reached {
            event_id: correction.event.clone(),
            relation: "corrects".to_owned(),
            basis: "inferred".to_owned(),
            ..Reached::default()
        });
    }
    rows
}

fn batch(schema: &SchemaRef, rows: &[Reached]) -> Result<RecordBatch> {
    let texts =
        |of: fn(&Reached) -> Option<&str>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<StringArray>()) };
    let columns: Vec<ArrayRef> = vec![
        texts(|r| Some(&r.event_id)),
        Arc::new(rows.iter().map(|r| r.depth).collect::<Int64Array>()),
        texts(|r| r.from_id.as_deref()),
        texts(|r| Some(&r.relation)),
        texts(|r| Some(&r.basis)),
        texts(|r| r.grade),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
