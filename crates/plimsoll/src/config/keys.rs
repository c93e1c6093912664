//! Every configuration key, one row each: name, type, default, bounds and text.
//!
//! From these rows come the structs, `plimsoll.example.toml` and `docs/configuration.md`; a test compares the files. The
//! text of a key makes sense alone, because each is read alone, and gives the unit. Lists of tables come last in their
//! section: in a file, the keys after a table's header belong to the table.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use surface::{Token, Visibility};

use super::dotted::Dotted;
use super::postgres::PostgresUser;
use super::report::ReportEntry;
use super::section::{Kind, Typed, key_path, optional, section};

section! {
    Config [] {
        /// Where the log, the tables and the caches live. Only one process may use it at a time. Flag: --data.
        data_dir: PathBuf = PathBuf::from("plimsoll-data");
        /// Bearer tokens for HTTP. `plimsoll token new NAME` prints a token once, with the lines to put here. `hash` is the
        /// SHA-256 of the token in hex; instead of it, `secret` can name where the token itself is ("env:NAME" or "file:PATH").
        /// `scopes` are "read" (metrics and pages), "sql", "ingest" (events) and "admin" (all). `person` is for a person's own
        /// token. Without any token, everybody on this machine may read, run SQL and post events, and what a proxy passes on
        /// is refused.
        /// ```toml
        /// [[tokens]]
        /// name = "grafana"
        /// hash = "..."
        /// scopes = ["read"]
        /// ```
        tokens: Vec<Token> = Vec::new();
        /// Reports that `serve` makes and delivers. `kind` is "weekly" or "roadmap". `schedule` is a cron expression; without
        /// one, only `plimsoll report KIND --deliver NAME` sends the report. `team` limits it to one team. Each report needs
        /// one or more `[[report.to]]`: `via` is "mail", "webhook" or "folder" (docs/reports.md shows all three).
        /// ```toml
        /// [[report]]
        /// name = "monday"
        /// kind = "weekly"
        /// schedule = "0 8 * * MON"
        /// timezone = "Europe/Berlin"
        ///
        /// [[report.to]]
        /// via = "folder"
        /// name = "archive"
        /// path = "/srv/reports"
        /// ```
        report: Vec<ReportEntry> = Vec::new();
        sections {
            http: Http,
            postgres: Postgres,
            kafka: Kafka,
            ingest: Ingest,
            store: Flush,
            sites: Sites,
            board: Board,
            limits: Limits,
            people: People,
            webhooks: Webhooks,
            delivery: Retry,
            catalogue: Catalogue,
            log: Log,
        }
    }
}

section! {
    /// The server that browsers, programs and Prometheus talk to.
    Http [http] {
        /// Address to listen on. Beyond loopback it needs TLS, here or in a proxy (see `tls_certificate` and
        /// `trusted_proxies`), and everybody needs a token (see `tokens`). Port 0 picks a free port. Flag: --listen.
        listen: String = "127.0.0.1:8080".to_owned();
        /// Certificate chain, a PEM file. It and the key are read again when they change. Programs on this machine may
        /// leave TLS out, as health checks do.
        tls_certificate: String = String::new();
        /// Private key of the certificate, a PEM file. Give both files or neither.
        tls_key: String = String::new();
        /// Addresses or networks of the reverse proxies that have the TLS, such as "10.0.0.7" or "10.0.0.0/8". With a list,
        /// nobody else but this machine itself may connect.
        trusted_proxies: Vec<String> = Vec::new();
        /// Host names that requests may carry in their Host header, besides loopback names: the public name of this server
        /// or of its proxy. All other names are refused, which stops DNS rebinding from a web page.
        hosts: Vec<String> = Vec::new();
        /// Whether to offer POST /api/v1/sql. It reads the event tables, people included, so it is also refused when
        /// people.visibility is "none".
        sql: bool = true;
        /// Whether GET /metrics answers without a token, for a Prometheus that has none.
        metrics_open: bool = false;
        /// Time for open requests to finish at shutdown, in milliseconds.
        drain_timeout_ms: u64 = 2_500, 0..=600_000;
    }
}

