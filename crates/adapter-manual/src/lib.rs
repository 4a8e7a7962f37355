//! Bank transfers as a payment gateway: a person at the bank account is its truth.
//!
//! The payer gets a page with the account, the amount and a code for the transfer. An admin who sees
//! the money on the account says so ([`TransferDesk::receive`]), and one who sent money back says
//! that ([`TransferDesk::sent_back`]). To billing this is a gateway like any other: it is told what to
//! do ([`ManualGateway`]), and asked how things stand; what nobody confirmed has not happened.
//!
//! It also shows how small a gateway is: a record with its rules ([`Transfer`]), a place to keep it
//! ([`TransferRegister`]), and billing's port.
//!
//! | billing | here |
//! |---|---|
//! | checkout | a transfer is expected; the page says how to make it |
//! | authorised | the money is on the account, and is not the marketplace's yet |
//! | capture | it is; what is above goes back |
//! | void, refund | it has to be sent back; done when an admin says that it was sent |
//! | fails | nothing came in the days that are waited for |

mod code;
mod desk;
mod document;
mod gateway;
mod register;
#[cfg(test)]
mod tests;
mod transfer;

pub use code::TransferCode;
pub use desk::{TransferDesk, TransferError};
pub use gateway::{ManualGateway, ManualSettings};
pub use register::{TransferFilter, TransferPosition, TransferRegister};
pub use transfer::{Progress, Return, ReturnCause, ReturnId, Standing, Transfer, TransferRefusal};
