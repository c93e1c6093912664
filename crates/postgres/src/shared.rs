//! What all connections share.

use std::sync::Arc;

use pgwire::api::{ConnectionManager, RandomPidSecretKeyGenerator};
use surface::App;

use super::negotiate::Tls;
use super::options::Options;
use super::reader::Reader;
use super::users::Users;

pub struct Shared {
    pub app: Arc<App>,
    pub options: Options,
    pub users: Arc<Users>,
    pub tls: Option<Tls>,
    pub reader: Arc<Reader>,
    pub connections: Arc<ConnectionManager>,
    pub keys: Arc<RandomPidSecretKeyGenerator>,
}
