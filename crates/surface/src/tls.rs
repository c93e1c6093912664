//! The certificate of a listener, read again when its files change.
//!
//! Invariant: a pair that cannot be used never takes the place of one that can; a broken renewal is told in the log and
//! leaves the old certificate in force. Deliberately absent: certificates of clients, and getting one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How often the files are looked at, at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// A certificate with its key, as they were read.
pub struct Tls {
    pub acceptor: TlsAcceptor,
    /// The certificate's text, which binds passwords to a connection.
    pub certificate_pem: Vec<u8>,
}

/// The files of a certificate and its key, in PEM.
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    /// What is spoken over TLS (ALPN).
    protocol: &'static [u8],
    state: Mutex<State>,
}

struct State {
    tls: Arc<Tls>,
    /// When each file was written.
    written: [Option<SystemTime>; 2],
    looked: Instant,
}

impl Certificate {
    /// # Errors
    /// The file that cannot be used, and why.
    pub fn read(certificate: &Path, key: &Path, protocol: &'static [u8]) -> Result<Certificate, String> {
        let written = written(certificate, key);
        let tls = Arc::new(read(certificate, key, protocol)?);
        let state = Mutex::new(State { tls, written, looked: Instant::now() });
        Ok(Certificate { certificate: certificate.to_owned(), key: key.to_owned(), protocol, state })
    }

    /// The certificate in force.
    pub fn current(&self) -> Arc<Tls> {
        self.current_at(Instant::now())
    }

    fn current_at(&self, now: Instant) -> Arc<Tls> {
        let mut state = self.state.lock().expect("no holder of a certificate panics");
        if now.saturating_duration_since(state.looked) >= LOOK_INTERVAL {
            state.looked = now;
            let written = written(&self.certificate, &self.key);
            if written != state.written {
                match read(&self.certificate, &self.key, self.protocol) {
                    Ok(tls) => {
                        tracing::info!(certificate = %self.certificate.display(), "read a renewed certificate");
                        (state.tls, state.written) = (Arc::new(tls), written);
                    }
                    Err(error) => {
                        tracing::warn!(
                            error,
                            "a renewed certificate cannot be used; the old one stays in force"
                        );
                    }
                }
            }
        }
        Arc::clone(&state.tls)
    }
}

fn written(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok())
}

fn read(certificate: &Path, key: &Path, protocol: &[u8]) -> Result<Tls, String> {
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
    config.alpn_protocols = vec![protocol.to_vec()];
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate_pem })
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
            let message = Certificate::read(certificate, &missing, b"x").err().expect("it cannot be used");
            assert!(message.contains(expect), "{message}");
        }
    }

    /// A certificate and its key.
    fn pair(dir: &Path) -> (String, String) {
        let (certificate, key) = (dir.join("made.pem"), dir.join("made.key"));
        let mut openssl = std::process::Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=localhost", "-keyout"]);
        let made = openssl.arg(&key).arg("-out").arg(&certificate).output().expect("openssl runs");
        assert!(made.status.success(), "{made:?}");
        let text = |path| std::fs::read_to_string(path).expect("it was made");
        (text(certificate), text(key))
    }

    #[test]
    fn a_renewed_certificate_comes_into_force_and_a_broken_one_does_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let (first, second) = (pair(dir.path()), pair(dir.path()));
        let (certificate, key) = (dir.path().join("tls.pem"), dir.path().join("tls.key"));
        let old = SystemTime::now() - Duration::from_secs(60);
        let write = |path: &Path, text: &str, at: SystemTime| {
            std::fs::write(path, text).expect("written");
            std::fs::File::options()
                .append(true)
                .open(path)
                .expect("it is there")
                .set_modified(at)
                .expect("set");
        };
        write(&certificate, &first.0, old);
        write(&key, &first.1, old);
        let read = Certificate::read(&certificate, &key, b"http/1.1").expect("a pair");
        let after =
            |looks: u32| read.current_at(Instant::now() + LOOK_INTERVAL * looks).certificate_pem.clone();
        assert_eq!(after(0), first.0.as_bytes());
        // Half of a renewal: the key is not of the certificate.
        write(&certificate, &second.0, SystemTime::now());
        assert_eq!(read.current().certificate_pem, first.0.as_bytes(), "it was looked at just now");
        assert_eq!(after(1), first.0.as_bytes(), "the pair does not fit");
        write(&key, &second.1, SystemTime::now());
        assert_eq!(after(2), second.0.as_bytes());
    }
}
