//! Clients by their names.
//!
//! Invariant: of a name at most one client is served: who comes later takes the seat, and who had it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Who is here.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<HashMap<String, Arc<Notify>>>>);

/// A client's place, until it is dropped or taken.
#[derive(Debug)]
pub(super) struct Seat {
    all: Seats,
    name: String,
    taken: Arc<Notify>,
}

impl Seats {
    /// Seats a client, in place of another with its name.
    pub(super) fn take(&self, name: String) -> Seat {
        let taken = Arc::<Notify>::default();
        let earlier = self.lock().insert(name.clone(), Arc::clone(&taken));
        if let Some(earlier) = earlier {
            earlier.notify_one();
        }
        Seat { all: self.clone(), name, taken }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Resolves when another has taken it. Can be cancelled.
    pub(super) async fn taken_over(&self) {
        self.taken.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if all.get(&self.name).is_some_and(|seated| Arc::ptr_eq(seated, &self.taken)) {
            all.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_comes_later_takes_the_seat_and_keeps_it_when_the_other_has_gone() {
        let seats = Seats::default();
        let (first, other) = (seats.take("meter".to_owned()), seats.take("lamp".to_owned()));
        let second = seats.take("meter".to_owned());
        first.taken_over().await;
        drop((first, other));
        assert_eq!(seats.lock().len(), 1);
        drop(second);
        assert!(seats.lock().is_empty());
    }
}
