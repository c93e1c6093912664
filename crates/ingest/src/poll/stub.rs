//! A small HTTP server for tests: answers by path, in turns, and remembers what it was asked.
//!
//! Invariant: what no route was written for is answered with 404, so a test sees every request it did not plan.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// One answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The connection ends in the middle of the body.
    pub cut: bool,
}

impl Reply {
    pub fn ok(body: impl ToString) -> Reply {
        Reply { status: 200, body: body.to_string(), ..Reply::default() }
    }

    pub fn status(status: u16) -> Reply {
        Reply { status, body: "{}".to_owned(), ..Reply::default() }
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Reply {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn cut(self) -> Reply {
        Reply { cut: true, ..self }
    }
}

type Routes = Vec<(String, VecDeque<Reply>)>;

pub struct Stub {
    port: u16,
    /// Method, target and the headers that may hold a token, of each request.
    asked: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl Stub {
    /// A route is the beginning of a target; the longest that fits answers, its last reply again and again.
    /// `BASE` in a header stands for the stub's own address.
    pub fn start(routes: Vec<(&str, Vec<Reply>)>) -> Stub {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let mut routes: Routes =
            routes.into_iter().map(|(route, replies)| (route.to_owned(), replies.into())).collect();
        routes.sort_by_key(|(route, _)| std::cmp::Reverse(route.len()));
        let (heard, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let _ = answer(stream.unwrap(), port, &mut routes, &heard);
            }
        });
        Stub { port, asked, stop }
    }

    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn answer(
    stream: TcpStream,
    port: u16,
    routes: &mut Routes,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    let mut heard = first.trim_end_matches(" HTTP/1.1").to_owned();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if matches!(name.as_str(), "authorization" | "private-token") {
            heard.push_str(&format!(" [{line}]"));
        }
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    asked.lock().unwrap().push(heard);
    let route = routes.iter_mut().find(|(route, _)| target.starts_with(route.as_str()));
    let reply = match route {
        Some((_, replies)) if replies.len() > 1 => replies.pop_front().unwrap(),
        Some((_, replies)) => replies[0].clone(),
        None => Reply::status(404),
    };
    let mut out = stream;
    write!(
        out,
        "HTTP/1.1 {} Said\r\nContent-Length: {}\r\nConnection: close\r\n",
        reply.status,
        reply.body.len()
    )?;
    for (name, value) in &reply.headers {
        write!(out, "{name}: {}\r\n", value.replace("BASE", &format!("http://127.0.0.1:{port}")))?;
    }
    let kept = if reply.cut { reply.body.len() / 2 } else { reply.body.len() };
    write!(out, "\r\n{}", &reply.body[..kept])?;
    out.flush()
}
