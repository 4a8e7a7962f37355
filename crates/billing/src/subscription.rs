//! Subscriptions: an account's running agreement to a plan.

mod change;
mod charge;
mod event;
mod state;
mod transition;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{AccountId, SubscriptionId, Text, Timer};

pub use change::{Changed, PlanChange, classify};
pub use charge::{ChargeKind, DueCharge, PaidPart, PendingCharge};
pub use event::{SubscriptionEvent, SubscriptionHappening};
pub use state::{FIRST_PAYMENT, Interrupted, PAUSE, SubscriptionState};
pub use transition::{Input, transition};

use crate::{BillingError, CardId, GatewayName, Plan, PlanTerms, Right, SubscriptionSnapshot};

/// Who renews a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Driver {
    /// We do, by charging a kept card: our job is the truth.
    Engine {
        /// Where the card is kept.
        gateway: GatewayName,
    },
    /// The gateway does: what it says is the truth, the newest version of it.
    Gateway {
        /// Which.
        gateway: GatewayName,
        /// Its name for the subscription.
        reference: Text<1, 255>,
        /// The newest version that was applied.
        version: u64,
    },
}

/// The fields of a [`Subscription`], for storage adapters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRecord {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose.
    pub subscriber: AccountId,
    /// The plan as it was when it was agreed.
    pub terms: PlanTerms,
    /// The plan that holds from the next period on, if it is another.
    pub next_terms: Option<PlanTerms>,
    /// Who renews it.
    pub driver: Driver,
    /// What is charged, if there is something.
    pub card: Option<CardId>,
    /// Where it stands.
    pub state: SubscriptionState,
    /// The charge whose outcome is awaited.
    pub pending: Option<PendingCharge>,
    /// What the running period is paid with, in the order in which it arrived; empty where we
    /// charge nothing, as for a subscription that a gateway runs.
    pub paid: Vec<PaidPart>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Counts its changes, from 1.
    pub version: i32,
}

/// An account's running agreement to a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    record: SubscriptionRecord,
    loaded: i32,
}

/// What an account subscribes to, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSubscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Whose.
    pub subscriber: AccountId,
    /// Who renews it.
    pub driver: Driver,
    /// What can be charged, if there is something.
    pub card: Option<CardId>,
    /// Whether a trial is still open to this account: once for each right.
    pub trial: bool,
}

impl Subscription {
    /// Somebody subscribes. A trial begins at once, unless it needs a card and there is none;
    /// without a trial it waits for its first payment.
    pub fn subscribe(
        plan: &Plan,
        new: NewSubscription,
        now: DateTime<Utc>,
    ) -> (Self, Vec<SubscriptionEvent>) {
        let NewSubscription { id, subscriber, driver, card, trial } = new;
        let trial_days = if trial { plan.details.trial_days } else { 0 };
        let waits = plan.details.trial_needs_card && card.is_none();
        let state = if trial_days > 0 && !waits {
            let until = now + TimeDelta::days(i64::from(trial_days));
            SubscriptionState::Trialing { until, card: card.is_some() }
        } else {
            SubscriptionState::Incomplete { expires_at: now + FIRST_PAYMENT, trial_days }
        };
        let record = SubscriptionRecord {
            id,
            subscriber,
            terms: plan.terms(),
            next_terms: None,
            driver,
            card,
            state,
            pending: None,
            paid: Vec::new(),
            created_at: now,
            version: 1,
        };
        let subscription = Self { record, loaded: 0 };
        let mut happenings = vec![SubscriptionHappening::Created];
        if matches!(subscription.record.state, SubscriptionState::Trialing { .. }) {
            happenings.push(SubscriptionHappening::TrialStarted);
        }
        let events = happenings
            .into_iter()
            .map(|happening| SubscriptionEvent::of(&subscription, happening))
            .collect();
        (subscription, events)
    }

    /// The subscription of a record that was valid when it was written.
    pub const fn restore(record: SubscriptionRecord) -> Self {
        let loaded = record.version;
        Self { record, loaded }
    }

    /// Its fields, for storage.
    pub const fn record(&self) -> &SubscriptionRecord {
        &self.record
    }

    /// The version that is stored and that this one replaces; 0 if it is new.
    pub const fn loaded_version(&self) -> i32 {
        self.loaded
    }

    /// Whether it differs from what is stored.
    pub const fn is_changed(&self) -> bool {
        self.record.version != self.loaded
    }

    const fn touch(&mut self) {
        self.record.version = self.loaded + 1;
    }

    /// Its id.
    pub const fn id(&self) -> SubscriptionId {
        self.record.id
    }

    /// Whose.
    pub const fn subscriber(&self) -> AccountId {
        self.record.subscriber
    }

    /// Where it stands.
    pub const fn state(&self) -> &SubscriptionState {
        &self.record.state
    }

    /// The plan as it was agreed.
    pub const fn terms(&self) -> &PlanTerms {
        &self.record.terms
    }

    /// The gateway that keeps the card or runs the subscription.
    pub const fn gateway(&self) -> GatewayName {
        match &self.record.driver {
            Driver::Engine { gateway } | Driver::Gateway { gateway, .. } => *gateway,
        }
    }

    /// Until when it gives access, if it does.
    pub fn access_until(&self) -> Option<DateTime<Utc>> {
        self.record.state.access_until(&self.record.terms)
    }

