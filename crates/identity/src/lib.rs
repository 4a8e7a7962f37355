//! Accounts and sessions: signing up and in, refresh tokens that notice theft, one-time links,
//! throttling, and what an admin may do to an account. Pure: no HTTP, no SQL, no hashing of
//! passwords, no signing; those are ports.
//!
//! [`IdentityService`] serves people, [`AccountAdministration`] serves admins, [`SessionCheck`]
//! answers who a request comes from. `examples/sign_in.rs` walks from sign-up to a stolen token.

mod account;
mod administration;
mod check;
mod client;
mod email;
mod error;
mod event;
mod link;
mod password;
mod policy;
mod port;
mod secret;
mod service;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod throttle;

pub use account::{
    Account, AccountRecord, Command, DisplayName, Profile, ProfileChange, Reason, Status,
    StatusKind,
};
pub use administration::{AccountAdministration, AccountChange};
pub use check::{SessionCheck, SessionFacts};
pub use client::{Client, Device, Network};
pub use email::{EmailAddress, EmailError};
pub use error::IdentityError;
pub use event::AccountEvent;
pub use link::{Link, LinkPurpose, MintedLink};
pub use password::{NewPassword, Password, PasswordError, PasswordHash};
pub use policy::Policy;
pub use port::{
    AccessClaims, AccessTokens, AccountFilter, AccountPosition, AccountRepository, AuditFilter,
    AuditReader, AuditRecord, CredentialError, IdentityReader, IdentityStore, IdentityTx,
    LinkRepository, Passwords, SessionRepository, Throttle, Verdict,
};
pub use secret::{OpaqueToken, SealedToken, TokenDigest};
pub use service::{IdentityService, Inspection, Parts, SignIn, SignUp, SignUpOutcome, Tokens};
pub use session::{
    EndReason, Exchange, RefreshState, RefreshToken, Session, SessionRecord, SessionStatus,
};
pub use throttle::{Allowance, BucketKey, ThrottleKind};
