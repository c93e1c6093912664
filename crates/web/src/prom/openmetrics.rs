//! The Prometheus page as OpenMetrics 1.0, for scrapers that ask for it.
//!
//! The two texts differ in little: a counter is named without the `_total` of its samples, a help text also escapes quotes, and
//! the last line is `# EOF`. Invariant: the samples are the same, so a series does not change with what a scraper accepts.
//! Deliberately absent: exemplars, creation times and units, which the page has none of.

use std::collections::HashMap;

pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether an `Accept` header prefers OpenMetrics to the older text.
pub fn is_preferred(accept: &str) -> bool {
    let quality = |wanted: &[&str]| -> f64 {
        let ranges = accept.split(',').filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next()?.to_ascii_lowercase();
            let q = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.trim().parse().ok());
            wanted.contains(&media.as_str()).then_some(q.unwrap_or(1.0))
        });
        ranges.fold(0.0, f64::max)
    };
    let open = quality(&["application/openmetrics-text"]);
    open > 0.0 && open >= quality(&["text/plain"])
}

/// The page in OpenMetrics' spelling.
pub fn of_text(text: &str) -> String {
    let types: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.lines().filter(|line| !line.is_empty()) {
        let Some((word, rest)) = line.strip_prefix("# ").and_then(|line| line.split_once(' ')) else {
            out.push_str(line);
            out.push('\n');
            continue;
        };
        let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        let family = match types.get(name) {
            Some(&"counter") => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        let rest = match word {
            "HELP" => rest.replace('"', "\\\""),
            // A counter's samples end in `_total`; what does not is no counter here.
            "TYPE" if rest == "counter" && family == name => "unknown".to_owned(),
            "TYPE" if rest == "untyped" => "unknown".to_owned(),
            "TYPE" => rest.to_owned(),
            // Other comments have no place in OpenMetrics.
            _ => continue,
        };
        out.push_str(&format!("# {word} {family} {rest}\n"));
    }
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_spelt_anew() {
        let text = "# HELP a_total All \"a\".\n# TYPE a_total counter\na_total{x=\"1\"} 2\n# HELP b How many.\n# TYPE b gauge\nb 0.5\n# HELP c Odd.\n# TYPE c counter\nc 1\n# a note\n";
        assert_eq!(
            of_text(text),
            "# HELP a All \\\"a\\\".\n# TYPE a counter\na_total{x=\"1\"} 2\n# HELP b How many.\n# TYPE b gauge\nb 0.5\n# HELP c Odd.\n# TYPE c unknown\nc 1\n# EOF\n"
        );
        assert_eq!(of_text(""), "# EOF\n");
    }

    #[test]
    fn scrapers_choose() {
        for (accept, open) in [
            ("", false),
            ("*/*", false),
            ("text/plain", false),
            ("application/openmetrics-text", true),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
                true,
            ),
            ("text/plain;version=0.0.4;q=0.9, application/openmetrics-text;q=0.1", false),
            ("application/openmetrics-text;q=0", false),
        ] {
            assert_eq!(is_preferred(accept), open, "{accept}");
        }
    }
}
