//! What a lab file implements.

use std::collections::BTreeMap;
use std::pin::Pin;

use api::lab::{Hints, InputInfo};
use api::line::Line;
use lan::Lan;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A lab: a struct whose **fields are its parameters**, and a program that runs on a [`Lan`].
///
/// The form on the page, the checks and the documentation all come from the struct: the first line of
/// a field's doc comment is its Chinese label, the rest its explanation, `#[garde(…)]` its bounds,
/// [`Default`] its default.
pub trait Lab:
    Serialize + DeserializeOwned + Default + JsonSchema + garde::Validate<Context = ()> + Send + 'static
{
    /// `tcp-echo`: kebab-case, unique.
    const SLUG: &'static str;
    /// Chinese title.
    const TITLE: &'static str;
    /// One Chinese sentence: what it shows.
    const SUMMARY: &'static str;
    /// Names of its hosts in the order in which [`Lab::run`] makes them.
    const HOSTS: &'static [&'static str];
    /// Set if the reader may type lines while it runs.
    const INPUT: Option<Input> = None;
    /// True if it cannot work in tier `loopback`.
    const NEEDS_ISOLATED: bool = false;
    /// True if it measures work on several processors at once. Else a run keeps to one: round trips over the lan are
    /// then many times shorter and more alike.
    const PARALLEL: bool = false;
    /// Wall-clock limit of a run, milliseconds.
    const WALL_MS: u32 = 30_000;
    /// Its server, for programs outside of the lan: `wirebook open` gives it a port of the host network.
    const OPEN: Option<Open> = None;

    /// Line settings of a run unless the reader chose others, by host name.
    #[must_use]
    fn lines() -> BTreeMap<String, Line> {
        BTreeMap::new()
    }

    /// What its ports speak and its messages mean, where the bytes alone do not say.
    #[must_use]
    fn hints() -> Hints {
        Hints::default()
    }

    /// Runs the lab to its end.
    ///
    /// # Errors
    /// What the reader is told when the lab could not do what it set out to show.
    fn run(self, lan: Lan) -> impl Future<Output = anyhow::Result<()>>;
}

/// A lab's server on a port of the host network, without a lan and its observers.
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// What a program is told to connect to, `{}` standing for the address: `ws://{}/echo`.
    pub url: &'static str,
    pub server: Server,
}

/// The lab's own serving function, by what it listens on. The socket does not block.
#[derive(Clone, Copy, Debug)]
pub enum Server {
    Tcp(fn(std::net::TcpListener) -> Serving),
    Udp(fn(std::net::UdpSocket) -> Serving),
}

/// A server at work; it ends when it is dropped.
pub type Serving = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;

/// A server that blocks, on a thread of its own: the thread ends with the process. An error or a panic ends the
/// future.
pub(crate) fn on_a_thread(serve: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Serving {
    Box::pin(async {
        let (done, ended) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("server".into()).spawn(move || done.send(serve()))?;
        Ok(ended.await??)
    })
}

/// How a lab takes lines while it runs.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Chinese label of the text field.
    pub label: &'static str,
    /// Example shown in the empty field.
    pub placeholder: &'static str,
    /// Longest line, characters.
    pub max_length: u32,
}

impl From<Input> for InputInfo {
    fn from(input: Input) -> Self {
        Self {
            label: input.label.into(),
            placeholder: input.placeholder.into(),
            max_length: input.max_length,
        }
    }
}
