//! The labs: ordinary Rust network programs, one file each, and their registry.
//!
//! Adding a lab: one file with a struct whose fields are its parameters and an `impl` [`Lab`],
//! one `mod` line and one line in [`LABS`].
//!
//! * [`Lab`] — what a lab file implements
//! * [`Entry`] — the same lab with its type forgotten: what runner and server hold
//! * `params` — how the form is derived from the struct

mod entry;
mod lab;
mod neighbours;
mod params;

mod axum_basic;
mod axum_middleware;
pub mod axum_routing;
mod bind_addr;
mod blocking_vs_async;
pub mod conn_pool;
mod framed;
mod graceful_shutdown;
mod grpc_greeter;
pub mod grpc_web;
mod h2_frames;
mod head_of_line;
mod http3;
mod http_client;
mod icmp_ping;
mod load_balancer;
mod observe;
mod pitfall_blocking;
mod pitfall_bounds;
mod pitfall_close;
mod pitfall_errors;
mod pitfall_timeout;
mod quic_streams;
mod rate_limit;
mod serial_mock;
mod tcp_chat_threads;
mod tcp_echo;
mod tcp_vs_udp;
mod tokio_tcp;
mod tokio_udp;
mod udp_broadcast;
mod udp_echo;
mod udp_multicast;
mod ws_chat;
mod ws_echo;
mod zero_copy;

pub use entry::Entry;
pub use lab::{Input, Lab, Open, Server, Serving};

/// Registers `module::Lab`; its source travels with it, so that the page shows what runs.
macro_rules! lab {
    ($module:ident :: $lab:ident) => {
        Entry::new::<$module::$lab>(
            concat!("server/labs/src/", stringify!($module), ".rs"),
            include_str!(concat!(stringify!($module), ".rs")),
        )
    };
}

/// Every lab, in the order of the book.
static LABS: &[Entry] = &[
    lab!(blocking_vs_async::BlockingVsAsync),
    lab!(bind_addr::BindAddr),
    lab!(tcp_vs_udp::TcpVsUdp),
    lab!(tcp_echo::TcpEcho),
    lab!(tcp_chat_threads::TcpChatThreads),
    lab!(udp_echo::UdpEcho),
    lab!(udp_broadcast::UdpBroadcast),
    lab!(udp_multicast::UdpMulticast),
    lab!(tokio_tcp::TokioTcp),
    lab!(tokio_udp::TokioUdp),
    lab!(http_client::HttpClient),
    lab!(axum_basic::AxumBasic),
    lab!(axum_middleware::AxumMiddleware),
    lab!(axum_routing::AxumRouting),
    lab!(ws_echo::WsEcho),
    lab!(ws_chat::WsChat),
    lab!(framed::Framing),
    lab!(h2_frames::H2Frames),
    lab!(grpc_greeter::GrpcGreeter),
    lab!(grpc_web::GrpcWeb),
    lab!(quic_streams::QuicStreams),
    lab!(http3::Http3),
    lab!(head_of_line::HeadOfLine),
    lab!(zero_copy::ZeroCopy),
    lab!(conn_pool::ConnPool),
    lab!(load_balancer::LoadBalancer),
    lab!(pitfall_close::PitfallClose),
    lab!(pitfall_bounds::PitfallBounds),
    lab!(pitfall_blocking::PitfallBlocking),
    lab!(pitfall_timeout::PitfallTimeout),
    lab!(pitfall_errors::PitfallErrors),
    lab!(graceful_shutdown::GracefulShutdownLab),
    lab!(observe::Observe),
    lab!(rate_limit::RateLimitLab),
    lab!(serial_mock::SerialMock),
    lab!(icmp_ping::IcmpPing),
];

/// Every lab, in the order of the book.
#[must_use]
pub fn all() -> &'static [Entry] {
    LABS
}

/// The lab called `slug`, if there is one.
#[must_use]
pub fn find(slug: &str) -> Option<&'static Entry> {
    LABS.iter().find(|entry| entry.slug() == slug)
}
