//! The bounded queue between libmesos's threads and the tokio task that reads events.
//!
//! A full queue blocks the libmesos thread that delivers the next event, so memory does not grow.
//! Other drivers are not blocked, because libmesos has several such threads. Closing the queue
//! unblocks the thread.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::lock::lock;
use crate::sys;

/// A bounded queue, as described in the module.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    capacity: usize,
    room: Condvar,
    filled: Notify,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    /// A queue of at most `capacity` items. 0 means 1.
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                closed: false,
            }),
            capacity: capacity.max(1),
            room: Condvar::new(),
            filled: Notify::new(),
        }
    }

    /// Adds `item` at the end, and blocks the thread while the queue is full. A closed queue drops
    /// `item`.
    pub(crate) fn push(&self, item: T) {
        let full = |state: &mut State<T>| !state.closed && state.items.len() >= self.capacity;
        let state = self.room.wait_while(lock(&self.state), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if !state.closed {
            state.items.push_back(item);
            drop(state);
            self.filled.notify_one();
        }
    }

    /// Removes the first item. `None` if the queue is empty.
    pub(crate) fn try_pop(&self) -> Option<T> {
        let item = lock(&self.state).items.pop_front();
        if item.is_some() {
            self.room.notify_one();
        }
        item
    }

    /// Waits for the first item and removes it. `None` once the queue is closed. Supports one
    /// reader. Cancel safe.
    pub(crate) async fn pop(&self) -> Option<T> {
        loop {
            if let Some(item) = self.try_pop() {
                return Some(item);
            }
            if lock(&self.state).closed {
                return None;
            }
            self.filled.notified().await;
        }
    }

    /// Drops all items, and all items that are pushed later.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        self.room.notify_all();
        self.filled.notify_one();
        drop(items);
    }
}

impl Queue<sys::Event> {
    /// Removes callbacks up to the first ERROR, and returns the text of that ERROR.
    pub(crate) fn error_text(&self) -> Option<String> {
        std::iter::from_fn(|| self.try_pop())
            .find(|event| event.kind == sys::MESOS_SHIM_ERROR)
            .map(|event| {
                let text = event.parts.first().map(Vec::as_slice).unwrap_or_default();
                String::from_utf8_lossy(text).into_owned()
            })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::Queue;

    #[tokio::test]
    async fn items_are_returned_in_the_order_in_which_they_were_pushed() {
        let queue = Queue::new(3);
        (1..=3).for_each(|item| queue.push(item));
        assert_eq!(queue.pop().await, Some(1));
        queue.push(4);
        assert_eq!(queue.pop().await, Some(2));
        assert_eq!(queue.pop().await, Some(3));
        assert_eq!(queue.pop().await, Some(4));
        assert_eq!(queue.try_pop(), None);
    }

    #[tokio::test]
    async fn a_thousand_items_from_another_thread_pass_through_a_queue_of_two() {
        let queue = Arc::new(Queue::new(2));
        let sender = Arc::clone(&queue);
        let thread = thread::spawn(move || (0..1000).for_each(|item| sender.push(item)));
        for item in 0..1000 {
            assert_eq!(queue.pop().await, Some(item));
        }
        thread.join().expect("no panic");
    }

    #[test]
    fn a_full_queue_blocks_the_thread_until_an_item_is_removed_or_the_queue_is_closed() {
        let queue = Arc::new(Queue::new(1));
        queue.push(1);
        let (sender, pushed) = mpsc::channel();
        let blocked = Arc::clone(&queue);
        let thread = thread::spawn(move || {
            for item in [2, 3] {
                blocked.push(item);
                sender.send(item).expect("a receiver");
            }
        });
        let moment = Duration::from_millis(50);
        assert!(pushed.recv_timeout(moment).is_err(), "not blocked");
        assert_eq!(queue.try_pop(), Some(1));
        assert_eq!(pushed.recv().expect("room"), 2);
        assert!(pushed.recv_timeout(moment).is_err(), "not blocked again");
        queue.close();
        assert_eq!(pushed.recv().expect("closed"), 3);
        thread.join().expect("no panic");
        assert_eq!(queue.try_pop(), None, "a closed queue is empty");
    }

    #[tokio::test]
    async fn closing_the_queue_ends_the_wait_of_its_reader() {
        let queue = Arc::new(Queue::<u8>::new(1));
        let reader = Arc::clone(&queue);
        let waiting = tokio::spawn(async move { reader.pop().await });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(waiting.await.expect("no panic"), None);
    }
}
