use std::sync::Arc;

use access::{Action, Actor, Relation, decide};
use chrono::{DateTime, Utc};
use kernel::{
    AccountId, Clock, EventMessage, FieldErrors, Ids, Limit, ListingId, NotificationId, Page,
};

use crate::{
    Channel, Directory, Facts, Mail, MailId, MailRecord, MailState, Notification,
    NotificationError, NotificationPosition, NotificationStore, NotificationTx, Preferences,
    Presented, Rule, Setting, To, Topic, UnsubscribeKey, UnsubscribePage, Wordings, Words, rules,
};

/// The name of the handler of events: of its job and in the inbox.
pub const HANDLER: &str = "notifications.on_event";

/// A person left: what they were told goes with them.
pub(crate) const ERASED: &str = "account.erased.v1";

/// What a person marks as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadCommand {
    /// These, at most a hundred.
    These(Vec<NotificationId>),
    /// All that happened up to then.
    UpTo(DateTime<Utc>),
}

impl ReadCommand {
    /// The most ids in one command.
    pub const MAX: usize = 100;
}

/// Tells people what happened, and keeps what they want to be told.
#[derive(Clone)]
pub struct NotificationService {
    store: Arc<dyn NotificationStore>,
    directory: Arc<dyn Directory>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    unsubscribe_key: UnsubscribeKey,
}

impl std::fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotificationService").finish_non_exhaustive()
    }
}

impl NotificationService {
    /// A service on a store.
    pub fn new(
        store: Arc<dyn NotificationStore>,
        directory: Arc<dyn Directory>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
        unsubscribe_key: UnsubscribeKey,
    ) -> Self {
        Self { store, directory, clock, ids, unsubscribe_key }
    }

