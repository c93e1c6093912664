//! A report as a mail, over SMTP.
//!
//! The conversation goes to the end of DATA, where the server has accepted sender and recipients and holds nothing yet;
//! then the log gets `report.sending`; then the message follows. Invariants: the message of a delivery has one Message-ID whenever it is
//! sent, so that mailboxes recognise it; the password goes over TLS, or to this machine.

use std::time::Duration;

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, Message, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use super::{Attempt, Delivery, Ledger, announce};
use crate::config::report::{MailTo, Tls};
use report::Format;
use surface::Secret;

pub async fn send(to: &MailTo, delivery: &Delivery<'_>, ledger: &Ledger) -> Attempt {
    let limit = |what| Attempt::Rejected {
        why: format!("{what} took longer than {:?}", delivery.timeout),
        again: true,
    };
    let prepared = async {
        let message = message(to, delivery).map_err(|why| Attempt::Rejected { why, again: false })?;
        let mut connection = connect(to, delivery.timeout).await?;
        envelope(&mut connection, &message).await.map_err(not_sent)?;
        Ok((connection, message.formatted()))
    };
    let (mut connection, bytes) = match tokio::time::timeout(delivery.timeout, prepared).await {
        Ok(Ok(ready)) => ready,
        Ok(Err(attempt)) => return attempt,
        Err(_) => return limit("the mail server"),
    };
    if let Err(attempt) = announce(ledger, delivery).await {
        connection.abort().await;
        return attempt;
    }
    match tokio::time::timeout(delivery.timeout, connection.message(&bytes)).await {
        Ok(Ok(response)) => {
            let answer = format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "));
            let _ = tokio::time::timeout(delivery.timeout, connection.quit()).await;
            Attempt::Accepted(answer)
        }
        // The server said no, so it keeps nothing.
        Ok(Err(error)) if error.status().is_some() => {
            let why = said(&error);
            ledger.say(delivery, "report.refused", Some(&why)).await;
            Attempt::Rejected { why, again: !error.is_permanent() }
        }
        Ok(Err(error)) => {
            Attempt::Unknown(format!("the connection broke after the message was sent: {}", said(&error)))
        }
        Err(_) => Attempt::Unknown(format!("no answer to the message in {:?}", delivery.timeout)),
    }
}

/// Nothing was handed over: worth another try, unless the server said never.
fn not_sent(error: lettre::transport::smtp::Error) -> Attempt {
    Attempt::Rejected { why: said(&error), again: !error.is_permanent() }
}

fn said(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

async fn connect(to: &MailTo, timeout: Duration) -> Result<AsyncSmtpConnection, Attempt> {
    let never = |why: String| Attempt::Rejected { why, again: false };
    let (host, port) = to.address().map_err(never)?;
    let hello = ClientId::default();
    let implicit = match to.tls {
        Tls::Implicit => Some(tls(to, host).map_err(never)?),
        Tls::Starttls | Tls::None => None,
    };
    let mut connection =
        AsyncSmtpConnection::connect_tokio1((host, port), Some(timeout), &hello, implicit, None)
            .await
            .map_err(not_sent)?;
    if to.tls == Tls::Starttls {
        let tls = tls(to, host).map_err(never)?;
        if !connection.can_starttls() {
            connection.abort().await;
            return Err(never(format!("{host} does not offer STARTTLS, and mail is only sent encrypted")));
        }
        connection.starttls(tls, &hello).await.map_err(not_sent)?;
    }
    if !to.user.is_empty() {
        let password = Secret::read(&to.password).map_err(|why| never(format!("password {why}")))?;
        let password = String::from_utf8(password.bytes().to_vec())
            .map_err(|_| never("the password is not utf-8".to_owned()))?;
        let login = Credentials::new(to.user.clone(), password);
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &login).await.map_err(not_sent)?;
    }
    Ok(connection)
}

fn tls(to: &MailTo, host: &str) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if !to.ca.as_os_str().is_empty() {
        let wrong = |error: String| format!("ca {}: {error}", to.ca.display());
        let pem = std::fs::read(&to.ca).map_err(|error| wrong(error.to_string()))?;
        builder = builder
            .add_root_certificate(Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}

/// Sender, recipients and DATA: after these the server waits for the message.
async fn envelope(
    connection: &mut AsyncSmtpConnection,
    message: &Message,
) -> Result<(), lettre::transport::smtp::Error> {
    let envelope: &Envelope = message.envelope();
    let mut options = Vec::new();
    if connection.server_info().supports_feature(Extension::EightBitMime) {
        options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    connection.command(Mail::new(envelope.from().cloned(), options)).await?;
    for address in envelope.to() {
        connection.command(Rcpt::new(address.clone(), Vec::new())).await?;
    }
    connection.command(Data).await?;
    Ok(())
}

/// HTML with Markdown as its text, and what is to be attached. The same delivery gives the same bytes.
fn message(to: &MailTo, delivery: &Delivery<'_>) -> Result<Message, String> {
    let report = delivery.report;
    let bad = |error: String| format!("the mail could not be written: {error}");
    let mailbox = |address: &String| address.parse::<Mailbox>().map_err(|error| bad(error.to_string()));
    let from = mailbox(&to.from)?;
    let domain = from.email.domain().to_owned();
    let mut builder = Message::builder()
        .message_id(Some(format!("<{}@{domain}>", delivery.id)))
        .date(delivery.made_at.into())
        .from(from)
        .subject(format!("{}: {}", report.title, report.period))
        .raw_header(header("Auto-Submitted", "auto-generated")?);
    for address in &to.to {
        builder = builder.to(mailbox(address)?);
    }
    let alternative = MultiPart::alternative()
        .boundary(format!("{}-text", delivery.id))
        .singlepart(SinglePart::plain(report.write(Format::Markdown)))
        .singlepart(SinglePart::html(report.write(Format::Html)));
    let message = if to.attach.is_empty() {
        builder.multipart(alternative)
    } else {
        let mut mixed = MultiPart::mixed().boundary(format!("{}-all", delivery.id)).multipart(alternative);
        for format in &to.attach {
            let kind = ContentType::parse(format.media_type()).map_err(|error| bad(error.to_string()))?;
            let name = format!("{}-{}.{}", delivery.entry.name, delivery.period, format.name());
            mixed = mixed.singlepart(Attachment::new(name).body(report.write(*format), kind));
        }
        builder.multipart(mixed)
    };
    message.map_err(|error| bad(error.to_string()))
}

fn header(name: &'static str, value: &str) -> Result<HeaderValue, String> {
    let name = HeaderName::new_from_ascii(name.to_owned()).map_err(|error| error.to_string())?;
    Ok(HeaderValue::new(name, value.to_owned()))
}
