use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{
    AccountId, CategoryId, ChangeRequestId, Currency, ListingId, Money, Place, ProviderId,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::content::{Content, Description, PriceUnit, Title};
use crate::media::{MediaRef, NewMedia};
use crate::{Access, AttributeValue, Attributes, CatalogError, ListingField, Reason};

/// What an edit does to the media of a listing, with its files stored already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaEdit {
    /// The items that go.
    pub remove: Vec<kernel::MediaId>,
    /// The files that come.
    pub add: Vec<NewMedia>,
    /// The order of all that stay or come.
    pub order: Option<Vec<MediaRef>>,
}

impl MediaEdit {
    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty() && self.order.is_none()
    }
}

/// The part of an edit that waits for a moderator: field by field, what it was and what it shall
/// be. Fields that are not named stay whatever they are when it is approved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeSet {
    fields: BTreeSet<ListingField>,
    /// The keys of the attributes that change, if `fields` names the attributes.
    attributes: BTreeSet<String>,
    before: Document,
    after: Document,
    media: Option<MediaEdit>,
}

/// One line of a diff.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Which field, by its name on the wire; an attribute is `attributes.KEY`.
    pub field: String,
    /// What it was.
    pub before: Value,
    /// What it shall be.
    pub after: Value,
}

impl ChangeSet {
    /// The change from one content to another in some of its fields and attributes.
    pub(crate) fn new(
        before: &Content,
        after: &Content,
        fields: BTreeSet<ListingField>,
        attributes: BTreeSet<String>,
        media: Option<MediaEdit>,
    ) -> Self {
        Self { fields, attributes, before: before.into(), after: after.into(), media }
    }

    /// The fields that change.
    pub fn fields(&self) -> Vec<ListingField> {
        let media = self.media.as_ref().map(|_| ListingField::Media);
        self.fields.iter().copied().chain(media).collect()
    }

    /// What it does to the media, if anything.
    pub const fn media(&self) -> Option<&MediaEdit> {
        self.media.as_ref()
    }

    /// The files that wait with it.
    pub fn files(&self) -> &[NewMedia] {
        self.media.as_ref().map_or(&[], |media| &media.add)
    }

    /// The content with this change.
    #[must_use]
    pub fn applied(&self, content: &Content) -> Content {
        self.with_fields_of(&Content::from(&self.after), content)
    }

    /// The content without this change.
    #[must_use]
    pub(crate) fn reverted(&self, content: &Content) -> Content {
        self.with_fields_of(&Content::from(&self.before), content)
    }

    fn with_fields_of(&self, after: &Content, content: &Content) -> Content {
        let mut content = content.clone();
        for field in &self.fields {
            match field {
                ListingField::Title => content.title.clone_from(&after.title),
                ListingField::Description => content.description.clone_from(&after.description),
                ListingField::Category => content.category = after.category,
                ListingField::Price => content.price = after.price,
                ListingField::PriceUnit => content.price_unit = after.price_unit,
                ListingField::Stock => content.stock = after.stock,
                ListingField::Attributes => {
                    content.attributes =
                        content.attributes.replaced(&self.attributes, &after.attributes);
                }
                ListingField::Location => content.location = after.location,
                ListingField::Access => content.access = after.access,
                ListingField::Media => {}
            }
        }
        content
    }

    /// This change with an earlier one that still waits under it: what both name is as this one
    /// says.
    #[must_use]
    pub fn over(self, earlier: &Self) -> Self {
        // What the earlier one wanted, then what this one wants, seen from what is published now.
        let after = self.applied(&earlier.applied(&Content::from(&self.before)));
        Self {
            fields: &self.fields | &earlier.fields,
            attributes: &self.attributes | &earlier.attributes,
            before: self.before,
            after: Document::from(&after),
            media: self.media.or_else(|| earlier.media.clone()),
        }
    }

    /// What differs, for people.
    pub fn differences(&self) -> Vec<Difference> {
        let (before, after) = (self.before.fields(), self.after.fields());
        let mut lines = Vec::new();
        for field in &self.fields {
            if *field == ListingField::Attributes {
                for key in &self.attributes {
                    let value = |document: &Document| {
                        document.attributes.get(key).map_or(Value::Null, AttributeValue::to_json)
                    };
                    lines.push(Difference {
                        field: format!("attributes.{key}"),
                        before: value(&self.before),
                        after: value(&self.after),
                    });
                }
            } else {
                let name = field.name();
                lines.push(Difference {
                    field: name.to_owned(),
                    before: before[name].clone(),
                    after: after[name].clone(),
                });
            }
        }
        if let Some(media) = &self.media {
            let added: Vec<_> = media.add.iter().map(|new| new.id).collect();
            lines.push(Difference {
                field: "media".to_owned(),
                before: Value::Null,
                after: json!({ "remove": media.remove, "add": added, "order": media.order }),
            });
        }
        lines
    }
}