    /// Tells everyone whom an event concerns, each through the channels they chose. A second
    /// delivery of the same event changes nothing.
    pub async fn on_event(&self, event: &EventMessage) -> Result<(), NotificationError> {
        let mut tx = self.store.begin().await?;
        if !tx.first_time(HANDLER, event.id).await? {
            return Ok(());
        }
        if event.name == ERASED {
            let account = event.payload["account_id"].as_str().and_then(|id| id.parse().ok());
            if let Some(account) = account {
                tx.forget_account(account).await?;
            }
        }
        for rule in rules(&event.name) {
            for account in recipients(&mut *tx, rule, event).await? {
                self.tell(&mut *tx, rule, account, event).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// What the caller was told, the latest first, in their language.
    pub async fn notifications(
        &self,
        actor: &Actor,
        unread_only: bool,
        after: Option<NotificationPosition>,
        limit: Limit,
    ) -> Result<Page<Presented, NotificationPosition>, NotificationError> {
        let account = owner(actor)?;
        let page = self.store.notifications(account, unread_only, after, limit).await?;
        let contact = self.directory.contact(account).await?;
        let mut listings: Vec<ListingId> =
            page.items.iter().filter_map(Notification::listing).collect();
        listings.sort_unstable();
        listings.dedup();
        let titles = self.directory.listing_titles(listings).await?;
        let (locale, time_zone) =
            contact.map(|contact| (contact.locale, contact.time_zone)).unwrap_or_default();
        Ok(page.map(|notification| {
            let title = notification.listing().and_then(|id| titles.get(&id));
            let facts = Facts {
                payload: &notification.facts,
                listing_title: title.map(String::as_str),
                time_zone,
            };
            let words = Wordings::shipped()
                .words(&locale, &notification.text, &facts)
                // Stored by an older version in words that are gone: its topic still says something.
                .unwrap_or_else(|| Words {
                    title: notification.topic.name().to_owned(),
                    body: Vec::new(),
                    action: String::new(),
                });
            Presented { notification, words }
        }))
    }

    /// Marks notifications as read. Any number of times; what is not the caller's is passed over.
    pub async fn mark_read(
        &self,
        actor: &Actor,
        command: ReadCommand,
    ) -> Result<(), NotificationError> {
        let account = owner(actor)?;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        match command {
            ReadCommand::These(ids) if ids.len() > ReadCommand::MAX => {
                let mut errors = FieldErrors::new();
                errors.add("/ids", "too_many", format!("at most {} at once", ReadCommand::MAX));
                return Err(NotificationError::Invalid(errors));
            }
            ReadCommand::These(ids) => tx.mark_read(account, ids, now).await?,
            ReadCommand::UpTo(up_to) => tx.mark_read_up_to(account, up_to, now).await?,
        }
        tx.commit().await?;
        Ok(())
    }

    /// What the caller chose to be told of.
    pub async fn preferences(&self, actor: &Actor) -> Result<Preferences, NotificationError> {
        let account = owner(actor)?;
        Ok(self.store.begin().await?.preferences(account).await?)
    }

    /// The caller chooses what to be told of; topics that are not named stay as they are.
    pub async fn choose(
        &self,
        actor: &Actor,
        choice: &[(Topic, Setting)],
    ) -> Result<Preferences, NotificationError> {
        let account = owner(actor)?;
        let mut tx = self.store.begin().await?;
        let mut preferences = tx.preferences(account).await?;
        for (topic, setting) in choice.iter().filter(|(topic, _)| !topic.is_transactional()) {
            preferences.set(*topic, *setting);
            tx.store_preference(account, *topic, *setting).await?;
        }
        tx.commit().await?;
        Ok(preferences)
    }

    /// Whoever holds the link of a mail stops such mail, without signing in (RFC 8058). Answers
    /// which topic it was about. Any number of times.
    pub async fn unsubscribe(&self, token: &str) -> Result<Topic, NotificationError> {
        let wish = self.unsubscribe_key.read(token).ok_or(NotificationError::LinkInvalid)?;
        let mut tx = self.store.begin().await?;
        let setting = tx.preferences(wish.account).await?.setting(wish.topic);
        tx.store_preference(wish.account, wish.topic, Setting { mail: false, ..setting }).await?;
        tx.commit().await?;
        Ok(wish.topic)
    }

    /// What the page behind the link of a mail says, and in which language: that of the person
    /// the mail was for; English if it is not a link of ours.
    pub async fn unsubscribe_page(
        &self,
        token: &str,
        page: UnsubscribePage,
    ) -> Result<(&'static str, Words), NotificationError> {
        let contact = match self.unsubscribe_key.read(token) {
            Some(wish) => self.directory.contact(wish.account).await?,
            None => None,
        };
        let locale = contact.map(|contact| contact.locale).unwrap_or_default();
        let facts = Facts {
            payload: &serde_json::Value::Null,
            listing_title: None,
            time_zone: chrono_tz::Tz::UTC,
        };
        let wordings = Wordings::shipped();
        let words = wordings
            .words(&locale, page.text(), &facts)
            .expect("the texts are part of this crate, and a test finds all of them");
        Ok((wordings.language(&locale), words))
    }

    async fn tell(
        &self,
        tx: &mut dyn NotificationTx,
        rule: &Rule,
        account: AccountId,
        event: &EventMessage,
    ) -> Result<(), NotificationError> {
        let preferences = tx.preferences(account).await?;
        let wanted = |channel| rule.uses(channel) && preferences.allow(rule.topic, channel);
        if wanted(Channel::InApp) {
            tx.insert_notification(&Notification {
                id: NotificationId::next(&*self.ids),
                account,
                event: event.id,
                topic: rule.topic,
                text: rule.text.clone(),
                subject: event.subject.clone(),
                facts: event.payload.clone(),
                created_at: event.at,
                read_at: None,
            })
            .await?;
        }
        if wanted(Channel::Mail) {
            let mail = Mail::restore(MailRecord {
                id: MailId::next(&*self.ids),
                account,
                template: rule.mail,
                topic: rule.topic,
                text: rule.text.clone(),
                subject: event.subject.clone(),
                data: event.payload.clone(),
                state: MailState::Queued { claimed_until: None, problem: None },
                attempts: 0,
                created_at: self.clock.now(),
            });
            tx.enqueue_mail(&mail).await?;
        }
        Ok(())
    }
}

/// Whom a rule tells of an event: not the one who caused it, as a rule.
async fn recipients(
    tx: &mut dyn NotificationTx,
    rule: &Rule,
    event: &EventMessage,
) -> Result<Vec<AccountId>, NotificationError> {
    let mut accounts = match rule.recipient(event) {
        None => Vec::new(),
        Some(To::Account(account)) => vec![account],
        Some(To::Provider(provider)) => tx.provider_account(provider).await?.into_iter().collect(),
        Some(To::Moderators) => tx.moderators().await?,
    };
    accounts.retain(|account| rule.tell_actor || event.actor != Some(*account));
    Ok(accounts)
}

fn owner(actor: &Actor) -> Result<AccountId, NotificationError> {
    decide(actor, Action::NotificationManage, Relation::Owner, true)?;
    actor.account().ok_or(NotificationError::Unauthenticated)
}
