//! What will happen, all of it thrown before anything does: a seed is a run.

use super::dice::Dice;

/// What a client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Books an appointment and pays for it.
    Book,
    /// A provider answers a request, or its client withdraws it.
    Answer,
    /// An appointment goes on: done, confirmed, cancelled, disputed.
    Perform,
    /// An admin decides a dispute.
    Resolve,
    /// Subscribes to a provider and pays.
    Subscribe,
    /// Does something to a subscription: pays, cancels, resumes, changes.
    Renew,
    /// A provider subscribes to a plan of the marketplace.
    Sell,
    /// A provider buys to be seen, with a coupon or without, and pays.
    Promote,
    /// Does something to a promotion: pays, gives it up, takes it back.
    Steer,
    /// An admin makes a coupon or changes one, or what promotions cost.
    Coupon,
    /// Lets the gateway keep a card, or removes one.
    Card,
    /// An admin gives money back.
    Refund,
    /// A payer's bank takes money back, or gives it up again.
    ChargeBack,
    /// Providers are paid what they are owed.
    PayOut,
    /// A slow bank says what became of a payout.
    FinishPayout,
    /// An admin approves or calls off a payout, or a provider's account changes.
    SteerPayout,
    /// Messages of the gateway come again, or come from somebody else; a payment is asked about.
    Meddle,
    /// Time passes.
    Advance,
    /// The gateway misbehaves in another way.
    Weather,
}

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Victim {
    /// One of the two servers, with the gateway that is embedded in it.
    Server(usize),
    /// The worker.
    Worker,
    /// PostgreSQL as a whole.
    Postgres,
    /// One session of PostgreSQL, which takes all others with it.
    Session,
}

impl Victim {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Worker => "worker",
            Self::Postgres => "postgres",
            Self::Session => "session",
        }
    }
}

/// Something is killed and started again.
#[derive(Debug, Clone)]
pub(super) struct Kill {
    /// After so many operations have begun.
    pub(super) after: usize,
    pub(super) victim: Victim,
    /// For how long it stays down.
    pub(super) down_ms: u64,
    pub(super) dice: Dice,
}

/// A whole run.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What each client does, one after the other, each with dice of its own.
    pub(super) clients: Vec<Vec<(Operation, Dice)>>,
    pub(super) kills: Vec<Kill>,
    /// For what is thrown besides.
    pub(super) dice: Dice,
}

const WEIGHTS: [(u64, Operation); 19] = [
    (22, Operation::Book),
    (16, Operation::Answer),
    (14, Operation::Perform),
    (3, Operation::Resolve),
    (10, Operation::Subscribe),
    (9, Operation::Renew),
    (2, Operation::Sell),
    (14, Operation::Promote),
    (9, Operation::Steer),
    (3, Operation::Coupon),
    (2, Operation::Card),
    (6, Operation::Refund),
    (3, Operation::ChargeBack),
    (2, Operation::PayOut),
    (1, Operation::FinishPayout),
    (1, Operation::SteerPayout),
    (4, Operation::Meddle),
    (4, Operation::Advance),
    (1, Operation::Weather),
];

/// Each of these comes before any of them comes again.
const VICTIMS: [Victim; 5] =
    [Victim::Server(0), Victim::Worker, Victim::Postgres, Victim::Server(1), Victim::Session];

impl Plan {
    pub(super) fn throw(seed: u64, operations: usize, clients: usize, kills: usize) -> Self {
        let mut dice = Dice::new(seed);
        let clients = clients.max(1);
        let mut plans = vec![Vec::new(); clients];
        for number in 0..operations {
            let mut own = dice.fork();
            let operation = own.weigh(&WEIGHTS).unwrap_or(Operation::Book);
            plans[number % clients].push((operation, own));
        }
        let mut dice = dice.fork();
        let mut killed = Vec::new();
        for number in 0..kills {
            let after = usize::try_from(dice.below(u64::try_from(operations).unwrap_or(u64::MAX)));
            killed.push(Kill {
                after: after.unwrap_or_default(),
                victim: VICTIMS[number % VICTIMS.len()],
                down_ms: dice.between(0, 1_500),
                dice: dice.fork(),
            });
        }
        killed.sort_by_key(|kill| kill.after);
        Self { clients: plans, kills: killed, dice }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_run() {
        let show = |seed| format!("{:?}", Plan::throw(seed, 100, 7, 9));

        assert_eq!(show(1), show(1));
        assert_ne!(show(1), show(2));
    }

    #[test]
    fn everything_happens_and_everything_is_killed() {
        let plan = Plan::throw(3, 1_000, 8, 5);

        for (_, operation) in WEIGHTS {
            let times = plan.clients.iter().flatten().filter(|(it, _)| *it == operation).count();
            assert!(times > 0, "{operation:?}");
        }
        for victim in VICTIMS {
            assert!(plan.kills.iter().any(|kill| kill.victim == victim), "{victim:?}");
        }
        assert_eq!(plan.clients.iter().map(Vec::len).sum::<usize>(), 1_000);
    }
}