section! {
    /// The PostgreSQL protocol, read-only, for Grafana, psql, BI tools and drivers (docs/postgres.md).
    Postgres [postgres] {
        /// Address to listen on, such as "127.0.0.1:5433". Empty: off. Beyond loopback it needs TLS, here or in a proxy.
        listen: String = String::new();
        /// Certificate chain, a PEM file. With a certificate and a key, connections without TLS are refused. Both are read
        /// again when they change.
        tls_certificate: String = String::new();
        /// Private key of the certificate, a PEM file. Give both files or neither; the server does not start with a file that
        /// it cannot use.
        tls_key: String = String::new();
        /// Addresses or networks that may connect without TLS, such as a proxy that has it or a network of containers. With a
        /// list, nobody else but this machine itself may connect.
        trusted_proxies: Vec<String> = Vec::new();
        /// Most connections that have logged in; further ones are refused. Those that have not yet have 64 places of their
        /// own, and the oldest of them makes room for the next.
        connections_max: usize = 32, 1..=10_000;
        /// Largest message from a client, in bytes. A larger one ends the connection.
        message_bytes_max: usize = 1 << 20, 16 << 10..=64 << 20;
        /// Most prepared statements, and most portals, of one connection.
        statements_max: usize = 256, 1..=10_000;
        /// Time for a client to begin TLS, name a user and prove the password, in milliseconds.
        startup_timeout_ms: u64 = 10_000, 100..=600_000;
        /// A connection that is silent for this long is closed, in milliseconds.
        idle_timeout_ms: u64 = 3_600_000, 1_000..=7 * 86_400_000;
        /// Who may connect. `password` names where the password is ("env:NAME" or "file:PATH"); it is never written here.
        /// `scopes` are "read" (metrics), "sql" (also the event tables and the views) and "admin". `person` is for a
        /// person's own user. Every user needs a password.
        /// ```toml
        /// [[postgres.users]]
        /// name = "grafana"
        /// password = "env:GRAFANA_SQL_PASSWORD"
        /// scopes = ["read"]
        /// ```
        users: Vec<PostgresUser> = Vec::new();
    }
}

section! {
    /// Kafka as the log.
    Kafka [kafka] {
        /// Brokers as host:port. Empty: no Kafka; events live in the local log under data_dir.
        brokers: Vec<String> = Vec::new();
        /// Topics to read. `ingest --to-kafka` and POST /api/v1/events write to the plimsoll.* topics.
        topics: Vec<String> = ["plimsoll.commits", "plimsoll.reviews", "plimsoll.tickets"].map(str::to_owned).to_vec();
        /// Consumer group under which positions are reported to Kafka, for lag tools. It decides nothing: every server reads
        /// every partition, whoever else is in the group.
        group: String = "plimsoll".to_owned(), 1..=249;
        /// Topics that carry bodies as another tool sends them, each with its tool: "github", "gitlab", "jira", "gerrit",
        /// "bitbucket", "gitea", "gharchive" or "cdevents" (docs/sources.md says how each becomes events). A topic here must
        /// also be in kafka.topics. All other topics carry "cloudevents": structured JSON, or binary mode with ce_ headers.
        /// ```toml
        /// "acme.github-hooks" = "github"
        /// ```
        formats: Dotted = Dotted::default();
        /// Settings that librdkafka gets as they are, such as TLS and SASL. Give secrets as environment variables, where dots
        /// become underscores: PLIMSOLL_KAFKA_SETTINGS_SASL_PASSWORD.
        /// ```toml
        /// "security.protocol" = "SASL_SSL"
        /// "sasl.mechanism" = "SCRAM-SHA-512"
        /// "sasl.username" = "plimsoll"
        /// ```
        settings: Dotted = Dotted::default();
    }
}

section! {
    /// How records become batches. A batch goes to the engine as soon as one of the three limits is reached.
    Ingest [ingest] {
        /// Most records of one batch.
        batch_rows_max: usize = 50_000, 1..=10_000_000;
        /// Most bytes of one batch.
        batch_bytes_max: usize = 32 << 20, 1_024..=1 << 30;
        /// Longest time that a batch waits for more records, in milliseconds.
        batch_wait_ms: u64 = 100, 1..=60_000;
    }
}

section! {
    /// When rows become durable in the tables. They are queryable at once, and until then they are safe in the log.
    Flush [store] {
        /// How often rows are made durable, in milliseconds.
        flush_interval_ms: u64 = 30_000, 10..=86_400_000;
        /// Rows are made durable earlier when this many are waiting.
        flush_rows: usize = 250_000, 1..=100_000_000;
        /// Reading the log pauses when this many rows are waiting.
        pending_rows_max: usize = 1_000_000, 1..=100_000_000;
        /// ... or when they take this many bytes of memory.
        pending_bytes_max: usize = 1_073_741_824, 16_777_216..=1_099_511_627_776;
        /// Time for folding and for making rows durable at shutdown, in milliseconds. What is not done by then is read from
        /// the log at the next start, which then takes longer.
        stop_timeout_ms: u64 = 3_000, 0..=600_000;
    }
}

