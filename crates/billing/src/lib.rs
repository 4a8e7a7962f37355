//! Billing: payments, the ledger, subscriptions, invoices and payouts.
//!
//! A [`Payment`] is one attempt to move money for one [`Purpose`] through one [`Gateway`]. Only what
//! the gateway itself said moves it ([`PaymentFact`]), in whatever order it is said. What money
//! moved is posted to a ledger that adds up by construction ([`Journal`]): commission and tax are
//! divided once, when a sale is made ([`SaleTerms`]), and reversed in proportion, to the minor unit.
//! Providers are paid out of it ([`Payout`]). A [`Subscription`] is moved by one pure function
//! ([`transition`]), whether our renewal job or a gateway drives it, and gives access as a pure
//! function of state, plan and time.
//!
//! [`BillingService`] is the way in. It needs a [`BillingStore`], [`BillingReads`], gateways, a
//! clock, ids, randomness and a [`Policy`]. No gateway is ever called within a transaction: what is
//! to be done is stored, then done, then its outcome is stored.
//!
//! ```
//! use billing::SaleTerms;
//! use kernel::{Currency, Money};
//!
//! let terms = SaleTerms::Commission { basis_points: 1000, fixed: 30, vat_basis_points: 2000 };
//! let split = terms.split(Money::new(9_999, Currency::EUR));
//! assert_eq!((split.provider, split.platform, split.tax), (8_765, 1_029, 205));
//! // Whatever is given back, and in however many steps, adds up.
//! assert_eq!(split.reversed(9_999), split);
//! assert_eq!(split.reversed(100).whole(), 100);
//! ```

mod card;
mod entitlement;
mod error;
mod event;
mod gateway;
mod invoice;
pub mod ledger;
mod payment;
mod payout;
mod plan;
mod policy;
mod port;
mod purpose;
mod reconciliation;
mod secret;
mod service;
mod share;
mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod timer;
mod webhook;

pub use card::{CardId, SavedCard};
pub use entitlement::{Entitlement, EntitlementSource, tier_of};
pub use error::BillingError;
pub use event::BillingEvent;
pub use gateway::{
    Acknowledgement, Capabilities, CaptureMode, CaptureRequest, ChallengeAnswer, ChallengeKind,
    ChargeOrder, ChargeOutcome, ChargeRequest, CheckoutRequest, Decline, Delivery, Description,
    FactState, Gateway, GatewayError, GatewayName, Hardness, HostedCheckout, Instrument, KeptCard,
    MAX_WEBHOOK_BYTES, ObservedCharge, ObservedState, OperationKey, OperationOutcome, PayerDetails,
    PayerPresence, PaymentFact, PayoutOutcome, PayoutRequest, Question, RefundRequest,
    SaveCardOutcome, SaveCardRequest, SavedCardCharge, SignedMessage, StatusQuery, Subject,
    SubscriptionSnapshot, TransactionId, UnknownGateway, Verdict, VoidRequest, WEBHOOK_TOLERANCE,
    WebhookRefusal, parse_reference,
};
pub use invoice::{
    Invoice, InvoiceLabels, InvoiceLine, InvoiceNumber, InvoiceParty, NewInvoice, render_html,
};
pub use ledger::{
    Account, AccountBalance, AccountKind, CommissionRule, Entry, FixedPart, Journal, JournalId,
    LedgerError, LedgerFact, LedgerFault, Posting, SaleAccounts, SaleSums, SaleTerms, Split,
    recount, terms_for,
};
pub use payment::{
    ABANDONED_AFTER, ASKED_AGAIN, Challenge, Change, Command, Concern, Flight, Holding,
    INQUIRY_STEPS, InFlight, Initiator, Inquiry, NewPayment, Operation, Payment, PaymentEvent,
    PaymentHappening, PaymentRecord, Reason, Refund, RefundId, RefundState, Reserve, ReturnToken,
    SETTLING_TIME, Stage, Status, Wanted,
};
pub use payout::{
    BatchId, MinimumPayout, NewPayout, Payout, PayoutChange, PayoutCommand, PayoutDecision,
    PayoutEvent, PayoutHappening, PayoutRoute, PayoutState, PayoutTerms, decide_payout,
};
pub use plan::{
    Dunning, DunningError, Interval, IntervalError, IntervalUnit, Period, Plan, PlanDescription,
    PlanDetails, PlanName, PlanTerms, Right,
};
pub use policy::{GatewayChoice, Policy};
pub use port::{
    AccountStatement, BillingReads, BillingStore, BillingTx, CardRepository, EntitlementRepository,
    InvoiceQuery, InvoiceRepository, JournalQuery, LedgerRepository, Payable, Payables,
    PaymentQuery, PaymentRepository, PayoutAccount, PayoutCandidate, PayoutRepository,
    PlanRepository, Position, Posted, StatementLine, SubscriptionQuery, SubscriptionRepository,
    WebhookQuery, WebhookRepository,
};
pub use purpose::{Purpose, PurposeKind, SaleContext, Seller, UnknownPurpose};
pub use reconciliation::{
    Difference, SettlementFileError, SettlementKind, SettlementLine, parse_settlement, reconcile,
};
pub use secret::Secret;
pub use service::{
    Addresses, BillingParts, BillingService, Books, CardSaved, ChallengePage, Instruction,
    IssuerOfPlan, PayCommand, PayMethod, PaymentSeen, RunReport, SaveCardCommand, SubscribeCommand,
    Subscribed,
};
pub use subscription::{
    Changed, ChargeKind, Driver, DueCharge, FIRST_PAYMENT, Input, Interrupted, NewSubscription,
    PAUSE, PaidPart, PendingCharge, PlanChange, Subscription, SubscriptionEvent,
    SubscriptionHappening, SubscriptionRecord, SubscriptionState, classify, transition,
};
pub use timer::{
    PAYMENT_INQUIRY, PAYMENT_OPERATION, PAYMENT_RELEASE, PAYOUT_INQUIRY, PAYOUT_SEND,
    RESERVE_RELEASE, SUBSCRIPTION_DUE, TIMER_KINDS, WEBHOOK_APPLY,
};
pub use webhook::{Webhook, WebhookCommand, WebhookId, WebhookState};
