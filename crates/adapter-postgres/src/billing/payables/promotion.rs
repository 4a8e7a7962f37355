//! A promotion that waits for its buyer's money.

use billing::{CaptureMode, Description, Payable, PurposeKind, SaleContext, Seller};
use kernel::{PromotionId, StorageError};
use promotions::PaymentDue;

use crate::PgTx;

/// What a promotion asks its buyer for: the price less the discount, taken at once by the
/// marketplace itself. The promotion is kept as it is until the transaction ends, so that it is not
/// called off meanwhile.
pub(super) async fn payable(
    tx: &mut PgTx,
    id: PromotionId,
) -> Result<Option<Payable>, StorageError> {
    let now = tx.billing().clock.now();
    let due = tx.promotion_for_share(id).await?.and_then(|promotion| promotion.payment_due(now));
    Ok(due.map(|PaymentDue { promotion: _, payer, amount, pay_by: _, description }| Payable {
        payer,
        amount,
        capture: CaptureMode::AtOnce,
        description: Description::from_stored(description),
        sale: SaleContext {
            purpose: PurposeKind::Promotion,
            seller: Seller::Platform,
            categories: Vec::new(),
            listing_type: None,
        },
        grants: None,
    }))
}
