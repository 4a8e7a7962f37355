use access::{Action, Actor, Relation, decide, permits};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, CategoryId, Distance, FieldErrors, Line, Locale, Place, ProviderId, Slug, Text,
};

use crate::content::text;
use crate::event::{ProviderEvent, ProviderFact};
use crate::media::{MediaItem, MediaKind, MediaLimits};
use crate::{CatalogError, Change, GivenPlace, Rating};

/// What a provider calls itself.
pub type ProviderName = Line<2, 80>;
/// A provider in one line.
pub type Headline = Line<1, 160>;
/// A provider in its own words.
pub type About = Text<1, 5_000>;
/// Why somebody decided as they did.
pub type Reason = Text<1, 500>;

/// Whether the marketplace knows that a provider is who it says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It never asked.
    Unverified,
    /// It asked; moderators will look.
    Pending {
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Moderators confirmed it.
    Verified {
        /// When.
        at: DateTime<Utc>,
    },
}

impl Verification {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending { .. } => "pending",
            Self::Verified { .. } => "verified",
        }
    }
}

/// Whether a provider is on the market.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderStatus {
    /// It and its published listings are public.
    Active,
    /// Moderators took it and its listings off the market.
    Suspended {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        reason: Reason,
    },
}

impl ProviderStatus {
    /// Its name on the wire and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended { .. } => "suspended",
        }
    }
}

/// What a provider says of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// What it calls itself.
    pub name: ProviderName,
    /// Itself in one line.
    pub headline: Option<Headline>,
    /// Itself in its own words.
    pub about: Option<About>,
    /// What it does.
    pub categories: Vec<CategoryId>,
    /// Where it is.
    pub location: Option<Place>,
    /// How far from there it works.
    pub service_radius: Option<Distance>,
    /// What it speaks.
    pub languages: Vec<Locale>,
}

/// A public seller: specialist, shop, breeder, chef. An account has at most one.
#[derive(Debug, Clone, PartialEq)]
pub struct Provider {
    /// Its identity.
    pub id: ProviderId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name in addresses, unique.
    pub slug: Slug,
    /// What it says of itself.
    pub profile: Profile,
    /// Its picture.
    pub avatar: Option<MediaItem>,
    /// Whether the marketplace knows it.
    pub verification: Verification,
    /// Whether it is on the market.
    pub status: ProviderStatus,
    /// What reviews say; kept by the reviews.
    pub rating: Rating,
    /// Whether somebody paid for it to be marked as a professional when it was loaded; kept by the
    /// promotions.
    pub is_pro: bool,
    /// How often it was changed, from 1.
    pub version: i32,
    /// When it registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a provider wants to say of itself, as it was given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfilePatch {
    /// What it calls itself.
    pub name: Change<String>,
    /// Itself in one line.
    pub headline: Change<String>,
    /// Itself in its own words.
    pub about: Change<String>,
    /// Ids of categories.
    pub categories: Change<Vec<String>>,
    /// Where it is.
    pub location: Change<GivenPlace>,
    /// How far from there it works, in kilometres.
    pub service_radius_km: Change<f64>,
    /// Language tags.
    pub languages: Change<Vec<String>>,
}

impl ProfilePatch {
    /// The profile with this patch.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once.
    pub fn applied(&self, profile: &Profile) -> Result<Profile, FieldErrors> {
        let mut errors = FieldErrors::new();
        let mut profile = profile.clone();
        match &self.name {
            Change::Set(name) => {
                if let Some(name) = text("/name", ProviderName::new(name), &mut errors) {
                    profile.name = name;
                }
            }
            Change::Keep if !profile.name.is_empty() => {}
            Change::Keep | Change::Clear => errors.add("/name", "required", "is needed"),
        }
        set(&mut profile.headline, &self.headline, |given| {
            text("/headline", Headline::new(given), &mut errors)
        });
        set(&mut profile.about, &self.about, |given| {
            text("/about", About::new(given), &mut errors)
        });
        set(&mut profile.location, &self.location, |given| {
            errors.check("/location", "out_of_range", Place::new(given.lat, given.lon))
        });
        set(&mut profile.service_radius, &self.service_radius_km, |given| {
            let distance = Distance::from_kilometres(*given);
            errors.check("/service_radius_km", "out_of_range", distance)
        });
        if profile.service_radius.is_some() && profile.location.is_none() {
            errors.add("/service_radius_km", "contradiction", "needs a location");
        }
        list(
            &mut profile.categories,
            &self.categories,
            ("/categories", "invalid_id", Provider::MAX_CATEGORIES),
            &mut errors,
        );
        list(
            &mut profile.languages,
            &self.languages,
            ("/languages", "unknown_language", Provider::MAX_LANGUAGES),
            &mut errors,
        );
        errors.into_result()?;
        Ok(profile)
    }
}