    /// Whether it gives access now.
    pub fn gives_access(&self, now: DateTime<Utc>) -> bool {
        self.record.state.gives_access(&self.record.terms, now)
    }

    /// What it gives the right to.
    pub const fn right(&self) -> Right {
        self.record.terms.right
    }

    /// The timer that it needs now.
    pub fn timer(&self) -> Option<Timer> {
        let kind = crate::timer::SUBSCRIPTION_DUE;
        self.due_at().map(|due_at| Timer { kind, subject: self.record.id.to_string(), due_at })
    }

    /// Passes if the actor may do this to this subscription. A stranger learns nothing, not even
    /// that it exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), BillingError> {
        let own = actor.account() == Some(self.record.subscriber);
        let relation = if own { Relation::Owner } else { Relation::Stranger };
        decide(actor, action, relation, own)
            .map_err(|denial| BillingError::denied(denial, &self.record.id))
    }

    /// Moves it by an input. Nothing happens twice: an input that leads where it stands already
    /// has no event.
    ///
    /// # Errors
    ///
    /// [`BillingError::NotAllowed`] with what is possible instead.
    pub fn give(
        &mut self,
        input: &Input,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let terms = self.record.next_terms.as_ref().unwrap_or(&self.record.terms).clone();
        let next = transition(&self.record.state, &terms, input, now);
        let next = next.ok_or_else(|| self.refusal(input, now))?;
        let before = std::mem::replace(&mut self.record.state, next);
        if *input == Input::Paid && self.record.next_terms.is_some() {
            self.record.terms = terms;
            self.record.next_terms = None;
        }
        if self.record.state == before {
            return Ok(Vec::new());
        }
        self.touch();
        let happening = happening(&before, &self.record.state);
        Ok(happening.map(|it| SubscriptionEvent::of(self, it)).into_iter().collect())
    }

    /// Takes what the gateway that runs it says, unless something newer was taken already.
    pub fn observe(
        &mut self,
        snapshot: &SubscriptionSnapshot,
        now: DateTime<Utc>,
    ) -> Result<Vec<SubscriptionEvent>, BillingError> {
        let Driver::Gateway { reference, version, .. } = &mut self.record.driver else {
            return Ok(Vec::new());
        };
        if *reference != snapshot.reference || snapshot.version <= *version {
            return Ok(Vec::new());
        }
        *version = snapshot.version;
        self.touch();
        let mut events = self.give(&Input::Observed(snapshot.state.clone()), now)?;
        events.extend(self.give(&Input::Due, now)?);
        Ok(events)
    }

    fn refusal(&self, input: &Input, now: DateTime<Utc>) -> BillingError {
        let commands = [Input::CancelAtPeriodEnd, Input::CancelNow, Input::Resume];
        let (state, terms) = (&self.record.state, &self.record.terms);
        let allowed = commands.iter().filter(|it| transition(state, terms, it, now).is_some());
        BillingError::NotAllowed {
            object: self.record.id.to_string(),
            command: input.name(),
            status: state.name(),
            allowed: allowed.map(Input::name).collect(),
        }
    }

    /// What its subscriber may do now: what apps draw their buttons from.
    pub fn allowed(&self, now: DateTime<Utc>) -> Vec<&'static str> {
        let commands = [Input::CancelAtPeriodEnd, Input::CancelNow, Input::Resume];
        let (state, terms) = (&self.record.state, &self.record.terms);
        let mut allowed: Vec<_> = commands
            .iter()
            .filter(|it| transition(state, terms, it, now).is_some())
            .map(Input::name)
            .collect();
        if matches!(state, SubscriptionState::Active { .. } | SubscriptionState::Trialing { .. }) {
            allowed.push("change");
        }
        allowed
    }
}

fn happening(from: &SubscriptionState, to: &SubscriptionState) -> Option<SubscriptionHappening> {
    use SubscriptionState as S;
    match (from, to) {
        (S::Canceled { .. }, S::Trialing { .. } | S::Active { .. }) => {
            Some(SubscriptionHappening::Resumed)
        }
        (S::Incomplete { .. }, S::Trialing { .. }) => Some(SubscriptionHappening::TrialStarted),
        (
            S::Active { cancel_at_period_end: false, period: old },
            S::Active { cancel_at_period_end: true, period: new },
        ) if old == new => Some(SubscriptionHappening::Canceled),
        (
            S::Active { cancel_at_period_end: true, period: old },
            S::Active { cancel_at_period_end: false, period: new },
        ) if old == new => Some(SubscriptionHappening::Resumed),
        (S::Active { .. } | S::PastDue { .. }, S::Active { .. }) => {
            Some(SubscriptionHappening::Renewed)
        }
        (_, S::Active { .. }) => Some(SubscriptionHappening::Activated),
        (_, S::Paused { .. }) => Some(SubscriptionHappening::Paused),
        (S::PastDue { last_try: old, .. }, S::PastDue { last_try: new, .. }) if old == new => None,
        (_, S::PastDue { .. }) => Some(SubscriptionHappening::PaymentFailed),
        (_, S::Suspended { .. }) => Some(SubscriptionHappening::Suspended),
        (S::Canceled { .. }, S::Canceled { .. }) => None,
        (_, S::Canceled { .. }) => Some(SubscriptionHappening::Canceled),
        (_, S::Expired { .. }) => Some(SubscriptionHappening::Expired),
        (_, S::Trialing { .. } | S::Incomplete { .. }) => None,
    }
}
