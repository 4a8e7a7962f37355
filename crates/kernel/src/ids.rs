//! The identifiers that more than one domain speaks of.

use crate::id;

id! {
    /// A person who signs in.
    pub struct AccountId("acc");
}
id! {
    /// One signed-in device of an account.
    pub struct SessionId("ses");
}
id! {
    /// The public seller side of an account.
    pub struct ProviderId("prv");
}
id! {
    /// Something offered by a provider.
    pub struct ListingId("lst");
}
id! {
    /// An edit of a published listing that waits for a moderator.
    pub struct ChangeRequestId("chg");
}
id! {
    /// A node of the category tree.
    pub struct CategoryId("cat");
}
id! {
    /// A picture or document.
    pub struct MediaId("med");
}
id! {
    /// A client's request to a provider.
    pub struct BookingId("bkg");
}
id! {
    /// One proposal of price and work within a booking.
    pub struct OfferId("off");
}
id! {
    /// A review of a provider, a listing or a client.
    pub struct ReviewId("rev");
}
id! {
    /// A message from the marketplace to a person.
    pub struct NotificationId("ntf");
}
id! {
    /// A purchase of stocked listings.
    pub struct OrderId("ord");
}
id! {
    /// Paid visibility of a listing or provider for a period.
    pub struct PromotionId("prm");
}
id! {
    /// The one-time purchase of a listing's content.
    pub struct PurchaseId("pur");
}
id! {
    /// A timed sale to the highest bidder.
    pub struct AuctionId("auc");
}
id! {
    /// One attempt to move money for one purpose, through one gateway.
    pub struct PaymentId("pay");
}
id! {
    /// A recurring price.
    pub struct PlanId("pln");
}
id! {
    /// An account's running agreement to a plan.
    pub struct SubscriptionId("sub");
}
id! {
    /// What a payer is charged for, on paper.
    pub struct InvoiceId("inv");
}
id! {
    /// Money on its way to a provider.
    pub struct PayoutId("pot");
}
id! {
    /// Something that happened.
    pub struct EventId("evt");
}
id! {
    /// A copy of a person's data, made for them.
    pub struct ExportId("exp");
}
