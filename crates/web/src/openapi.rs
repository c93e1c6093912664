//! `GET /openapi.json`: what programs may ask, in OpenAPI 3.1.
//!
//! Invariant: the document and the router name the same paths and methods (tested below). Pages for people are not in it.

use axum::http::header;
use axum::response::{IntoResponse, Response};

const DOCUMENT: &str = include_str!("../../../docs/openapi.json");

pub async fn document() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::Value;

    use super::DOCUMENT;

    const ROUTER: &str = include_str!("router.rs");
    const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

    type Routes = BTreeMap<String, BTreeSet<String>>;

    /// The routes for programs, as the router's text has them.
    fn routed() -> Routes {
        let of_route = |text: &str| {
            let (path, rest) = text.split_once('"').expect("a path is closed");
            let call = rest.split("\n        .").next().unwrap_or(rest);
            let takes = |method: &&str| call.contains(&format!("{method}("));
            (path.to_owned(), METHODS.into_iter().filter(takes).map(str::to_owned).collect())
        };
        let all: Routes = ROUTER.split(".route(\"").skip(1).map(of_route).collect();
        let for_programs = |path: &str| {
            ["/api/", "/webhooks/"].iter().any(|start| path.starts_with(start))
                || ["/metrics", "/healthz", "/readyz", "/openapi.json"].contains(&path)
        };
        all.into_iter().filter(|(path, _)| for_programs(path)).collect()
    }

    fn documented(document: &Value) -> Routes {
        let paths = document["paths"].as_object().expect("paths are an object");
        let methods =
            |item: &Value| item.as_object().expect("an item is an object").keys().cloned().collect();
        paths.iter().map(|(path, item)| (path.clone(), methods(item))).collect()
    }

    #[test]
    fn the_document_and_the_router_agree() {
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        assert_eq!(documented(&document), routed());
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, value: &Value) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(target)) = members.get("$ref") {
                        let pointer = target.strip_prefix('#').expect("references stay in the document");
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    members.values().for_each(|member| check(document, member));
                }
                Value::Array(elements) => elements.iter().for_each(|element| check(document, element)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let document: Value = serde_json::from_str(DOCUMENT).expect("the document is JSON");
        check(&document, &document);
    }
}
