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
    /// Something that happened.
    pub struct EventId("evt");
}
id! {
    /// A copy of a person's data, made for them.
    pub struct ExportId("exp");
}
