//! One panel: how it looks, what it asks, where it leads.
//!
//! A metric says of itself how it is drawn, in which unit, and which columns tell its rows apart; everything here
//! follows from that.

use engine::Metric;
use serde_json::{Value, json};

use super::POSTGRES;

/// Grafana's name of the data source's kind.
pub const POSTGRES_TYPE: &str = "grafana-postgresql-datasource";
/// Rows that a table shows at most.
const ROWS_MAX: u32 = 100;

pub struct Panel {
    pub title: String,
    pub help: String,
    /// Identifier of the data source.
    pub reads: &'static str,
    pub query: String,
    pub kind: &'static str,
    pub width: u32,
    pub height: u32,
    pub unit: String,
    /// Grafana's options of the kind.
    pub options: Value,
    /// Colours, decimals and the like, over the defaults.
    pub look: Value,
    pub overrides: Vec<Value>,
    /// The page that explains it.
    pub page: Option<String>,
    /// Shortest step of a series over the dashboard's time range.
    pub step: Option<&'static str>,
}

/// The panel of a metric.
pub fn of_metric(metric: &Metric) -> Panel {
    let mut panel = Panel {
        title: metric.title.clone(),
        help: metric.help.clone(),
        reads: POSTGRES,
        query: String::new(),
        kind: "table",
        width: 24,
        height: 9,
        unit: unit(&metric.unit, &metric.value),
        options: json!({}),
        look: json!({}),
        overrides: Vec::new(),
        page: Some(format!("/metric/{}", metric.name)),
        step: None,
    };
    let period = metric.labels.iter().find(|label| matches!(label.as_str(), "week" | "day"));
    match (metric.panel.as_str(), period) {
        ("timeseries", Some(period)) => series(&mut panel, metric, period),
        ("bargauge" | "gauge" | "barchart" | "stat", _) => bars(&mut panel, metric),
        _ => table(&mut panel, metric),
    }
    panel
}

/// `FROM name(...)`, and the rows that the dashboard's variables choose.
fn source(metric: &Metric) -> String {
    let mut text = format!("FROM {}(as_of => ${{as_of:sqlstring}})", metric.name);
    let chosen = ["team", "repo"].into_iter().filter(|name| metric.labels.iter().any(|label| label == name));
    for (index, name) in chosen.enumerate() {
        let word = if index == 0 { "WHERE" } else { "AND" };
        text.push_str(&format!("\n{word} {name} IN (${{{name}:sqlstring}})"));
    }
    text
}

fn and(source: &str, condition: &str) -> String {
    let word = if source.contains("WHERE") { "AND" } else { "WHERE" };
    format!("{source}\n{word} {condition}")
}

/// What tells rows apart, as one text.
fn named(metric: &Metric, without: &str) -> String {
    let labels: Vec<&str> =
        metric.labels.iter().map(String::as_str).filter(|label| *label != without).collect();
    labels.join(" || ' / ' || ")
}

fn series(panel: &mut Panel, metric: &Metric, period: &str) {
    // A week is called 2026-W09 and begins on its Monday.
    let time = match period {
        "week" => "CAST(to_date(week || '-1', '%G-W%V-%u') AS timestamp)".to_owned(),
        _ => format!("CAST({period} AS timestamp)"),
    };
    let rows = and(&source(metric), &format!("{} IS NOT NULL", metric.value));
    panel.query = format!(
        "SELECT {time} AS \"time\", {} AS metric, CAST({} AS double precision) AS value\n{rows}\nORDER BY 1, 2",
        named(metric, period),
        metric.value,
    );
    panel.kind = "timeseries";
    (panel.width, panel.height) = (12, 8);
    panel.options = json!({
        "legend": { "displayMode": "table", "placement": "right", "calcs": ["lastNotNull"], "showLegend": true },
        "tooltip": { "mode": "multi", "sort": "desc" },
    });
    panel.look = json!({
        "color": { "mode": "palette-classic-by-name" },
        "custom": { "lineWidth": 2, "fillOpacity": 6, "pointSize": 5, "showPoints": "auto", "spanNulls": true,
                    "axisSoftMin": 0 },
    });
}

fn bars(panel: &mut Panel, metric: &Metric) {
    panel.query = format!(
        "SELECT {} AS name, CAST({} AS double precision) AS value\n{}\nORDER BY 2 DESC NULLS LAST, 1\nLIMIT 20",
        named(metric, ""),
        metric.value,
        source(metric),
    );
    panel.kind = "bargauge";
    (panel.width, panel.height) = (8, 8);
    panel.options = json!({
        "displayMode": "gradient", "orientation": "horizontal", "valueMode": "color", "showUnfilled": true,
        "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 40, "sizing": "auto", "namePlacement": "left",
        "legend": { "displayMode": "list", "placement": "bottom", "calcs": [], "showLegend": false },
        "reduceOptions": { "values": true, "calcs": ["lastNotNull"], "fields": "/^value$/", "limit": 20 },
    });
    panel.look = json!({ "color": { "mode": "continuous-BlPu" }, "min": 0, "noValue": "no rows" });
    if panel.unit == "percentunit" {
        panel.look["max"] = json!(1);
    }
}

