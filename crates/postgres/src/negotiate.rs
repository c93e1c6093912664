//! Before the first message: whether a connection is encrypted.
//!
//! Invariants: a client asks for TLS once and for GSS encryption once, what it sends beyond that is its first message;
//! nothing that came before TLS is taken for what came inside it; a certificate that cannot be used is an error at the
//! start, never a port without TLS.

use std::io::{self, ErrorKind};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::frames::Wire;

/// Codes in the place of a protocol version.
const TLS_REQUEST: [u8; 4] = 80_877_103_u32.to_be_bytes();
const GSS_REQUEST: [u8; 4] = 80_877_104_u32.to_be_bytes();
/// First byte of a TLS handshake, for clients that begin with one.
const TLS_HANDSHAKE: u8 = 0x16;
/// What such a client must say that it wants.
pub const PROTOCOL: &[u8] = b"postgresql";

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
