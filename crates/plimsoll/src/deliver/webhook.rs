//! A report as one POST, in the shape that chats take it.
//!
//! The log gets `report.sending` before the request begins. A refused connection is tried again; a request that broke off,
//! or a gateway that gave up waiting, is not, because the report may have arrived. Invariants: over TLS unless to this machine; the address,
//! which is a secret, is in no error; no redirect is followed.

use reqwest::{StatusCode, Url, redirect};
use serde_json::{Value, json};

use super::{Attempt, Delivery, Ledger, announce};
use crate::config::report::{Style, WebhookTo, is_this_machine};
use report::{Format, Item, Report, Urgency};
use surface::Secret;

/// Items of a part that a chat gets; the rest is behind the link.
const ITEMS_MAX: usize = 5;

pub async fn send(to: &WebhookTo, delivery: &Delivery<'_>, ledger: &Ledger) -> Attempt {
    let never = |why: String| Attempt::Rejected { why, again: false };
    let url = match address(to) {
        Ok(url) => url,
        Err(why) => return never(why),
    };
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .connect_timeout(delivery.timeout)
        .timeout(delivery.timeout)
        .build();
    let client = match client {
        Ok(client) => client,
        Err(error) => return never(error.without_url().to_string()),
    };
    if let Err(attempt) = announce(ledger, delivery).await {
        return attempt;
    }
    let request = client
        .post(url)
        .header("content-type", "application/json")
        .header("idempotency-key", &delivery.id)
        .body(body(to, delivery.report));
    let attempt = match request.send().await {
        Ok(answer) => judged(answer.status()),
        Err(error) if error.is_connect() || error.is_builder() => {
            Attempt::Rejected { why: format!("no connection: {}", chain(&error.without_url())), again: true }
        }
        Err(error) => Attempt::Unknown(format!("the request broke off: {}", chain(&error.without_url()))),
    };
    if let Attempt::Rejected { why, .. } = &attempt {
        ledger.say(delivery, "report.refused", Some(why)).await;
    }
    attempt
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn address(to: &WebhookTo) -> Result<Url, String> {
    let secret = Secret::read(&to.url).map_err(|why| format!("url {why}"))?;
    let text = std::str::from_utf8(secret.bytes()).map_err(|_| "the url is not utf-8".to_owned())?;
    let url =
        Url::parse(text.trim()).map_err(|_| "the url is not an address; give https://host/...".to_owned())?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(&host) => Ok(url),
        _ => Err("the url is not https, and reports are only sent encrypted".to_owned()),
    }
}

/// What an answer says of whether the report is there.
fn judged(status: StatusCode) -> Attempt {
    let why = || format!("the receiver answered {status}");
    match status {
        status if status.is_success() => Attempt::Accepted(status.to_string()),
        StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => Attempt::Unknown(why()),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
            Attempt::Rejected { why: why(), again: true }
        }
        status => Attempt::Rejected { why: why(), again: status.is_server_error() },
    }
}

fn body(to: &WebhookTo, report: &Report) -> String {
    match to.style {
        Style::Slack => json!({ "text": slack(report, &to.link) }).to_string(),
        Style::Teams => teams(report, &to.link).to_string(),
        Style::Json => report.write(Format::Json),
    }
}

/// Slack's own markup: three characters are escaped, stars are bold.
fn slack(report: &Report, link: &str) -> String {
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('*', "∗");
    let mut lines = vec![format!("*{}* ({})", escaped(&report.title), escaped(&report.period))];
    lines.extend(report.example.map(|example| format!("_{}_", escaped(example))));
    lines.extend(report.in_short.iter().map(|line| escaped(line)));
    for part in report.parts.iter().filter(|part| !part.items.is_empty()) {
        lines.push(format!("\n*{}*", part.title));
        lines.extend(part.items.iter().take(ITEMS_MAX).map(|item| format!("• {}", escaped(&told(item)))));
        lines.extend(more(part.items.len()));
    }
    if !link.is_empty() {
        lines.push(format!("\n<{link}|The whole report>"));
    }
    lines.join("\n")
}

fn told(item: &Item) -> String {
    match &item.proposal {
        Some(proposal) => format!("{} {proposal}", item.sentence),
        None => item.sentence.clone(),
    }
}

fn more(items: usize) -> Option<String> {
    (items > ITEMS_MAX).then(|| format!("… and {} more", items - ITEMS_MAX))
}

fn teams(report: &Report, link: &str) -> Value {
    let mut blocks = vec![block(&report.title, "large", true), block(&report.period, "small", false)];
    blocks.extend(report.example.map(|example| block(example, "small", false)));
    blocks.extend(report.in_short.iter().map(|line| block(line, "default", false)));
    for part in report.parts.iter().filter(|part| !part.items.is_empty()) {
        blocks.push(block(part.title, "medium", true));
        for item in part.items.iter().take(ITEMS_MAX) {
            let mut block = block(&told(item), "default", false);
            if item.urgency == Urgency::Act {
                block["inlines"][0]["color"] = json!("attention");
            }
            blocks.push(block);
        }
        blocks.extend(more(part.items.len()).map(|line| block(&line, "small", false)));
    }
    let mut card = json!({"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": blocks});
    if !link.is_empty() {
        card["actions"] = json!([{"type": "Action.OpenUrl", "title": "The whole report", "url": link}]);
    }
    json!({"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}]})
}

/// Titles of changes and tickets stand in text runs, which have no markup; a text block would make links of `[…](…)`.
fn block(text: &str, size: &str, bold: bool) -> Value {
    let weight = if bold { "bolder" } else { "default" };
    let run = json!({"type": "TextRun", "text": text, "size": size, "weight": weight});
    json!({"type": "RichTextBlock", "inlines": [run]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_events_say_is_no_markup_in_a_card() {
        let hostile = "[click](https://evil.example) **bold**";
        let block = block(hostile, "default", false);
        assert_eq!(block["type"], "RichTextBlock", "a TextBlock reads markup");
        let run = &block["inlines"][0];
        assert_eq!((&run["type"], &run["text"]), (&json!("TextRun"), &json!(hostile)));
    }

    #[test]
    fn answers_are_judged() {
        for (status, taken, again) in [
            (200, true, false),
            (204, true, false),
            (404, false, false),
            (429, false, true),
            (500, false, true),
        ] {
            match judged(StatusCode::from_u16(status).unwrap()) {
                Attempt::Accepted(_) => assert!(taken, "{status}"),
                Attempt::Rejected { again: other, .. } => assert!(!taken && other == again, "{status}"),
                Attempt::Unknown(why) => panic!("{why}"),
            }
        }
        // A gateway may have passed it on.
        assert!(matches!(judged(StatusCode::GATEWAY_TIMEOUT), Attempt::Unknown(_)));
        assert!(matches!(judged(StatusCode::FOUND), Attempt::Rejected { again: false, .. }));
    }
}
