//! First come, first served: a fixed number of slots and a line of tickets that know their position.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Position of a ticket whose turn it is.
const GRANTED: u32 = 0;

pub(super) struct Slots {
    state: Arc<Mutex<State>>,
}

struct State {
    free: u32,
    next_ticket: u64,
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    ticket: u64,
    position: watch::Sender<u32>,
}

/// A place in the line; dropping it gives the place up.
pub(super) struct Ticket {
    state: Arc<Mutex<State>>,
    ticket: u64,
    position: watch::Receiver<u32>,
    taken: bool,
}

/// The right to run; dropping it lets the next in.
pub(crate) struct Slot {
    state: Arc<Mutex<State>>,
}

impl Slots {
    pub(super) fn new(free: u32) -> Self {
        let state = State { free, next_ticket: 0, waiting: VecDeque::new() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A ticket, which may be served at once; `None` if it would have to wait behind `most_waiting` others.
    pub(super) fn ticket(&self, most_waiting: u32) -> Option<Ticket> {
        let mut state = lock(&self.state);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let position = if state.free > 0 {
            state.free -= 1;
            watch::channel(GRANTED).1
        } else {
            let ahead = u32::try_from(state.waiting.len()).unwrap_or(u32::MAX);
            if ahead >= most_waiting {
                return None;
            }
            let (sender, receiver) = watch::channel(ahead + 1);
            state.waiting.push_back(Waiting { ticket, position: sender });
            receiver
        };
        Some(Ticket { state: Arc::clone(&self.state), ticket, position, taken: false })
    }

    pub(super) fn waiting(&self) -> u32 {
        u32::try_from(lock(&self.state).waiting.len()).unwrap_or(u32::MAX)
    }
}

impl Ticket {
    /// Waits for the turn; `report` hears every position on the way (1 = next).
    pub(super) async fn wait(mut self, report: impl Fn(u32)) -> Slot {
        loop {
            let position = *self.position.borrow_and_update();
            if position == GRANTED {
                break;
            }
            report(position);
            if self.position.changed().await.is_err() {
                // The sender sends GRANTED before it goes: the loop reads it.
                continue;
            }
        }
        self.taken = true;
        Slot { state: Arc::clone(&self.state) }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.taken {
            return;
        }
        let mut state = lock(&self.state);
        if *self.position.borrow() == GRANTED {
            release(&mut state);
        } else {
            state.waiting.retain(|waiting| waiting.ticket != self.ticket);
            renumber(&state);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        release(&mut lock(&self.state));
    }
}

fn release(state: &mut State) {
    match state.waiting.pop_front() {
        Some(next) => {
            next.position.send_replace(GRANTED);
            renumber(state);
        }
        None => state.free += 1,
    }
}

fn renumber(state: &State) {
    for (position, waiting) in (1..).zip(&state.waiting) {
        waiting.position.send_if_modified(|old| std::mem::replace(old, position) != position);
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(ticket: &Ticket) -> u32 {
        *ticket.position.borrow()
    }

    #[tokio::test]
    async fn positions_move_up_when_someone_finishes_or_gives_up() {
        let slots = Slots::new(1);
        let running = slots.ticket(3).unwrap().wait(|_| ()).await;
        let second = slots.ticket(3).unwrap();
        let third = slots.ticket(3).unwrap();
        let fourth = slots.ticket(3).unwrap();
        assert!(slots.ticket(3).is_none(), "the line is bounded");
        assert_eq!([position(&second), position(&third), position(&fourth)], [1, 2, 3]);
        drop(third);
        assert_eq!([position(&second), position(&fourth)], [1, 2]);
        drop(running);
        assert_eq!([position(&second), position(&fourth)], [GRANTED, 1]);
        let slot = second.wait(|_| ()).await;
        drop(slot);
        drop(fourth);
        assert_eq!(lock(&slots.state).free, 1, "a granted ticket that nobody used is free again");
    }
}
