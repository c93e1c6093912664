//! The lists in `docs/metrics.md` are a golden file of the shipped catalogue.
//!
//! `PLIMSOLL_BLESS=1 cargo test -p engine documents` rewrites them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::empty::EmptyTable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::{Bound, Catalogue, Metric, View};
use crate::sql::plan_query;

const BEGIN: &str = "<!-- generated: metrics -->\n";
const END: &str = "<!-- end -->";

#[tokio::test]
async fn the_metric_document_is_the_catalogue() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let start = text.find(BEGIN).expect("docs/metrics.md has a generated block") + BEGIN.len();
    let end = start + text[start..].find(END).unwrap();
    let mut wanted = text.clone();
    wanted.replace_range(start..end, &generated(&Catalogue::shipped().unwrap()).await);
    if std::env::var_os("PLIMSOLL_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(wanted == text, "docs/metrics.md is out of date: run with PLIMSOLL_BLESS=1");
}

async fn generated(catalogue: &Catalogue) -> String {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    crate::functions::register(&context);
    let register = |name: &str, schema: SchemaRef| {
        context.register_table(name, Arc::new(EmptyTable::new(schema))).unwrap();
    };
    for table in event::Table::ALL {
        register(table.name(), event::schema(table));
    }
    for view in &catalogue.views {
        register(&view.name, schema(&context, catalogue.bind_view(view, 0, 0)).await);
    }
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for metric in &catalogue.metrics {
        let columns = schema(&context, catalogue.bind(metric, 0, 0, &BTreeMap::new()).unwrap()).await;
        let section = sections.entry(&metric.section).or_insert_with(|| format!("## {}\n\n", metric.section));
        section.push_str(&of_metric(metric, &columns));
    }
    let mut out: String = sections.into_values().collect();
    out.push_str("## Views\n\n| view | key | rows |\n|---|---|---|\n");
    for view in &catalogue.views {
        out.push_str(&of_view(view));
    }
    out
}

async fn schema(context: &SessionContext, bound: Bound) -> SchemaRef {
    let plan = plan_query(context, bound.query).await.unwrap();
    Arc::new(Schema::new(plan.schema().fields().clone()))
}

fn of_metric(metric: &Metric, columns: &Schema) -> String {
    let mut out = format!("### `{}`: {}\n\n{}\n\n", metric.name, metric.title, metric.help);
    let level = match metric.level {
        super::Level::Team => "everyone",
        super::Level::Person => "people who may see a person's figures",
    };
    writeln!(
        out,
        "Value `{}`, in {}; for {level}. SQL: [{}](../{}).\n",
        metric.value, metric.unit, metric.file, metric.file
    )
    .unwrap();
    if metric.level == super::Level::Team {
        let further = metric.gauges.iter().map(|column| metric.gauge(column).0);
        let series: Vec<String> =
            std::iter::once(metric.series().0).chain(further).map(|name| format!("`{name}`")).collect();
        writeln!(out, "Prometheus has {}.\n", series.join(", ")).unwrap();
    }
    let names: Vec<String> = columns
        .fields()
        .iter()
        .map(|field| {
            let kind = kind(field.data_type());
            if metric.labels.contains(field.name()) {
                format!("**`{}`** {kind}", field.name())
            } else {
                format!("`{}` {kind}", field.name())
            }
        })
        .collect();
    writeln!(out, "Columns, labels in bold: {}.\n", names.join(", ")).unwrap();
    let notes: Vec<&str> = metric
        .sql
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| line.starts_with("--"))
        .map(|line| line.trim_start_matches('-').trim())
        .collect();
    if !notes.is_empty() {
        writeln!(out, "{}\n", notes.join("\n")).unwrap();
    }
    if !metric.params.is_empty() {
        out.push_str("| parameter | type | default | allowed | means |\n|---|---|---|---|---|\n");
        for param in &metric.params {
            let bound =
                |value: &Option<super::Value>| value.as_ref().map(ToString::to_string).unwrap_or_default();
            let allowed = match (&param.min, &param.max) {
                (None, None) => String::new(),
                (min, max) => format!("{} to {}", bound(min), bound(max)),
            };
            writeln!(
                out,
                "| `{}` | {} | `{}` | {allowed} | {} |",
                param.name,
                param.type_.as_str(),
                param.default,
                param.help
            )
            .unwrap();
        }
        out.push('\n');
    }
    out
}

fn of_view(view: &View) -> String {
    let key = if view.is_shared() { "shared".to_owned() } else { format!("`{}`", view.key.join("`, `")) };
    format!("| [`{}`](../{}) | {key} | {} |\n", view.name, view.file, view.help)
}

fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "(yes or no)",
        DataType::Date32 => "(date)",
        DataType::Timestamp(..) => "(time)",
        DataType::Float32 | DataType::Float64 => "(number)",
        kind if kind.is_integer() => "(integer)",
        _ => "(text)",
    }
}
