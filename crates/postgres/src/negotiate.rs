//! Before the first message: whether a connection is encrypted.
//!
//! Invariants: a client asks for TLS once and for GSS encryption once, what it sends beyond that is its first message;
//! nothing that came before TLS is taken for what came inside it; a certificate that cannot be used is an error at the
//! start, never a port without TLS.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::frames::Wire;

/// Codes in the place of a protocol version.
const TLS_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const GSS_REQUEST: [u8; 4] = 80_877_104_u32.to_be_bytes();
/// First byte of a TLS handshake, for clients that begin with one.
const TLS_HANDSHAKE: u8 = 0x16;
/// What such a client must say that it wants.
const PROTOCOL: &[u8] = b"postgresql";

/// A certificate with its key, and the certificate's text, which binds passwords to the connection.
pub struct Tls {
    pub acceptor: TlsAcceptor,
    pub certificate_pem: Vec<u8>,
}

impl Tls {
    /// # Errors
    /// The file that cannot be used, and why.
    pub fn read(certificate: &Path, key: &Path) -> Result<Tls, String> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let certificate_pem = std::fs::read(certificate).map_err(|error| wrong(certificate, &error))?;
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&certificate_pem)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(certificate, &error))?;
        if chain.is_empty() {
            return Err(wrong(certificate, &"there is no certificate in it"));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| wrong(key, &error))?;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate_pem })
    }
}

/// A connection that is about to say who it is.
pub struct Negotiation {
    pub wire: Box<dyn Wire>,
    pub secure: bool,
    /// The beginning of its first message.
    pub before: Vec<u8>,
}

pub async fn negotiate(mut socket: TcpStream, tls: Option<&TlsAcceptor>) -> io::Result<Negotiation> {
    socket.set_nodelay(true)?;
    let mut first = [0; 1];
    if socket.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
        let acceptor = tls.ok_or(ErrorKind::ConnectionRefused)?;
        let socket = acceptor.accept(socket).await?;
        if socket.get_ref().1.alpn_protocol() != Some(PROTOCOL) {
            return Err(ErrorKind::InvalidData.into());
        }
        return Ok(Negotiation { wire: Box::new(socket), secure: true, before: Vec::new() });
    }
    let (mut tls_asked, mut gss_asked) = (false, false);
    loop {
        let mut head = [0; 8];
        socket.read_exact(&mut head).await?;
        let (length, code) = head.split_at(4);
        let request = length == 8_u32.to_be_bytes();
        if request && code == TLS_REQUEST && !tls_asked {
            tls_asked = true;
            if let Some(acceptor) = tls {
                socket.write_all(b"S").await?;
                let socket = acceptor.accept(socket).await?;
                return Ok(Negotiation { wire: Box::new(socket), secure: true, before: Vec::new() });
            }
            socket.write_all(b"N").await?;
        } else if request && code == GSS_REQUEST && !gss_asked {
            gss_asked = true;
            socket.write_all(b"N").await?;
        } else {
            return Ok(Negotiation { wire: Box::new(socket), secure: false, before: head.to_vec() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_cannot_be_used_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let (missing, empty) = (dir.path().join("missing.pem"), dir.path().join("empty.pem"));
        std::fs::write(&empty, "").expect("written");
        for (certificate, expect) in
            [(&missing, "missing.pem: No such file"), (&empty, "no certificate in it")]
        {
            let message = Tls::read(certificate, &missing).err().expect("it cannot be used");
            assert!(message.contains(expect), "{message}");
        }
    }
}
