//! Tickets: taking them, looking into their slots, and giving back what can't begin here.

use super::{Runner, Worker};
use crate::claim::Found;
use crate::config::ASIDE_MS;
use crate::presence::WORKERS;
use crate::{Delivery, Env, QueueError, Store, StoreError, Ticket, Wake};

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Takes tickets and looks into their slots and into those set aside.
    pub(super) async fn take(
        &self,
        most: u64,
        aside: &mut Vec<Ticket>,
    ) -> Result<Vec<Delivery>, QueueError> {
        let (mut tickets, mut crowded) = (Vec::new(), false);
        self.renew_permits(aside.len()).await?;
        self.see_to_keys().await?;
        if self.budget_over() || most == 0 {
            self.stop_taking(aside.len()).await?;
        } else {
            self.join().await?;
            if (aside.len() as u64) < self.limits.batch_max {
                match self.queue.share(most, self.limits.workers_max).await? {
                    Some(share) => {
                        crowded = share.crowded;
                        let wanted = share.tickets.iter().map(|(_, count)| count).sum();
                        let allowed = self.allow(wanted, aside.len()).await?;
                        tickets = self.queue.claim(&share.tickets, allowed).await?;
                        if share.short && tickets.len() as u64 == wanted {
                            self.call_another().await;
                        }
                    }
                    // What is put into their slots from now on waits, too.
                    None => self.give_up_aside(aside).await,
                }
            }
        }
        tickets.append(aside);
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let taken_ms: Vec<_> = tickets.iter().map(|t| t.taken_ms).collect();
        let mut deliveries = Vec::new();
        let mut empty = Vec::new();
        match self.queue.look(&tickets, crowded).await {
            Ok(found) => self.sort(found, &mut deliveries, &mut empty),
            Err(e) => {
                // Nothing was claimed yet: the tickets are still good.
                aside.append(&mut tickets);
                return Err(e);
            }
        }
        let (young, old) = empty.into_iter().partition(|ticket: &Ticket| {
            let age_ms = self.queue.env().now_ms().saturating_sub(ticket.taken_ms);
            age_ms < ASIDE_MS && !self.budget_over()
        });
        aside.extend::<Vec<_>>(young);
        aside.extend(self.give_up(old, &mut deliveries).await);
        let deliveries = self.admit(deliveries).await;
        let used_ms = deliveries.iter().map(|d| d.taken_ms);
        self.unused(taken_ms, used_ms.chain(aside.iter().map(|t| t.taken_ms)));
        Ok(deliveries)
    }

    fn sort(&self, found: Vec<Found>, deliveries: &mut Vec<Delivery>, empty: &mut Vec<Ticket>) {
        for found in found {
            match found {
                Found::Run(delivery) => deliveries.push(*delivery),
                Found::Empty(ticket) => empty.push(ticket),
                Found::Write(key, value) => self.outcomes.borrow_mut().push((key, value)),
                Found::Nothing => {}
            }
        }
    }

    /// Gives up tickets whose slots stayed empty; what was put into them meanwhile is to be run. Returns those that must be
    /// used but could not be looked at.
    async fn give_up(&self, tickets: Vec<Ticket>, deliveries: &mut Vec<Delivery>) -> Vec<Ticket> {
        let mut filled = Vec::new();
        for ticket in tickets {
            match self.queue.give_up(ticket.slot).await {
                Ok(true) => filled.push(ticket),
                Ok(false) => {}
                // Given up or not: rescue sees to it.
                Err(e) => self.queue.env().log(&e.to_string()),
            }
        }
        match self.queue.look(&filled, false).await {
            Ok(found) => self.sort(found, deliveries, &mut Vec::new()),
            Err(e) => {
                self.queue.env().log(&e.to_string());
                return filled;
            }
        }
        Vec::new()
    }

    /// Gives up the tickets that were set aside, before this instance is busy for long.
    pub(super) async fn give_up_aside(&self, aside: &mut Vec<Ticket>) {
        let mut deliveries = Vec::new();
        self.give_up(std::mem::take(aside), &mut deliveries).await;
        self.put_back(deliveries).await;
    }

    /// Gives back what can't begin here, or not in time.
    pub(super) async fn put_back(&self, deliveries: Vec<Delivery>) {
        self.unused(deliveries.iter().map(|d| d.taken_ms), []);
        for delivery in &deliveries {
            let key = (delivery.slot, delivery.epoch);
            self.in_progress.borrow_mut().remove(&key);
            // An instance that takes no more itself must see at once that somebody does.
            self.shift.looked_ms.set(0);
        }
        if let Err(e) = self.queue.put_back(deliveries).await {
            self.queue.env().log(&e.to_string());
        }
    }

    /// Takes no more: others must know, and somebody must be there for what waits already.
    async fn stop_taking(&self, aside: usize) -> Result<(), StoreError> {
        let freed = self.free_unused(aside).await?;
        let left = self.leave().await?;
        // What was announced since by the keeper or by a task that ended here must not wait either.
        if (freed || left || self.shift.looks_again(self.queue.env().now_ms()))
            && self.deserted().await?
        {
            self.queue.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Whether slots wait that somebody may take, and whether nobody is registered to do so. Who asks holds no permit that it
    /// does not use.
    pub(super) async fn waiting(&self) -> Result<(bool, bool), StoreError> {
        if self.queue.waiting().await? == 0 || self.queue.is_full().await? {
            return Ok((false, false));
        }
        let workers = self.queue.presence(WORKERS).await?;
        let takeable = workers.aside() < self.limits.workers_max;
        Ok((takeable, takeable && workers.present() == 0))
    }

    /// Whether slots wait, nobody is registered to take them, and somebody may.
    pub(super) async fn deserted(&self) -> Result<bool, StoreError> {
        Ok(self.waiting().await?.1)
    }
}