section! {
    /// Where things come from: two sites of one tool use the same numbers, so ids name their site.
    Sites [sites] {
        /// Sites whose ids are written without the site, as host names: with "acme.atlassian.net" here, a ticket is "10482",
        /// else "acme.atlassian.net/10482". Name one site of each tool at most, and no repository's mirror. Changing it gives
        /// things other ids, so do it before the first event. Empty: "github.com", or, in a data directory of an older
        /// version, what its rows came from (sites.json there says what that is).
        home: Vec<String> = Vec::new();
    }
}

section! {
    /// How fresh views and metrics are.
    Board [board] {
        /// Shortest time between two updates of views and metrics while events trickle in, in milliseconds.
        refresh_interval_ms: u64 = 50, 1..=3_600_000;
        /// Longest time between two updates while many events come in, in milliseconds.
        refresh_interval_max_ms: u64 = 10_000, 1..=3_600_000;
        /// Greatest age of a result while no events come in, in milliseconds: without events, results still change, because
        /// ages grow. What a page or a scrape has read is kept this fresh for twice as long after each look. Without
        /// readers, metrics are evaluated again after 200 times as long as that takes, and after ten minutes at the latest.
        /// New events are evaluated at once, with or without readers.
        evaluate_interval_ms: u64 = 60_000, 100..=3_600_000;
    }
}

section! {
    /// The most that one question may take.
    Limits [limits] {
        /// Time for one SQL statement, or one metric at a past moment, in milliseconds.
        sql_timeout_ms: u64 = 10_000, 10..=3_600_000;
        /// Most rows of one result.
        sql_rows_max: usize = 100_000, 1..=100_000_000;
        /// Memory for all statements, from their start until their results are sent, in bytes. Sorts, joins and groups
        /// spill to disk before it; a statement that would go beyond ends. One step of a statement never takes over twice as
        /// much.
        sql_memory_bytes: usize = 512 << 20, 1 << 20..=1 << 44;
        /// Disk that running statements may spill to, in bytes.
        sql_spill_bytes_max: u64 = 1 << 30, 0..=1 << 44;
        /// Time for one HTTP request, in milliseconds. A longer one ends with 408.
        request_timeout_ms: u64 = 30_000, 100..=3_600_000;
        /// Most HTTP connections at the same time. A further one takes the place of the one that has been longest without a
        /// whole request.
        connections_max: usize = 512, 2..=100_000;
        /// Most HTTP requests served at the same time, until their answers have been read. Further ones get 503 with
        /// Retry-After.
        requests_max: usize = 256, 1..=100_000;
        /// Largest body of a POST, in bytes. A larger one gets 413.
        body_bytes_max: usize = 8 << 20, 1_024..=256 << 20;
        /// Largest answer with rows, in bytes. A larger one gets 422.
        answer_bytes_max: usize = 128 << 20, 65_536..=4 << 30;
        /// Largest body of a webhook, in bytes. GitHub sends up to 25 MiB. A larger one gets 413.
        webhook_bytes_max: usize = 25 << 20, 1_024..=64 << 20;
        /// Most events in one POST /api/v1/events. More get 413.
        events_max: usize = 10_000, 1..=1_000_000;
        /// Most series of one metric on /metrics. The rest are dropped and counted.
        series_max: usize = 1_000, 0..=1_000_000;
        /// Most moments in one range (GET /api/v1/metrics/NAME/range, plimsoll query NAME --from T). More get 400.
        range_steps_max: usize = 400, 1..=100_000;
        /// Most events in one what-if (POST /api/v1/metrics/NAME, plimsoll query NAME --what-if FILE). More are refused.
        what_if_events_max: usize = 1_000, 1..=1_000_000;
    }
}

section! {
    /// What others may see of people. The command line on your own data directory sees everything. Prometheus labels never
    /// name a person.
    People [people] {
        /// Who may read person-level metrics over HTTP: "none", no one; "self", each person their own, with their own token;
        /// "lead", also the people of the teams that the token's person leads, and of the teams below those; "all",
        /// everybody.
        visibility: Visibility = Visibility::Lead;
        /// Numbers of a team of fewer people than this are left out, over HTTP, PostgreSQL and Prometheus and in delivered
        /// reports, whatever the metric (docs/people.md).
        group_min: u64 = 3, 1..=1_000;
        /// Where the key for pseudonyms is: "env:NAME" or "file:PATH". With a key, people are called p-1a2b3c4d over HTTP, and
        /// on the command line with --pseudonyms. Empty: people keep their names.
        pseudonyms: String = String::new();
    }
}

