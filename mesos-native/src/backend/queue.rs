//! The bounded way from libmesos' threads to the tokio task that reads events.
//!
//! A full queue holds the thread that brings the next event, which is what libmesos
//! calls its scheduler on: nothing of ours grows, and no other driver waits, because
//! libmesos has several such threads. Closing the queue lets a held thread go.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// See the module.
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
    /// For at most `capacity` items, and at least one.
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

    /// Puts `item` at the end, and blocks the thread while the queue is full. A closed
    /// queue drops it.
    pub(crate) fn push(&self, item: T) {
        let full = |state: &mut State<T>| !state.closed && state.items.len() >= self.capacity;
        let state = self.room.wait_while(self.lock(), full);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        if !state.closed {
            state.items.push_back(item);
            drop(state);
            self.filled.notify_one();
        }
    }

    /// The first item, or `None` if there is none now.
    pub(crate) fn try_pop(&self) -> Option<T> {
        let item = self.lock().items.pop_front();
        if item.is_some() {
            self.room.notify_one();
        }
        item
    }

    /// The first item, as soon as there is one; `None` once the queue is closed. For one
    /// reader. Cancel safe.
    pub(crate) async fn pop(&self) -> Option<T> {
        loop {
            if let Some(item) = self.try_pop() {
                return Some(item);
            }
            if self.lock().closed {
                return None;
            }
            self.filled.notified().await;
        }
    }

    /// Drops what is in it and what is still to come.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let items = std::mem::take(&mut state.items);
        drop(state);
        self.room.notify_all();
        self.filled.notify_one();
        drop(items);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing under this lock can panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn items_come_out_in_the_order_in_which_they_went_in() {
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
    async fn a_thousand_items_of_a_foreign_thread_pass_a_queue_of_two() {
        let queue = Arc::new(Queue::new(2));
        let sender = Arc::clone(&queue);
        let thread = thread::spawn(move || (0..1000).for_each(|item| sender.push(item)));
        for item in 0..1000 {
            assert_eq!(queue.pop().await, Some(item));
        }
        thread.join().expect("no panic");
    }

    #[test]
    fn a_full_queue_holds_the_thread_until_there_is_room_or_it_is_closed() {
        let queue = Arc::new(Queue::new(1));
        queue.push(1);
        let (sender, pushed) = mpsc::channel();
        let held = Arc::clone(&queue);
        let thread = thread::spawn(move || {
            for item in [2, 3] {
                held.push(item);
                sender.send(item).expect("a receiver");
            }
        });
        let moment = Duration::from_millis(50);
        assert!(pushed.recv_timeout(moment).is_err(), "not held");
        assert_eq!(queue.try_pop(), Some(1));
        assert_eq!(pushed.recv().expect("room"), 2);
        assert!(pushed.recv_timeout(moment).is_err(), "not held again");
        queue.close();
        assert_eq!(pushed.recv().expect("closed"), 3);
        thread.join().expect("no panic");
        assert_eq!(queue.try_pop(), None, "a closed queue is empty");
    }

    #[tokio::test]
    async fn a_closed_queue_says_so_to_its_reader() {
        let queue = Arc::new(Queue::<u8>::new(1));
        let reader = Arc::clone(&queue);
        let waiting = tokio::spawn(async move { reader.pop().await });
        tokio::task::yield_now().await;
        queue.close();
        assert_eq!(waiting.await.expect("no panic"), None);
    }
}
