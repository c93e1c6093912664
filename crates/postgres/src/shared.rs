//! What all connections share.

use std::sync::Arc;

use pgwire::api::{ConnectionManager, RandomPidSecretKeyGenerator};
use surface::App;
use surface::tls::Certificate;
use tokio::sync::Semaphore;

use super::options::Options;
use super::reader::Reader;
use super::strangers::Strangers;
use super::users::Users;

pub struct Shared {
    pub app: Arc<App>,
    pub options: Options,
    pub users: Arc<Users>,
    pub tls: Option<Certificate>,
    pub reader: Arc<Reader>,
    /// For those who have logged in.
    pub places: Arc<Semaphore>,
    pub strangers: Strangers,
    pub connections: Arc<ConnectionManager>,
    pub keys: Arc<RandomPidSecretKeyGenerator>,
}
