//! Who may connect, and whether what they say is encrypted.
//!
//! Invariants: where a certificate is named, whoever is not on this machine speaks TLS; where a proxy has the TLS, whoever
//! is neither on this machine nor that proxy is not answered. Deliberately absent: who asks (`access`).

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use surface::peers::{Networks, is_here};
use surface::tls::Certificate;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::options::Options;

/// First byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;
const PROTOCOL: &[u8] = b"http/1.1";
/// What a browser is told that was sent to http:// by mistake.
const SPEAKS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 51\r\nConnection: close\r\n\r\n\
    this port speaks TLS: ask for https://, not http://";

/// Who may connect, and how.
#[derive(Clone, Default)]
pub struct Door {
    certificate: Option<Arc<Certificate>>,
    proxies: Option<Networks>,
}

impl Door {
    /// # Errors
    /// The file of the certificate that cannot be used, and why.
    pub fn new(options: &Options) -> Result<Door, String> {
        let files = options.tls.as_ref();
        let certificate = files.map(|(certificate, key)| Certificate::read(certificate, key, PROTOCOL));
        let certificate =
            certificate.transpose().map_err(|error| format!("http.tls_certificate: {error}"))?;
        Ok(Door { certificate: certificate.map(Arc::new), proxies: options.proxies.clone() })
    }

    /// Whether who connects is answered at all.
    pub fn admits(&self, peer: SocketAddr, own: Option<SocketAddr>) -> bool {
        self.proxies.as_ref().is_none_or(|proxies| proxies.admit(peer, own))
    }

    /// The stream that requests come on. A program on this machine may leave TLS out, as health checks do.
    pub async fn open(&self, mut stream: TcpStream) -> io::Result<Stream> {
        let Some(certificate) = &self.certificate else { return Ok(Stream::Plain(stream)) };
        let mut first = [0; 1];
        let is_tls = stream.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE;
        if is_tls {
            let acceptor = certificate.current().acceptor.clone();
            return Ok(Stream::Tls(Box::new(acceptor.accept(stream).await?)));
        }
        if is_here(stream.peer_addr()?, stream.local_addr().ok()) {
            return Ok(Stream::Plain(stream));
        }
        stream.write_all(SPEAKS_TLS).await?;
        stream.shutdown().await?;
        Err(io::Error::new(io::ErrorKind::InvalidData, "a request without TLS"))
    }
}

/// What requests come on.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
