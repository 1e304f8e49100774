//! What the handlers share.

use std::sync::Arc;

use axum::extract::FromRef;

use crate::assets::Assets;
use crate::dev::Reloads;
use crate::live::Live;
use crate::pages::Pages;
use crate::peer::Peer;
use crate::recordings::Recordings;
use crate::runs::Runs;
use crate::site::Library;
use crate::sockets::Sockets;
use crate::store::Store;

/// Everything behind the router. Cheap to clone.
#[derive(Clone)]
pub struct State {
    pub library: Library,
    pub pages: Pages,
    pub assets: Arc<Assets>,
    /// All WebSockets, whatever their path.
    pub sockets: Sockets,
    pub live: Live,
    pub(crate) peer: Peer,
    pub runs: Runs,
    pub store: Store,
    pub recordings: Recordings,
    /// Present while an author watches.
    pub reloads: Option<Reloads>,
}

impl FromRef<State> for Live {
    fn from_ref(state: &State) -> Self {
        state.live.clone()
    }
}

impl FromRef<State> for Peer {
    fn from_ref(state: &State) -> Self {
        state.peer.clone()
    }
}
