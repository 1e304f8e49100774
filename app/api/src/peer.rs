//! The browser as a peer: what the room at `/peer/ws-chat` and the observer at `/peer/observe` say.
//! (`/peer/ws-echo` sends back what it gets and has no messages of its own.)
//!
//! A page that wants to see the server's side first opens the observer, which tells it an id; sockets opened with
//! `?observer=<id>` then report there what the server's code does with them. Messages are JSON objects with one key:
//! `{"say":{"text":"你好"}}`.

use serde::{Deserialize, Serialize};

use crate::trace::Code;

/// Longest name of a person or a room, characters.
pub const MAX_NAME: u32 = 20;
/// Longest line of chat, characters.
pub const MAX_TEXT: u32 = 500;
/// The room of those who name none.
pub const LOBBY: &str = "大厅";

/// Page → room. The first message is `Join`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToRoom {
    Join { name: String, room: String },
    Say { text: String },
}

/// Room → page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRoom {
    /// You are in. `names`: who is there, you included; `history`: the last lines, oldest first.
    Welcome {
        room: String,
        names: Vec<String>,
        history: Vec<Said>,
    },
    Joined {
        name: String,
    },
    Left {
        name: String,
    },
    Said(Said),
    /// You were too slow: so many messages of the room were not kept for you. You stay.
    Lagged {
        count: u64,
    },
    /// What you sent was not done; a sentence for the reader. The socket stays open.
    Refused {
        message: String,
    },
}

/// A line of chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Counts the lines of this room from 1, without gaps.
    pub number: u64,
    pub name: String,
    pub text: String,
}

/// Page → observer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ToObserver {
    /// What time is it at your place? `probe` comes back in the answer.
    Clock { probe: u32 },
}

/// Observer → page. All times are nanoseconds of the server's clock since the observer was opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromObserver {
    /// First message. `observer` goes into the query of the sockets to be observed.
    Hello {
        observer: String,
    },
    Clock {
        probe: u32,
        time: u64,
    },
    /// What the server's code did, in its order.
    Seen {
        events: Vec<Seen>,
    },
    /// The page read too slowly: so many events were not kept.
    LeftOut {
        events: u32,
    },
}

/// One thing the server's code did with an observed socket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    pub time: u64,
    pub code: Code,
    /// Set if a data message passed at that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Passed>,
}

/// Which data message of the socket it was: each direction counts from 0, and WebSocket keeps their order, so both
/// ends count alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passed {
    /// The server read the page's message with this number.
    Received(u32),
    /// The server is about to send its message with this number.
    Sent(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_look_as_readers_see_them() {
        let said = FromRoom::Said(Said { number: 1, name: "小明".into(), text: "在吗".into() });
        let json = r#"{"said":{"number":1,"name":"小明","text":"在吗"}}"#;
        assert_eq!(serde_json::to_string(&said).unwrap(), json);
        assert_eq!(serde_json::from_str::<FromRoom>(json).unwrap(), said);
        assert!(serde_json::from_str::<ToRoom>(r#"{"say":{"text":"x","as":"y"}}"#).is_err());
    }
}
