//! The rooms: who is there, the last lines, and the channel to everybody. A room ends when the last one leaves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use api::peer::{FromRoom, Said};
use axum::extract::ws::Utf8Bytes;
use tokio::sync::broadcast;

/// Rooms at a time.
const ROOMS: usize = 64;
/// People in one room.
const SEATS: usize = 500;
/// Lines a newcomer is shown.
const HISTORY: usize = 30;
/// Messages kept for the slowest; beyond that he lags.
pub(super) const CAPACITY: usize = 64;

/// All rooms by name. Cheap to clone. One lock: what is done under it takes microseconds and never waits.
#[derive(Clone, Default)]
pub(super) struct Rooms {
    by_name: Arc<Mutex<HashMap<String, Room>>>,
}

struct Room {
    names: Vec<String>,
    history: VecDeque<Said>,
    lines: u64,
    news: broadcast::Sender<Utf8Bytes>,
}

/// A place in a room, given up when dropped.
pub(super) struct Seat {
    rooms: Rooms,
    room: String,
    pub(super) name: String,
}

/// What one gets on entering.
pub(super) struct Entered {
    pub(super) seat: Seat,
    pub(super) welcome: FromRoom,
    /// Everything after `welcome`.
    pub(super) news: broadcast::Receiver<Utf8Bytes>,
}

impl Rooms {
    /// Takes a place; the room is made if nobody is there yet.
    ///
    /// # Errors
    /// A sentence for the reader.
    pub(super) fn enter(&self, room: &str, name: &str) -> Result<Entered, String> {
        let mut rooms = self.lock();
        if !rooms.contains_key(room) {
            if rooms.len() >= ROOMS {
                return Err(format!("房间已经有 {ROOMS} 个了，请到已有的房间里去"));
            }
            rooms.insert(room.to_owned(), Room::new());
        }
        let Some(found) = rooms.get_mut(room) else { return Err("没有这个房间".into()) };
        if found.names.iter().any(|taken| taken == name) {
            return Err(format!("房间里已经有一位“{name}”了，请换一个名字"));
        }
        if found.names.len() >= SEATS {
            return Err(format!("房间坐满了（{SEATS} 人），请换一个房间"));
        }
        found.tell(&FromRoom::Joined { name: name.into() });
        found.names.push(name.into());
        let welcome = FromRoom::Welcome {
            room: room.into(),
            names: found.names.clone(),
            history: found.history.iter().cloned().collect(),
        };
        let news = found.news.subscribe();
        let seat = Seat { rooms: self.clone(), room: room.into(), name: name.into() };
        Ok(Entered { seat, welcome, news })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Room>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Room {
    fn new() -> Self {
        let (news, _) = broadcast::channel(CAPACITY);
        Self { names: Vec::new(), history: VecDeque::with_capacity(HISTORY), lines: 0, news }
    }

    /// Puts a message, serialized once for everybody, into the channel. Never waits.
    fn tell(&self, message: &FromRoom) {
        if let Some(text) = crate::runs::text(message) {
            // An error means that nobody is there.
            let _ = self.news.send(text);
        }
    }
}

impl Seat {
    /// Says a line to everybody, the speaker included. Returns how many there are.
    pub(super) fn say(&self, text: String) -> usize {
        let mut rooms = self.rooms.lock();
        let Some(room) = rooms.get_mut(&self.room) else { return 0 };
        room.lines += 1;
        let said = Said { number: room.lines, name: self.name.clone(), text };
        if room.history.len() == HISTORY {
            room.history.pop_front();
        }
        room.history.push_back(said.clone());
        room.tell(&FromRoom::Said(said));
        room.names.len()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut rooms = self.rooms.lock();
        let Some(room) = rooms.get_mut(&self.room) else { return };
        room.names.retain(|name| *name != self.name);
        if room.names.is_empty() {
            rooms.remove(&self.room);
        } else {
            room.tell(&FromRoom::Left { name: self.name.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(welcome: &FromRoom) -> Vec<u64> {
        match welcome {
            FromRoom::Welcome { history, .. } => history.iter().map(|said| said.number).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_room_lives_as_long_as_somebody_is_there() {
        let rooms = Rooms::default();
        let first = rooms.enter("大厅", "甲").unwrap();
        let second = rooms.enter("大厅", "乙").unwrap();
        assert!(rooms.enter("大厅", "甲").is_err(), "a name is taken once");
        for _ in 0..HISTORY + 5 {
            assert_eq!(first.seat.say("话".into()), 2);
        }
        drop(first);
        let third = rooms.enter("大厅", "甲").unwrap();
        assert_eq!(history(&third.welcome), (6..=35).collect::<Vec<_>>(), "the last lines, without gaps");
        drop((second, third));
        assert!(rooms.lock().is_empty());
        assert!(history(&rooms.enter("大厅", "甲").unwrap().welcome).is_empty(), "a new room");
    }

    #[test]
    fn rooms_and_seats_are_bounded() {
        let rooms = Rooms::default();
        let all: Vec<_> = (0..ROOMS).map(|n| rooms.enter(&format!("房{n}"), "甲").unwrap()).collect();
        assert!(rooms.enter("又一间", "甲").is_err());
        let _more: Vec<_> = (1..SEATS).map(|n| rooms.enter("房0", &format!("客{n}")).unwrap()).collect();
        assert!(rooms.enter("房0", "又一位").is_err());
        assert!(rooms.enter("房1", "又一位").is_ok());
        drop(all);
    }
}
