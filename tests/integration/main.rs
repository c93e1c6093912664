//! The real executable, driven from outside: its command line, its HTTP surface, a real Kafka broker,
//! a real Prometheus, real PostgreSQL clients, real git.
//!
//! Every test has its own temporary folder and port and can run beside the others. Nothing sleeps for
//! a fixed time: whatever must come about is polled for with a deadline. A test that lacks its broker
//! or data says that it did not run (`harness::did_not_run`); tests/run reports those.

#![allow(clippy::unwrap_used)] // this whole crate is a test

mod bad_records;
mod bounds;
mod broker;
mod harness;
mod http_client;
mod story;

mod access;
mod cli;
mod corpus;
mod dashboards;
mod deliver;
mod demo;
mod deploy;
mod disorder;
mod docs;
mod doctor;
mod feeds;
mod git;
mod hostile_http;
mod http;
mod kafka;
mod kafka_faults;
mod lock;
mod log_faults;
mod pages;
mod past;
mod people;
mod poll;
mod postgres;
mod privacy;
mod prometheus;
mod reach;
mod reload;
mod report;
mod restart;
mod sql_bounds;
mod webhooks;
