//! The reader's browser in the room at `/peer/ws-chat`, which all readers of this site share.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

use api::peer::{FromRoom, LOBBY, MAX_NAME, MAX_TEXT, ToRoom};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::peer::link::{Link, Phase};
use super::peer::views::PeerBench;

/// Lines kept on the page.
const MOST: usize = 200;

/// A line of the conversation as the page shows it: always as text, never as HTML.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// Counts the lines of this page.
    key: u32,
    /// Who says it; absent: the room itself.
    name: Option<String>,
    text: String,
    /// End of a class name.
    kind: &'static str,
}

/// What the page knows of the room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Room {
    name: String,
    names: Vec<String>,
    lines: Vec<Line>,
    next: u32,
}

impl Room {
    fn take(&mut self, message: FromRoom) {
        match message {
            FromRoom::Welcome { room, names, history } => {
                self.name = room;
                for said in history {
                    self.push(Some(said.name), said.text, "said");
                }
                self.push(None, format!("你进了房间，这里有 {} 人", names.len()), "note");
                self.names = names;
            }
            FromRoom::Joined { name } => {
                self.push(None, format!("{name} 来了"), "note");
                self.names.push(name);
            }
            FromRoom::Left { name } => {
                self.names.retain(|other| *other != name);
                self.push(None, format!("{name} 走了"), "note");
            }
            FromRoom::Said(said) => self.push(Some(said.name), said.text, "said"),
            FromRoom::Lagged { count } => {
                let text = format!(
                    "你的网络一时跟不上，错过了 {count} 条。服务器为最慢的人也只留 64 条，再旧的就被盖掉了（RecvError::Lagged）。你还在房间里，接着听就是。"
                );
                self.push(None, text, "lagged");
            }
            FromRoom::Refused { message } => self.push(None, message, "refused"),
        }
    }

    fn push(&mut self, name: Option<String>, text: String, kind: &'static str) {
        if self.lines.len() == MOST {
            self.lines.remove(0);
        }
        self.lines.push(Line { key: self.next, name, text, kind });
        self.next += 1;
    }
}

/// A name, a room, and what is said there; both sides' events on one timeline.
#[component]
pub fn PeerChat() -> impl IntoView {
    let link = Link::new("ws-chat", "/peer/ws-chat", "聊天室：和正在读这一页的人说话");
    let ready = RwSignal::new(false);
    let (name, place) = (RwSignal::new(String::new()), RwSignal::new(LOBBY.to_owned()));
    let text = RwSignal::new(String::new());
    let room = RwSignal::new(Room::default());
    let inside =
        Memo::new(move |_| link.phase.get() == Phase::Open && room.with(|room| !room.names.is_empty()));
    let tell = move |message: &ToRoom| serde_json::to_string(message).is_ok_and(|text| link.send(&text));
    let join = move || {
        tell(&ToRoom::Join { name: name.get_untracked(), room: place.get_untracked() });
    };
    link.on_message(move |message| {
        if message.is_empty() {
            return join();
        }
        match serde_json::from_str(message) {
            Ok(message) => room.update(|room| room.take(message)),
            Err(error) => leptos::logging::warn!("/peer/ws-chat: {error}"),
        }
    });
    let enter = move |event: SubmitEvent| {
        event.prevent_default();
        match link.phase.get_untracked() {
            Phase::Idle => {
                room.set(Room::default());
                link.connect();
            }
            // The name was refused: the socket is still there.
            Phase::Open => join(),
            _ => {}
        }
    };
    let speak = move |event: SubmitEvent| {
        event.prevent_default();
        if tell(&ToRoom::Say { text: text.get_untracked() }) {
            text.set(String::new());
        }
    };
    let (name_id, room_id, text_id) = (link.bench.id("name"), link.bench.id("room"), link.bench.id("text"));
    let busy = move || {
        !ready.get()
            || inside.get()
            || matches!(link.phase.get(), Phase::Preparing | Phase::Opening | Phase::Closing)
    };
    let outside = move || !inside.get();
    let lines = move || room.with(|room| room.lines.clone());
    view! {
        <PeerBench link ready>
            <form class="bench-input peer-enter" autocomplete="off" on:submit=enter>
                <span class="peer-field">
                    <label for=name_id.clone()>"你的名字"</label>
                    <input id=name_id type="text" maxlength=MAX_NAME required=true disabled=busy placeholder="小明" prop:value=move || name.get()
                        on:input=move |event| name.set(event_target_value(&event))/>
                </span>
                <span class="peer-field">
                    <label for=room_id.clone()>"房间"</label>
                    <input id=room_id type="text" maxlength=MAX_NAME required=true disabled=busy prop:value=move || place.get()
                        on:input=move |event| place.set(event_target_value(&event))/>
                </span>
                <button type="submit" class="peer-go" disabled=busy>"进房间"</button>
                <button type="button" disabled=move || link.phase.get() != Phase::Open on:click=move |_| link.close(1000, "走了")>"离开"</button>
            </form>
            <p class="peer-names">
                {move || room.with(|room| if room.names.is_empty() || !inside.get() { String::new() } else {
                    format!("“{}”里有 {} 人：{}", room.name, room.names.len(), room.names.join("、"))
                })}
            </p>
            <div class="peer-lines" role="log" aria-label="聊天记录" tabindex="0">
                <For each=lines key=|line| line.key let(line)>
                    <p class=format!("peer-{}", line.kind)>
                        {line.name.map(|name| view! { <b>{name}</b> "：" })}
                        <span>{line.text}</span>
                    </p>
                </For>
            </div>
            <form class="bench-input" autocomplete="off" on:submit=speak>
                <label for=text_id.clone()>"说一句话"</label>
                <input id=text_id type="text" maxlength=MAX_TEXT required=true disabled=outside prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))/>
                <button type="submit" disabled=outside>"发送"</button>
            </form>
        </PeerBench>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::peer::Said;

    #[test]
    fn the_page_follows_the_room() {
        let mut room = Room::default();
        let said = Said { number: 1, name: "甲".into(), text: "在吗".into() };
        room.take(FromRoom::Welcome {
            room: LOBBY.into(),
            names: vec!["甲".into(), "乙".into()],
            history: vec![said.clone()],
        });
        room.take(FromRoom::Joined { name: "丙".into() });
        room.take(FromRoom::Left { name: "甲".into() });
        room.take(FromRoom::Lagged { count: 7 });
        assert_eq!(room.names, ["乙", "丙"]);
        assert_eq!(room.lines.len(), 5);
        assert!(room.lines[4].text.contains("错过了 7 条"));
        for _ in 0..MOST {
            room.take(FromRoom::Said(said.clone()));
        }
        assert_eq!((room.lines.len(), room.lines[0].key), (MOST, 5));
    }
}
