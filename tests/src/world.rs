use access::{Actor, Member, Relation, Role, Roles};
use kernel::{AccountId, SessionId};
use mercato::http::Object;
use serde_json::{Value, json};

use crate::calls::{Arguments, sign_in};
use crate::{Marketplace, Operation, Person, Reply};

/// A marketplace with people of every kind and the things they have to do with, and for every
/// operation a call that works.
#[derive(Debug)]
pub struct World {
    /// Where it all is.
    pub market: Marketplace,
    /// Nobody.
    pub visitor: Person,
    /// A client who has nothing to do with anything.
    pub stranger: Person,
    /// A provider who has nothing to do with anything.
    pub rival: Person,
    /// The provider whose things they are.
    pub owner: Person,
    /// The client of the bookings, and the author of the reviews.
    pub client: Person,
    /// Who moderates.
    pub moderator: Person,
    /// Who administers.
    pub admin: Person,
    /// Whose account is suspended.
    pub suspended: Person,
}

/// One of the people of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persona {
    /// Not signed in.
    Visitor,
    /// A client who has nothing to do with anything.
    Stranger,
    /// A provider who has nothing to do with anything.
    Rival,
    /// The provider whose things they are; the provider of the bookings.
    Owner,
    /// The client of the bookings, and the author of the reviews.
    Client,
    /// Moderates.
    Moderator,
    /// Administers.
    Admin,
    /// Suspended while signed in.
    Suspended,
}

impl Persona {
    /// All of them; those who take part in most come last.
    pub const ALL: [Self; 8] = [
        Self::Visitor,
        Self::Suspended,
        Self::Stranger,
        Self::Rival,
        Self::Moderator,
        Self::Admin,
        Self::Owner,
        Self::Client,
    ];

    /// As the permission matrix sees them.
    pub fn actor(self) -> Actor {
        let roles = Roles::client();
        let roles = match self {
            Self::Visitor => return Actor::visitor(),
            Self::Stranger | Self::Client | Self::Suspended => roles,
            Self::Rival | Self::Owner => roles.with(Role::Provider),
            Self::Moderator => roles.with(Role::Moderator),
            Self::Admin => roles.with(Role::Admin),
        };
        let (account, session) = (AccountId::from_uuid(nil()), SessionId::from_uuid(nil()));
        Actor::member(Member { account, session, roles, provider: None })
    }

    /// How they stand to the object of a call of [`World::call`].
    pub const fn relation_to(self, object: Object) -> Relation {
        match object {
            Object::Nothing => Relation::Stranger,
            Object::OwnAccount => Relation::Owner,
            Object::OwnProvider => match self {
                Self::Rival | Self::Owner => Relation::Owner,
                _ => Relation::Stranger,
            },
            Object::Private => match self {
                Self::Client => Relation::Owner,
                _ => Relation::Stranger,
            },
            Object::Provider | Object::Listing | Object::UnpublishedListing | Object::Promotion => {
                match self {
                    Self::Owner => Relation::Owner,
                    _ => Relation::Stranger,
                }
            }
            Object::Booking => match self {
                Self::Client => Relation::ClientSide,
                Self::Owner => Relation::ProviderSide,
                _ => Relation::Stranger,
            },
            Object::Review | Object::UnpublishedReview => match self {
                Self::Client => Relation::Owner,
                Self::Owner => Relation::Subject,
                _ => Relation::Stranger,
            },
        }
    }
}

fn nil() -> uuid::Uuid {
    uuid::Uuid::nil()
}

/// A request for an operation.
#[derive(Debug, Clone)]
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The path, filled in, with a query if the operation needs one.
    pub path: String,
    /// The body, if it takes one.
    pub body: Option<Value>,
    /// The files, if it takes a form: with the body, or alone.
    pub files: Vec<Vec<u8>>,
    /// The `ETag` it changes, if it wants one.
    pub etag: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

