//! An echo route with the socket settings of `/live` and the site's own listener, for protocol checkers:
//! `kosoku -p 4 -o OUT ws://127.0.0.1:9001/`

#![expect(clippy::print_stdout, reason = "says where it listens")]

use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::any;
use server::config::Times;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let addr = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9001".into());
    // The checker sends up to 16 MiB in one message; everything else is as on `/live`.
    let most = 16 << 20;
    let route = move |upgrade: WebSocketUpgrade| async move {
        let upgrade = server::sockets::tune(upgrade).max_message_size(most).max_frame_size(most);
        answer(upgrade)
    };
    let router = Router::new().route("/", any(route));
    let listener = tokio::net::TcpListener::bind(&addr).await?;
    println!("ws://{}/", listener.local_addr()?);
    server::listener::serve(listener, router, 1000, Times::default(), CancellationToken::new()).await;
    Ok(())
}

fn answer(upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(echo)
}

async fn echo(mut socket: WebSocket) {
    // Until `None`: the Close frame is answered while reading.
    while let Some(received) = socket.recv().await {
        let answer = match received {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => message,
            Ok(_) => continue,
            Err(error) => match server::sockets::blame(&error) {
                Some((code, reason)) => Message::Close(Some(CloseFrame { code, reason: reason.into() })),
                None => return,
            },
        };
        if socket.send(answer).await.is_err() {
            return;
        }
    }
}