section! {
    /// Webhooks arrive at POST /webhooks/github, /webhooks/gitlab, /webhooks/jira, /webhooks/gitea and
    /// /webhooks/gerrit/SECRET. Each is open once its secret is named here. A secret is never written here: "env:NAME" names an environment variable, "file:PATH" a
    /// file.
    Webhooks [webhooks] {
        /// Whether to keep bodies of unknown kinds of events in the log, people's names included.
        keep_unknown: bool = false;
        sections { github: GithubHooks, gitlab: GitlabHooks, jira: JiraHooks, gerrit: GerritHooks, gitea: GiteaHooks }
    }
}

section! {
    GithubHooks [webhooks.github] {
        /// Where the secret is that GitHub signs deliveries with.
        secret: String = String::new();
        /// Repositories that may send, such as "acme/api" or "acme/*". Empty: every sender with the secret.
        repositories: Vec<String> = Vec::new();
    }
}

section! {
    GitlabHooks [webhooks.gitlab] {
        /// Where the signing token is.
        secret: String = String::new();
        /// Where the plain secret token is that older versions of GitLab send.
        token: String = String::new();
        /// Projects that may send, such as "acme/api" or "acme/*". Empty: every sender with the secret or the token.
        repositories: Vec<String> = Vec::new();
    }
}

section! {
    JiraHooks [webhooks.jira] {
        /// Where the secret is that Jira signs deliveries with.
        secret: String = String::new();
        /// Projects that may send, by key, such as "API"; deliveries about versions name a project by number only, such as
        /// "10001". Those that name none, such as about sprints, are then refused. Empty: every sender with the secret.
        repositories: Vec<String> = Vec::new();
    }
}

section! {
    GerritHooks [webhooks.gerrit] {
        /// Where the secret is: the last part of the address that Gerrit posts to.
        secret: String = String::new();
        /// Projects that may send, such as "api" or "acme/*". Empty: every sender with the secret.
        repositories: Vec<String> = Vec::new();
    }
}

section! {
    GiteaHooks [webhooks.gitea] {
        /// Where the secret is that Gitea or Forgejo signs deliveries with.
        secret: String = String::new();
        /// Repositories that may send, such as "acme/api" or "acme/*". Empty: every sender with the secret.
        repositories: Vec<String> = Vec::new();
    }
}

section! {
    /// How hard to try to deliver a report. It is tried again only while it is certain that the receiver has nothing.
    Retry [delivery] {
        /// Most tries.
        attempts_max: u64 = 8, 1..=100;
        /// Pause after the first try, in milliseconds; it doubles after each further one.
        backoff_ms: u64 = 5_000, 1..=3_600_000;
        /// Longest pause between two tries, in milliseconds.
        backoff_max_ms: u64 = 900_000, 1..=86_400_000;
        /// Time for one try, in milliseconds.
        timeout_ms: u64 = 60_000, 100..=600_000;
        /// A report that was due while the server was down is still sent up to this many hours late.
        late_hours_max: u64 = 24, 0..=744;
    }
}

section! {
    /// Your own views and metrics (docs/your-own-metric.md).
    Catalogue [catalogue] {
        /// Directories with view/*.sql and metric/*.sql, next to the shipped ones.
        dirs: Vec<PathBuf> = Vec::new();
        /// How often `serve` looks for added, changed and removed files and puts them in force, in milliseconds; 0 is never.
        /// A broken file leaves its last good version in force, and is reported in the log, in GET /api/v1/metrics and as
        /// plimsoll_catalogue_problems. Views with a key wait for a restart.
        reload_interval_ms: u64 = 500, 0..=3_600_000;
        /// What your trackers call a ticket that is closed without being done, by resolution or status: "dropped", "duplicate"
        /// or "moved"; "done" takes a name off the shipped list (queries/data/endings.toml). Letter case means nothing.
        /// ```toml
        /// "Parked" = "dropped"
        /// ```
        endings: Dotted = Dotted::default();
    }
}

section! {
    /// The server's own log, on stderr.
    Log [log] {
        /// "text" or "json": one line a message.
        format: LogFormat = LogFormat::Text;
        /// What `serve` logs: a level (error, warn, info, debug, trace), module=level pairs, or both.
        filter: String = "warn,plimsoll=info".to_owned();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Typed for LogFormat {
    const KIND: Kind = Kind::Text;
}

impl Typed for Visibility {
    const KIND: Kind = Kind::Text;
}

impl Typed for Vec<Token> {
    const KIND: Kind = Kind::Tables;
}

impl Typed for Vec<PostgresUser> {
    const KIND: Kind = Kind::Tables;
}

impl Typed for Vec<ReportEntry> {
    const KIND: Kind = Kind::Tables;
}