fn set<G, T>(field: &mut Option<T>, change: &Change<G>, read: impl FnOnce(&G) -> Option<T>) {
    match change {
        Change::Keep => {}
        Change::Clear => *field = None,
        Change::Set(given) => *field = read(given),
    }
}

fn list<T: std::str::FromStr<Err: ToString> + PartialEq>(
    field: &mut Vec<T>,
    change: &Change<Vec<String>>,
    (pointer, code, most): (&str, &'static str, usize),
    errors: &mut FieldErrors,
) {
    match change {
        Change::Keep => {}
        Change::Clear => field.clear(),
        Change::Set(given) if given.len() > most => {
            errors.add(pointer, "too_many", format!("must be at most {most}"));
        }
        Change::Set(given) => {
            field.clear();
            for (i, item) in given.iter().enumerate() {
                let pointer = format!("{pointer}/{i}");
                if let Some(item) = errors.check(&pointer, code, item.parse()) {
                    if field.contains(&item) {
                        errors.add(pointer, "duplicate", "is named twice");
                    } else {
                        field.push(item);
                    }
                }
            }
        }
    }
}

impl Profile {
    const BLANK: Self = Self {
        name: Text::from_stored(String::new()),
        headline: None,
        about: None,
        categories: Vec::new(),
        location: None,
        service_radius: None,
        languages: Vec::new(),
    };
}

impl Provider {
    /// The most categories that it may name.
    pub const MAX_CATEGORIES: usize = 20;
    /// The most languages that it may name.
    pub const MAX_LANGUAGES: usize = 20;

    /// A new provider of an account.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with its profile, at once.
    pub fn register(
        id: ProviderId,
        account: AccountId,
        patch: &ProfilePatch,
        now: DateTime<Utc>,
    ) -> Result<(Self, ProviderEvent), CatalogError> {
        let profile = patch.applied(&Profile::BLANK)?;
        let slug = crate::lifecycle::shortened(&slug::slugify(&*profile.name), 60);
        let slug = if slug.is_empty() { "provider".to_owned() } else { slug };
        let provider = Self {
            id,
            account,
            slug: Slug::from_stored(slug),
            profile,
            avatar: None,
            verification: Verification::Unverified,
            status: ProviderStatus::Active,
            rating: Rating::default(),
            is_pro: false,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        let event = provider.event(ProviderFact::Registered);
        Ok((provider, event))
    }

    /// Makes the slug one that nothing else has, by the end of the id.
    pub fn distinguish_slug(&mut self) {
        let id = self.id.as_uuid().simple().to_string();
        let (_, tail) = id.split_at(id.len() - 10);
        self.slug = Slug::from_stored(format!("{}-{tail}", self.slug));
    }

    /// Whether it and its listings may be public.
    pub const fn is_active(&self) -> bool {
        matches!(self.status, ProviderStatus::Active)
    }

    /// How the actor stands to it.
    pub fn relation_of(&self, actor: &Actor) -> Relation {
        if actor.account() == Some(self.account) { Relation::Owner } else { Relation::Stranger }
    }

    /// Whether the actor can see it at all.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let relation = self.relation_of(actor);
        self.is_active()
            || permits(actor, Action::ProviderUpdate, relation)
            || permits(actor, Action::ProviderModerate, relation)
    }

    /// Passes if the actor may do this to it. A stranger learns nothing, not even that it exists.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), CatalogError> {
        let hidden = CatalogError::ProviderNotFound { id: self.id };
        decide(actor, action, self.relation_of(actor), self.is_visible_to(actor))
            .map_err(|denial| CatalogError::denied(denial, hidden))
    }

    /// Passes if `expected` is the version at hand, or none is expected.
    pub fn expect_version(&self, expected: Option<i32>) -> Result<(), CatalogError> {
        match expected {
            Some(version) if version != self.version => {
                Err(CatalogError::Stale { current: self.version })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Passes if it is on the market.
    pub fn expect_active(&self) -> Result<(), CatalogError> {
        match &self.status {
            ProviderStatus::Active => Ok(()),
            ProviderStatus::Suspended { reason, .. } => {
                Err(CatalogError::ProviderSuspended { reason: reason.to_string() })
            }
        }
    }

    /// Changes what it says of itself; `None` if nothing differs. A new name has to be verified
    /// again: the old one was what moderators confirmed.
    pub fn edit(
        &mut self,
        patch: &ProfilePatch,
        now: DateTime<Utc>,
    ) -> Result<Option<ProviderEvent>, CatalogError> {
        let profile = patch.applied(&self.profile)?;
        if profile == self.profile {
            return Ok(None);
        }
        if profile.name != self.profile.name {
            self.verification = Verification::Unverified;
        }
        self.profile = profile;
        Ok(Some(self.done(ProviderFact::Changed, now)))
    }

    /// What a picture that stands for a provider has to be: one, of the size that any may have.
    ///
    /// # Panics
    ///
    /// Never: the limits make sense.
    pub fn avatar_limits() -> MediaLimits {
        MediaLimits::new([MediaKind::Picture], 0, 1, MediaLimits::MAX_BYTES)
            .expect("0 is not above 1, and no file is larger than any file may be")
    }

    /// Stands for itself with another picture, or with none.
    pub fn show(&mut self, avatar: Option<MediaItem>, now: DateTime<Utc>) -> ProviderEvent {
        self.avatar = avatar;
        self.done(ProviderFact::Changed, now)
    }

    /// Asks the moderators to verify it.
    pub fn request_verification(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<ProviderEvent, CatalogError> {
        match self.verification {
            Verification::Unverified => {
                self.verification = Verification::Pending { since: now };
                Ok(self.done(ProviderFact::VerificationRequested, now))
            }
            Verification::Pending { .. } | Verification::Verified { .. } => {
                Err(self.illegal_verification("request verification of"))
            }
        }
    }

    /// Moderators confirm that it is who it says it is.
    pub fn verify(&mut self, now: DateTime<Utc>) -> Result<ProviderEvent, CatalogError> {
        match self.verification {
            Verification::Unverified | Verification::Pending { .. } => {
                self.verification = Verification::Verified { at: now };
                Ok(self.done(ProviderFact::Verified, now))
            }
            Verification::Verified { .. } => Err(self.illegal_verification("verify")),
        }
    }

    /// Moderators do not confirm it, or not any more.
    pub fn refuse_verification(
        &mut self,
        now: DateTime<Utc>,
    ) -> Result<ProviderEvent, CatalogError> {
        match self.verification {
            Verification::Pending { .. } | Verification::Verified { .. } => {
                self.verification = Verification::Unverified;
                Ok(self.done(ProviderFact::VerificationRefused, now))
            }
            Verification::Unverified => Err(self.illegal_verification("refuse verification of")),
        }
    }

    /// Moderators take it and its listings off the market.
    pub fn suspend(
        &mut self,
        reason: Reason,
        now: DateTime<Utc>,
    ) -> Result<ProviderEvent, CatalogError> {
        match self.status {
            ProviderStatus::Active => {
                self.status = ProviderStatus::Suspended { at: now, reason };
                Ok(self.done(ProviderFact::Suspended, now))
            }
            ProviderStatus::Suspended { .. } => Err(self.illegal("suspend", &["restore"])),
        }
    }

    /// Moderators bring it back.
    pub fn restore(&mut self, now: DateTime<Utc>) -> Result<ProviderEvent, CatalogError> {
        match self.status {
            ProviderStatus::Suspended { .. } => {
                self.status = ProviderStatus::Active;
                Ok(self.done(ProviderFact::Restored, now))
            }
            ProviderStatus::Active => Err(self.illegal("restore", &["suspend"])),
        }
    }

    fn done(&mut self, fact: ProviderFact, now: DateTime<Utc>) -> ProviderEvent {
        self.version += 1;
        self.updated_at = now;
        self.event(fact)
    }

    const fn event(&self, fact: ProviderFact) -> ProviderEvent {
        ProviderEvent { provider: self.id, account: self.account, fact }
    }

    fn illegal(&self, command: &'static str, allowed: &'static [&'static str]) -> CatalogError {
        CatalogError::IllegalTransition {
            object: format!("provider {}", self.id),
            from: self.status.name(),
            command,
            allowed,
        }
    }

    fn illegal_verification(&self, command: &'static str) -> CatalogError {
        CatalogError::IllegalTransition {
            object: format!("provider {}", self.id),
            from: self.verification.name(),
            command,
            allowed: match self.verification {
                Verification::Unverified => &["request_verification", "verify"],
                Verification::Pending { .. } => &["verify", "refuse_verification"],
                Verification::Verified { .. } => &["refuse_verification"],
            },
        }
    }
}
