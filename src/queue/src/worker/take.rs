//! Tickets: taking them, reading their slots, and giving back what can't begin here.

use crate::base::config::EMPTY_TICKET_MS;
use crate::base::env::{Env, Wake};
use crate::base::guard::{Guard, enabled};
use crate::base::priority::Lane;
use crate::claims::share::{Claims, Room, Share};
use crate::claims::tickets::TicketResult;
use crate::limits::counters::LimitCounters;
use crate::model::delivery::{Delivery, Ticket};
use crate::presence::{Registry, WORKERS};
use crate::runs::attempt::Attempts;
use crate::slots::lanes::Slots;
use crate::store::contract::{Store, StoreError};
use crate::store::error::QueueError;
use crate::worker::state::Runner;
use crate::worker::state::Worker;

impl<S: Store, E: Env, R: Runner> Worker<S, E, R> {
    /// Takes tickets and reads their slots, and those of the empty tickets. System tasks come last,
    /// and not beside a task that is to run alone: where they never cease, that task would never
    /// begin.
    pub(crate) async fn take(
        &self,
        room: Room,
        empty_tickets: &mut Vec<Ticket>,
    ) -> Result<Vec<Delivery>, QueueError> {
        self.renew_permits(empty_tickets).await?;
        self.renew_key_permits().await?;
        let (mut tickets, mut system) = (Vec::new(), 0);
        self.registration.around.take();
        if self.budget_over() || room.user == 0 || room.system == 0 {
            self.stop_taking(empty_tickets).await?;
        } else {
            self.join().await?;
            if (empty_tickets.len() as u64) < self.limits.batch_max {
                let share = Claims::of(&self.queue)
                    .share(room, self.limits.workers_max)
                    .await?;
                self.registration.around.set(share.around);
                system = share.system;
                tickets = self.claim(&share, empty_tickets).await?;
            }
        }
        tickets.append(empty_tickets);
        let mut deliveries = self.look(tickets, empty_tickets).await?;
        if system > 0 && !deliveries.iter().any(|d| self.runs_alone(d)) {
            let tickets = match Claims::of(&self.queue).tickets(Lane::System, system).await {
                Ok(tickets) => tickets,
                Err(e) if deliveries.is_empty() => return Err(e.into()),
                // The tasks that it already has must begin.
                Err(e) => {
                    self.queue.env().log(&e.to_string());
                    Vec::new()
                }
            };
            match self.look(tickets, empty_tickets).await {
                Ok(more) => deliveries.extend(more),
                Err(e) if deliveries.is_empty() => return Err(e),
                Err(e) => self.queue.env().log(&e.to_string()),
            }
        }
        Ok(deliveries)
    }

    /// Takes the users' tickets that limits allow.
    pub(crate) async fn claim(
        &self,
        share: &Share,
        empty_tickets: &mut Vec<Ticket>,
    ) -> Result<Vec<Ticket>, QueueError> {
        if share.paused {
            // Tasks that fill these slots from now on wait, too.
            let (system, user) = std::mem::take(empty_tickets)
                .into_iter()
                .partition(Ticket::is_system);
            *empty_tickets = user;
            self.give_up_empty(empty_tickets).await;
            *empty_tickets = system;
        }
        let wanted = share.tickets.iter().map(|(_, count)| count).sum();
        let allowed = match wanted {
            0 => 0,
            _ => self.allow(wanted, empty_tickets).await?,
        };
        let tickets = Claims::of(&self.queue)
            .claim(&share.tickets, allowed)
            .await?;
        if share.short && (tickets.len() as u64 == wanted) {
            self.call_another().await;
        }
        Ok(tickets)
    }

    /// Reads the slots of tickets. Those that are still empty become empty tickets.
    async fn look(
        &self,
        mut tickets: Vec<Ticket>,
        empty_tickets: &mut Vec<Ticket>,
    ) -> Result<Vec<Delivery>, QueueError> {
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let of_users = tickets.iter().filter(|t| !t.is_system());
        let taken_ms: Vec<_> = of_users.map(|t| t.taken_ms).collect();
        let mut deliveries = Vec::new();
        let mut empty = Vec::new();
        match Claims::of(&self.queue)
            .resolve(&tickets, self.registration.around.get())
            .await
        {
            Ok(found) => self.sort(found, &mut deliveries, &mut empty),
            Err(e) => {
                // Nothing was claimed yet, so the tickets are still good.
                empty_tickets.append(&mut tickets);
                return Err(e);
            }
        }
        let (young, old) = empty.into_iter().partition(|ticket: &Ticket| {
            let age_ms = self.queue.env().now_ms().saturating_sub(ticket.taken_ms);
            age_ms < EMPTY_TICKET_MS && !self.budget_over()
        });
        let mut left: Vec<Ticket> = young;
        left.extend(self.give_up(old, &mut deliveries).await);
        let deliveries = self.admit(deliveries).await;
        let used = deliveries.iter().filter(|d| !d.is_system());
        let kept = left.iter().filter(|t| !t.is_system());
        let used_ms = used.map(|d| d.taken_ms).chain(kept.map(|t| t.taken_ms));
        self.unused(taken_ms, used_ms);
        empty_tickets.extend(left);
        self.load.note(&deliveries);
        Ok(deliveries)
    }