/// [`Content`] as it is stored in a change request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Document {
    title: String,
    description: String,
    category: Option<CategoryId>,
    price: Option<(i64, Currency)>,
    price_unit: PriceUnit,
    stock: Option<i32>,
    attributes: Attributes,
    location: Option<(f64, f64)>,
    access: Access,
}

impl Document {
    fn fields(&self) -> Value {
        let price =
            self.price.map(|(amount, currency)| json!({"amount": amount, "currency": currency}));
        json!({
            "title": self.title,
            "description": self.description,
            "category": self.category,
            "price": price,
            "price_unit": self.price_unit,
            "stock": self.stock,
            "location": self.location.map(|(lat, lon)| json!({"lat": lat, "lon": lon})),
            "access": self.access,
        })
    }
}

impl From<&Content> for Document {
    fn from(content: &Content) -> Self {
        let Content {
            title,
            description,
            category,
            price,
            price_unit,
            stock,
            attributes,
            location,
            access,
        } = content.clone();
        Self {
            title: title.into_string(),
            description: description.into_string(),
            category,
            price: price.map(|price| (price.minor(), price.currency())),
            price_unit,
            stock,
            attributes,
            location: location.map(|place| (place.lat(), place.lon())),
            access,
        }
    }
}

impl From<&Document> for Content {
    fn from(document: &Document) -> Self {
        let Document {
            title,
            description,
            category,
            price,
            price_unit,
            stock,
            attributes,
            location,
            access,
        } = document.clone();
        Self {
            title: Title::from_stored(title),
            description: Description::from_stored(description),
            category,
            price: price.map(|(minor, currency)| Money::new(minor, currency)),
            price_unit,
            stock,
            attributes,
            // It was a place when it was written, and still is.
            location: location.and_then(|(lat, lon)| Place::new(lat, lon).ok()),
            access,
        }
    }
}

/// Where a change request stands. Data that exists only in one state lives in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeRequestStatus {
    /// Waits for a moderator.
    Pending,
    /// Applied.
    Approved {
        /// By whom.
        by: Option<AccountId>,
        /// When.
        at: DateTime<Utc>,
    },
    /// Refused; the listing stays as it is.
    Rejected {
        /// By whom.
        by: Option<AccountId>,
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
    },
    /// Given up by its provider, or with its listing.
    Withdrawn {
        /// When.
        at: DateTime<Utc>,
    },
    /// Taken up into a later one.
    Superseded {
        /// When.
        at: DateTime<Utc>,
    },
}

impl ChangeRequestStatus {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved { .. } => "approved",
            Self::Rejected { .. } => "rejected",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Superseded { .. } => "superseded",
        }
    }
}

/// An edit of a published listing that waits for a moderator; the published version stays visible.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRequest {
    /// Its identity.
    pub id: ChangeRequestId,
    /// Of which listing.
    pub listing: ListingId,
    /// Whose that is.
    pub provider: ProviderId,
    /// What shall change.
    pub changes: ChangeSet,
    /// Who asked.
    pub requested_by: AccountId,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Where it stands.
    pub status: ChangeRequestStatus,
    /// How often it was changed, from 1.
    pub version: i32,
}

impl ChangeRequest {
    /// Accepts the change: the listing takes it over in the same transaction.
    pub fn approve(
        &mut self,
        by: Option<AccountId>,
        at: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        self.decide("approve", ChangeRequestStatus::Approved { by, at })
    }

    /// Refuses the change.
    pub fn reject(
        &mut self,
        by: Option<AccountId>,
        reason: Reason,
        at: DateTime<Utc>,
    ) -> Result<(), CatalogError> {
        self.decide("reject", ChangeRequestStatus::Rejected { by, at, reason })
    }

    /// Gives the change up.
    pub fn withdraw(&mut self, at: DateTime<Utc>) -> Result<(), CatalogError> {
        self.decide("withdraw", ChangeRequestStatus::Withdrawn { at })
    }

    /// Gives way to a later change that holds this one.
    pub fn supersede(&mut self, at: DateTime<Utc>) -> Result<(), CatalogError> {
        self.decide("supersede", ChangeRequestStatus::Superseded { at })
    }

    fn decide(
        &mut self,
        command: &'static str,
        next: ChangeRequestStatus,
    ) -> Result<(), CatalogError> {
        match self.status {
            ChangeRequestStatus::Pending => {
                self.status = next;
                self.version += 1;
                Ok(())
            }
            ChangeRequestStatus::Approved { .. }
            | ChangeRequestStatus::Rejected { .. }
            | ChangeRequestStatus::Withdrawn { .. }
            | ChangeRequestStatus::Superseded { .. } => Err(CatalogError::IllegalTransition {
                object: self.id.to_string(),
                from: self.status.name(),
                command,
                allowed: &[],
            }),
        }
    }
}