impl Call {
    /// Makes the call.
    pub async fn by(&self, person: &Person) -> Reply {
        self.with(person, self.body.clone()).await
    }

    /// Makes the call with another body.
    pub async fn with(&self, person: &Person, body: Option<Value>) -> Reply {
        let method = self.operation.method.clone();
        let asked = format!("{} {method} {} {}", self.operation.id, self.path, json!(body));
        let mut request = person.request(method, &self.path);
        if self.operation.parameters("header").contains(&"Idempotency-Key") {
            request = request.header("idempotency-key", Person::fresh_key());
        }
        if !self.etag.is_empty() {
            request = request.header("if-match", &self.etag);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request = match (body, self.files.is_empty()) {
            (Some(body), true) => request.json(&body),
            (Some(body), false) => request.multipart(crate::form(&body, &self.files)),
            (None, false) => request.multipart(crate::files(&self.files)),
            (None, true) => request,
        };
        person.send(&asked, request).await
    }
}

impl World {
    /// Makes the people; what they have to do with is made for every call anew.
    pub async fn new() -> Self {
        // Kept on the heap: tests await this in the middle of much else.
        let market = Box::pin(Marketplace::with_money()).await;
        market.declare_listing_types().await;
        let world = Self {
            visitor: market.visitor(),
            stranger: market.client().await,
            rival: market.provider().await,
            owner: market.provider().await,
            client: market.client().await,
            moderator: market.moderator().await,
            admin: market.admin().await,
            suspended: market.suspended().await,
            market,
        };
        world.owner.opens_always().await;
        world.rival.opens_always().await;
        world
    }

    /// The person behind a persona.
    pub const fn person(&self, persona: Persona) -> &Person {
        match persona {
            Persona::Visitor => &self.visitor,
            Persona::Stranger => &self.stranger,
            Persona::Rival => &self.rival,
            Persona::Owner => &self.owner,
            Persona::Client => &self.client,
            Persona::Moderator => &self.moderator,
            Persona::Admin => &self.admin,
            Persona::Suspended => &self.suspended,
        }
    }

    /// Somebody new who is as the person behind the persona.
    pub async fn another(&self, persona: Persona) -> Person {
        match persona {
            Persona::Visitor => self.market.visitor(),
            Persona::Stranger | Persona::Client => self.market.client().await,
            Persona::Rival | Persona::Owner => self.market.provider().await,
            Persona::Moderator => self.market.moderator().await,
            Persona::Admin => self.market.admin().await,
            Persona::Suspended => self.market.suspended().await,
        }
    }

    /// Signs everybody in again whose session a call of this operation has ended.
    pub async fn wake_after(&mut self, operation: &Operation) {
        if !["/auth/", "/sessions", "/accounts"].iter().any(|part| operation.path.contains(part)) {
            return;
        }
        let signed_in = [
            &mut self.stranger,
            &mut self.rival,
            &mut self.owner,
            &mut self.client,
            &mut self.moderator,
            &mut self.admin,
        ];
        for person in signed_in {
            if person.get("me").await.status == 401 {
                sign_in(&self.market, person).await;
            }
        }
    }

    /// A call of an operation that works for whoever may, on an object of its own: a listing of
    /// the owner, a booking of the client with the owner, and so on.
    ///
    /// # Panics
    ///
    /// When the table of calls has no line for the operation.
    pub async fn call(&self, operation: &Operation) -> Call {
        let Arguments { path, query, body, headers, files } = self.arguments(&operation.id).await;
        let mut values = path.into_iter();
        let mut path = operation.path_with(|name| {
            values.next().unwrap_or_else(|| panic!("{}: no `{name}`", operation.id))
        });
        path.push_str(&query);
        let etag = if operation.parameters("header").contains(&"If-Match") { "*" } else { "" };
        Call { operation: operation.clone(), path, body, headers, files, etag: etag.to_owned() }
    }
}