    /// Whether a delivery must run alone in its instance.
    pub(crate) fn runs_alone(&self, delivery: &Delivery) -> bool {
        delivery.run.alone || self.runner.computes(&delivery.task.kind)
    }

    pub(crate) fn sort(
        &self,
        found: Vec<TicketResult>,
        deliveries: &mut Vec<Delivery>,
        empty: &mut Vec<Ticket>,
    ) {
        for found in found {
            match found {
                TicketResult::Run(delivery) => deliveries.push(*delivery),
                TicketResult::Empty(ticket) => empty.push(ticket),
                TicketResult::Write(key, value) => self.outcomes.borrow_mut().push((key, value)),
                TicketResult::Nothing => {}
            }
        }
    }

    /// Gives up old empty tickets. A slot that was filled meanwhile must be run. Returns the
    /// tickets that must be used but could not be read.
    pub(crate) async fn give_up(
        &self,
        tickets: Vec<Ticket>,
        deliveries: &mut Vec<Delivery>,
    ) -> Vec<Ticket> {
        let mut filled = Vec::new();
        for ticket in tickets {
            match Slots::of(&self.queue).give_up(ticket.slot).await {
                Ok(true) => filled.push(ticket),
                Ok(false) => {}
                // The ticket may be given up or not: rescue settles it.
                Err(e) => self.queue.env().log(&e.to_string()),
            }
        }
        match Claims::of(&self.queue)
            .resolve(&filled, self.registration.around.get())
            .await
        {
            Ok(found) => self.sort(found, deliveries, &mut Vec::new()),
            Err(e) => {
                self.queue.env().log(&e.to_string());
                return filled;
            }
        }
        Vec::new()
    }

    /// Gives up all empty tickets, before this instance is busy for long.
    pub(crate) async fn give_up_empty(&self, empty_tickets: &mut Vec<Ticket>) {
        let mut deliveries = Vec::new();
        self.give_up(std::mem::take(empty_tickets), &mut deliveries)
            .await;
        self.put_back(deliveries).await;
    }

    /// Puts back the deliveries that can't begin here, or not in time.
    pub(crate) async fn put_back(&self, deliveries: Vec<Delivery>) {
        let of_users = deliveries.iter().filter(|d| !d.is_system());
        self.unused(of_users.map(|d| d.taken_ms), []);
        for delivery in &deliveries {
            let key = (delivery.slot, delivery.epoch);
            self.in_progress.borrow_mut().remove(&key);
            // This instance takes no more itself, so it must check at once whether another worker
            // does.
            self.registration.looked_ms.set(0);
        }
        if let Err(e) = Attempts::of(&self.queue).put_back(deliveries).await {
            self.queue.env().log(&e.to_string());
        }
    }

    /// Stops taking tickets: leaves the registration, and wakes a worker if claimable slots exist.
    async fn stop_taking(&self, empty_tickets: &[Ticket]) -> Result<(), StoreError> {
        let freed = self.free_unused(empty_tickets).await?;
        let left = self.leave().await?;
        // Tasks that the keeper or an ended task announced since must not wait either.
        if (freed || left || self.registration.looks_again(self.queue.env().now_ms()))
            && self.deserted().await?
        {
            self.queue.wake(Wake::Work).await;
        }
        Ok(())
    }

    /// Whether claimable slots exist, and whether they do while no worker is registered. The caller
    /// holds no unused permit.
    pub(crate) async fn waiting(&self) -> Result<(bool, bool), StoreError> {
        let waits = Slots::of(&self.queue).takeable().await?;
        let user = waits.user > 0 && !LimitCounters::of(&self.queue).is_full().await?;
        if !user && waits.system == 0 {
            return Ok((false, false));
        }
        let workers = Registry::of(&self.queue).presence(WORKERS).await?;
        let system = waits.system > 0 && enabled(Guard::SystemBesideComputing);
        let takeable = system || workers.computing() < self.limits.workers_max;
        Ok((takeable, takeable && workers.present() == 0))
    }

    /// Whether claimable slots exist while no worker is registered.
    pub(crate) async fn deserted(&self) -> Result<bool, StoreError> {
        Ok(self.waiting().await?.1)
    }
}