fn table(panel: &mut Panel, metric: &Metric) {
    panel.query =
        format!("SELECT *\n{}\nORDER BY {} DESC NULLS LAST\nLIMIT {ROWS_MAX}", source(metric), metric.value);
    panel.options = json!({
        "frameIndex": 0, "showHeader": true, "cellHeight": "sm",
        "footer": { "show": false, "reducer": [], "countRows": false },
    });
    panel.look = json!({
        "custom": { "align": "auto", "filterable": true, "inspect": false, "minWidth": 90 },
        "noValue": "-",
    });
    panel.overrides.push(json!({
        "matcher": { "id": "byName", "options": metric.value },
        "properties": [
            { "id": "unit", "value": panel.unit },
            { "id": "custom.cellOptions", "value": { "type": "color-text" } },
            { "id": "color", "value": { "mode": "fixed", "fixedColor": "blue" } },
        ],
    }));
    // The unit is that of the value, not of every column.
    panel.unit = "short".to_owned();
}

/// The panel as one number, whose colour is that of the last step that it reaches; the first step has no limit.
pub fn stat(panel: Panel, steps: &[(&str, Option<f64>)]) -> Panel {
    let steps: Vec<Value> =
        steps.iter().map(|(colour, from)| json!({ "color": colour, "value": from })).collect();
    Panel {
        kind: "stat",
        width: 4,
        height: 4,
        options: json!({
            "colorMode": "value", "graphMode": "none", "justifyMode": "center", "textMode": "value", "wideLayout": true,
            "orientation": "auto", "showPercentChange": false, "percentChangeColorMode": "standard",
            "reduceOptions": { "values": false, "calcs": ["lastNotNull"], "fields": "" },
        }),
        look: json!({
            "color": { "mode": "thresholds" },
            "thresholds": { "mode": "absolute", "steps": steps },
            "noValue": "-",
        }),
        ..panel
    }
}

/// Grafana's name of a unit.
pub fn unit(unit: &str, value: &str) -> String {
    let is_share = ["share", "p_hit", "coverage", "gini"].iter().any(|word| value.contains(word));
    match unit {
        "hours" => "h".to_owned(),
        "days" => "d".to_owned(),
        "ratio" if is_share => "percentunit".to_owned(),
        "ratio" | "points" => "short".to_owned(),
        other => format!("suffix: {other}"),
    }
}

impl Panel {
    pub fn json(&self) -> Value {
        let is_sql = self.reads == POSTGRES;
        let source = json!({ "type": if is_sql { POSTGRES_TYPE } else { "prometheus" }, "uid": self.reads });
        let mut target = json!({ "refId": "A", "datasource": source });
        if is_sql {
            target["rawSql"] = json!(self.query);
            target["rawQuery"] = json!(true);
            target["editorMode"] = json!("code");
            target["format"] = json!(if self.kind == "timeseries" { "time_series" } else { "table" });
        } else {
            target["expr"] = json!(self.query);
            target["legendFormat"] = json!("__auto");
            target["instant"] = json!(self.kind == "stat");
            target["range"] = json!(self.kind != "stat");
        }
        let mut defaults = json!({ "unit": self.unit, "decimals": Value::Null });
        if let (Some(defaults), Some(look)) = (defaults.as_object_mut(), self.look.as_object()) {
            defaults.remove("decimals");
            defaults.extend(look.clone());
        }
        let mut panel = json!({
            "title": self.title,
            "description": self.help,
            "type": self.kind,
            "datasource": source,
            "targets": [target],
            "options": self.options,
            "fieldConfig": { "defaults": defaults, "overrides": self.overrides },
        });
        if let Some(page) = &self.page {
            panel["links"] = json!([{
                "title": "What it means and where it comes from",
                "url": format!("${{plimsoll}}{page}?as_of=${{as_of:percentencode}}"),
                "type": "link", "icon": "external link", "tooltip": "", "tags": [],
                "asDropdown": false, "includeVars": false, "keepTime": false, "targetBlank": true,
            }]);
        }
        if let Some(step) = self.step {
            panel["interval"] = json!(step);
            panel["maxDataPoints"] = json!(60);
        }
        panel
    }
}
