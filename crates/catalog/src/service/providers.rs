use std::sync::Arc;

use access::{Action, Actor, AuditEntry, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{Clock, FieldErrors, Idempotency, Ids, Once, Page, ProviderId};
use serde_json::{Value, json};

use super::permit;
use crate::media::{LocalFile, MediaIntake, MediaSet, NewMedia};
use crate::port::{CatalogStore, CatalogTx, Newest, ProviderFilter};
use crate::{CatalogError, Change, ProfilePatch, Provider, ProviderEvent, Reason, Taxonomy};

/// Providers, for themselves, for everyone and for moderators.
#[derive(Debug, Clone)]
pub struct ProviderService {
    store: Arc<dyn CatalogStore>,
    intake: MediaIntake,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl ProviderService {
    /// The service over these parts.
    pub const fn new(
        store: Arc<dyn CatalogStore>,
        intake: MediaIntake,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { store, intake, clock, ids }
    }

    /// Turns the caller's account into a provider.
    pub async fn register(
        &self,
        actor: &Actor,
        profile: &ProfilePatch,
        once: Option<Idempotency<'_, Provider>>,
    ) -> Result<Once<Provider>, CatalogError> {
        let action = Action::ProviderRegister;
        decide(actor, action, Relation::Stranger, true)
            .map_err(|denial| CatalogError::denied(denial, CatalogError::Forbidden { action }))?;
        let account = actor.account().ok_or(CatalogError::Unauthenticated)?;
        check_categories(&*self.store.taxonomy().await?, profile)?;
        let now = self.clock.now();
        let id = ProviderId::next(&*self.ids);
        let (mut provider, event) = Provider::register(id, account, profile, now)?;

        let mut tx = self.store.begin_catalog().await?;
        if let Some(once) = &once
            && let Some(answer) = once.replay(&mut *tx).await?
        {
            return Ok(Once::Replayed(answer));
        }
        match tx.insert_provider(&provider).await {
            Err(CatalogError::SlugTaken) => {
                provider.distinguish_slug();
                tx.insert_provider(&provider).await?;
            }
            done => done?,
        }
        tx.grant_provider_role(account).await?;
        tx.publish(&event, Some(account), now).await?;
        if let Some(once) = &once {
            once.remember(&mut *tx, &provider).await?;
        }
        tx.commit().await?;
        Ok(Once::Done(provider))
    }

    /// A provider.
    pub async fn provider(&self, actor: &Actor, id: ProviderId) -> Result<Provider, CatalogError> {
        let missing = CatalogError::ProviderNotFound { id };
        let provider = self.store.provider(id).await?;
        provider.filter(|provider| provider.is_visible_to(actor)).ok_or(missing)
    }

    /// Passes if the actor may change a provider; what else is wrong is not looked at.
    pub async fn may_update(&self, actor: &Actor, id: ProviderId) -> Result<(), CatalogError> {
        let found = self.store.provider(id).await?;
        let found = found.ok_or(CatalogError::ProviderNotFound { id })?;
        found.authorize(actor, Action::ProviderUpdate)
    }

    /// Changes what a provider says of itself.
    pub async fn update(
        &self,
        actor: &Actor,
        id: ProviderId,
        profile: &ProfilePatch,
        expected: Option<i32>,
    ) -> Result<Provider, CatalogError> {
        check_categories(&*self.store.taxonomy().await?, profile)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let mut provider = load(&mut *tx, actor, id, Action::ProviderUpdate).await?;
        provider.expect_version(expected)?;
        provider.expect_active()?;
        if let Some(event) = provider.edit(profile, now)? {
            tx.update_provider(&provider).await?;
            tx.publish(&event, actor.account(), now).await?;
        }
        tx.commit().await?;
        Ok(provider)
    }

    /// Gives a provider another picture that stands for it. The one before is swept.
    pub async fn set_avatar(
        &self,
        actor: &Actor,
        id: ProviderId,
        upload: LocalFile,
        expected: Option<i32>,
    ) -> Result<Provider, CatalogError> {
        // What can be refused before the file is taken in, is.
        let found = self.store.provider(id).await?;
        let found = found.ok_or(CatalogError::ProviderNotFound { id })?;
        found.authorize(actor, Action::ProviderAvatarUpdate)?;
        found.expect_version(expected)?;
        found.expect_active()?;
        let limits = Provider::avatar_limits();
        let removing = found.avatar.map_or(0, |picture| picture.file.bytes);
        let picture = self.intake.receive(&limits, id.into(), removing, vec![upload]).await?;
        self.change_avatar(actor, id, picture, expected).await
    }

    /// Takes the picture away that stands for a provider, if there is one.
    pub async fn remove_avatar(
        &self,
        actor: &Actor,
        id: ProviderId,
        expected: Option<i32>,
    ) -> Result<Provider, CatalogError> {
        self.change_avatar(actor, id, Vec::new(), expected).await
    }

    async fn change_avatar(
        &self,
        actor: &Actor,
        id: ProviderId,
        picture: Vec<NewMedia>,
        expected: Option<i32>,
    ) -> Result<Provider, CatalogError> {
        let now = self.clock.now();
        let action = Action::ProviderAvatarUpdate;
        let mut tx = self.store.begin_catalog().await?;
        let mut provider = load(&mut *tx, actor, id, action).await?;
        provider.expect_version(expected)?;
        provider.expect_active()?;
        let items = tx.media_of(id.into()).await?;
        if items.is_empty() && picture.is_empty() {
            return Ok(provider);
        }
        let before: Vec<_> = items.iter().map(|item| item.id).collect();
        let mut media = MediaSet::restore(Provider::avatar_limits(), items);
        let change = media.change(&before, picture, None)?;
        tx.store_media_change(id.into(), &change, now).await?;
        let event = provider.show(media.cover().cloned(), now);
        tx.update_provider(&provider).await?;
        tx.publish(&event, actor.account(), now).await?;
        if let Some(event) = change.event(id.into()) {
            tx.publish(&event, actor.account(), now).await?;
        }
        if provider.relation_of(actor) != Relation::Owner {
            let command = if change.added.is_empty() { "remove_avatar" } else { "set_avatar" };
            let entry = AuditEntry::new(actor, action, command, &id, now)
                .changed(json!({ "avatar": before }), json!({ "avatar": change.order }));
            tx.record_audit(&entry).await?;
        }
        tx.commit().await?;
        Ok(provider)
    }

    /// Asks the moderators to verify a provider.
    pub async fn request_verification(
        &self,
        actor: &Actor,
        id: ProviderId,
    ) -> Result<Provider, CatalogError> {
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let mut provider = load(&mut *tx, actor, id, Action::ProviderUpdate).await?;
        provider.expect_active()?;
        let event = provider.request_verification(now)?;
        tx.update_provider(&provider).await?;
        tx.publish(&event, actor.account(), now).await?;
        tx.commit().await?;
        Ok(provider)
    }

    /// Providers in any state, for moderators.
    pub async fn providers(
        &self,
        actor: &Actor,
        wanted: &ProviderFilter,
    ) -> Result<Page<Provider, Newest<ProviderId>>, CatalogError> {
        permit(actor, Action::ProviderModerate)?;
        Ok(self.store.providers(wanted).await?)
    }

    /// Confirms that a provider is who it says it is.
    pub async fn verify(&self, actor: &Actor, id: ProviderId) -> Result<Provider, CatalogError> {
        self.moderate(actor, id, "verify", None, Provider::verify).await
    }

    /// Does not confirm a provider, or not any more.
    pub async fn refuse_verification(
        &self,
        actor: &Actor,
        id: ProviderId,
        reason: &Reason,
    ) -> Result<Provider, CatalogError> {
        let command = "refuse_verification";
        self.moderate(actor, id, command, Some(reason), Provider::refuse_verification).await
    }

    /// Takes a provider and its listings off the market.
    pub async fn suspend(
        &self,
        actor: &Actor,
        id: ProviderId,
        reason: &Reason,
    ) -> Result<Provider, CatalogError> {
        let words = reason.clone();
        self.moderate(actor, id, "suspend", Some(reason), |p, now| p.suspend(words, now)).await
    }

    /// Brings a provider and its listings back.
    pub async fn restore(
        &self,
        actor: &Actor,
        id: ProviderId,
        reason: Option<&Reason>,
    ) -> Result<Provider, CatalogError> {
        self.moderate(actor, id, "restore", reason, Provider::restore).await
    }

    async fn moderate(
        &self,
        actor: &Actor,
        id: ProviderId,
        command: &'static str,
        reason: Option<&Reason>,
        act: impl FnOnce(&mut Provider, DateTime<Utc>) -> Result<ProviderEvent, CatalogError> + Send,
    ) -> Result<Provider, CatalogError> {
        permit(actor, Action::ProviderModerate)?;
        let now = self.clock.now();
        let mut tx = self.store.begin_catalog().await?;
        let mut provider = load(&mut *tx, actor, id, Action::ProviderModerate).await?;
        let (before, was_active) = (standing(&provider), provider.is_active());
        let event = act(&mut provider, now)?;
        tx.update_provider(&provider).await?;
        if provider.is_active() != was_active {
            tx.set_listings_active(id, provider.is_active()).await?;
        }
        tx.publish(&event, actor.account(), now).await?;
        let entry = AuditEntry::new(actor, Action::ProviderModerate, command, &id, now)
            .changed(before, standing(&provider));
        let entry = match reason {
            Some(reason) => entry.because(reason.as_str()),
            None => entry,
        };
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(provider)
    }
}

async fn load(
    tx: &mut dyn CatalogTx,
    actor: &Actor,
    id: ProviderId,
    action: Action,
) -> Result<Provider, CatalogError> {
    let provider =
        tx.provider_for_update(id).await?.ok_or(CatalogError::ProviderNotFound { id })?;
    provider.authorize(actor, action)?;
    Ok(provider)
}

fn standing(provider: &Provider) -> Value {
    json!({ "status": provider.status.name(), "verification": provider.verification.name() })
}

/// Passes if all categories that are named exist.
fn check_categories(taxonomy: &Taxonomy, profile: &ProfilePatch) -> Result<(), CatalogError> {
    let Change::Set(given) = &profile.categories else { return Ok(()) };
    let mut errors = FieldErrors::new();
    for (i, id) in given.iter().enumerate().take(Provider::MAX_CATEGORIES) {
        if id.parse().is_ok_and(|id| taxonomy.category(id).is_none()) {
            errors.add(format!("/categories/{i}"), "unknown_category", "does not exist");
        }
    }
    Ok(errors.into_result()?)
}
