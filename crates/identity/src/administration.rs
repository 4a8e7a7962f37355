use std::fmt;
use std::sync::Arc;

use access::{Action, Actor, AuditEntry, Relation, Role, Roles, decide};
use kernel::{AccountId, Clock, Ids, Limit, Locale, Page, PageNumber, Total};
use serde_json::json;

use crate::event::role_names;
use crate::service::check_new_password;
use crate::{
    Account, AccountEvent, AccountFilter, AccountPosition, AuditFilter, AuditReader, AuditRecord,
    DisplayName, EmailAddress, EndReason, IdentityError, IdentityReader, IdentityStore,
    NewPassword, Passwords, Profile, Reason,
};

/// What an admin changes of an account; `None` leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// Whether it shall be suspended, or restored.
    pub suspended: Option<bool>,
    /// The roles it shall have.
    pub roles: Option<Roles>,
    /// Why, for the audit log.
    pub reason: Reason,
}

/// What an admin does to accounts. Every change is in the audit log, with its reason.
#[derive(Clone)]
pub struct AccountAdministration {
    store: Arc<dyn IdentityStore>,
    reader: Arc<dyn IdentityReader>,
    audit: Arc<dyn AuditReader>,
    passwords: Arc<dyn Passwords>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
}

impl fmt::Debug for AccountAdministration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountAdministration").finish_non_exhaustive()
    }
}

impl AccountAdministration {
    /// Over these ports.
    pub fn new(
        store: Arc<dyn IdentityStore>,
        reader: Arc<dyn IdentityReader>,
        audit: Arc<dyn AuditReader>,
        passwords: Arc<dyn Passwords>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        Self { store, reader, audit, passwords, clock, ids }
    }

    /// A page of accounts, newest first.
    pub async fn accounts(
        &self,
        actor: &Actor,
        filter: &AccountFilter,
        after: Option<AccountPosition>,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, IdentityError> {
        authorise(actor, Action::AccountAdminister)?;
        Ok(self.reader.list_accounts(filter, after, limit).await?)
    }

    /// A page of accounts by its number.
    pub async fn accounts_numbered(
        &self,
        actor: &Actor,
        filter: &AccountFilter,
        number: PageNumber,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, IdentityError> {
        authorise(actor, Action::AccountAdminister)?;
        let after = match number.skipped() {
            0 => None,
            skipped => match self.reader.account_position(filter, skipped).await? {
                Some(position) => Some(position),
                None => return Ok(Page { items: Vec::new(), next: None }),
            },
        };
        Ok(self.reader.list_accounts(filter, after, limit).await?)
    }

    /// How many accounts there are.
    pub async fn count_accounts(
        &self,
        actor: &Actor,
        filter: &AccountFilter,
    ) -> Result<Total, IdentityError> {
        authorise(actor, Action::AccountAdminister)?;
        Ok(self.reader.count_accounts(filter).await?)
    }

    /// One account.
    pub async fn account(&self, actor: &Actor, id: AccountId) -> Result<Account, IdentityError> {
        authorise(actor, Action::AccountAdminister)?;
        let account = self.reader.find_account(id).await?;
        account.ok_or(IdentityError::AccountNotFound { id })
    }

    /// Suspends, restores, gives and takes roles, in one go. `expected` is the version the caller
    /// has seen, if it cares.
    pub async fn change(
        &self,
        actor: &Actor,
        id: AccountId,
        change: AccountChange,
        expected: Option<i32>,
    ) -> Result<Account, IdentityError> {
        authorise(actor, Action::AccountAdminister)?;
        let AccountChange { suspended, roles, reason } = change;
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let admins = tx.active_admins_for_update().await?;
        let mut account =
            tx.account_for_update(id).await?.ok_or(IdentityError::AccountNotFound { id })?;
        account.expect_version(expected)?;

        let mut events = Vec::new();
        if let Some(suspended) = suspended {
            let before = account.status().kind();
            let (command, event) = if suspended {
                ("suspend", account.suspend(reason.clone(), now)?)
            } else {
                ("restore", account.restore()?)
            };
            let after = account.status().kind();
            let entry = AuditEntry::new(actor, Action::AccountAdminister, command, &id, now)
                .changed(json!({ "status": before.name() }), json!({ "status": after.name() }))
                .because(reason.as_str());
            events.push((event, entry));
        }
        if let Some(roles) = roles.filter(|roles| *roles != account.roles()) {
            let before = account.roles();
            let event = account.change_roles(roles)?;
            let entry = AuditEntry::new(actor, Action::AccountAdminister, "change_roles", &id, now)
                .changed(
                    json!({ "roles": role_names(before) }),
                    json!({ "roles": role_names(roles) }),
                )
                .because(reason.as_str());
            events.push((event, entry));
        }
        if events.is_empty() {
            return Ok(account);
        }
        keep_an_admin(actor, &admins, &account)?;

        tx.update_account(&account).await?;
        if suspended == Some(true) {
            tx.end_sessions(id, EndReason::Suspended, now).await?;
        }
        for (event, entry) in &events {
            tx.publish(event, actor.account(), now).await?;
            tx.record_audit(entry).await?;
        }
        tx.commit().await?;
        Ok(account)
    }

    /// A page of the audit log, newest first.
    pub async fn audit(
        &self,
        actor: &Actor,
        filter: &AuditFilter,
        below: Option<i64>,
        limit: Limit,
    ) -> Result<Page<AuditRecord, i64>, IdentityError> {
        authorise(actor, Action::AuditRead)?;
        Ok(self.audit.list_audit_records(filter, below, limit).await?)
    }

    /// Appoints an admin: for the operator's command line, never for a request. The address counts
    /// as verified.
    ///
    /// # Errors
    ///
    /// [`IdentityError::AddressTaken`] if an account has the address; an admin can be made of it
    /// through the API.
    pub async fn create_admin(
        &self,
        email: EmailAddress,
        password: &NewPassword,
        display_name: DisplayName,
    ) -> Result<Account, IdentityError> {
        check_new_password(password, &email, "/password")?;
        let hash = self.passwords.hash_password(password.as_password()).await?;
        let profile =
            Profile { display_name, locale: Locale::default(), time_zone: chrono_tz::Tz::UTC };
        let now = self.clock.now();
        let id = AccountId::next(&*self.ids);
        let (account, event) = Account::appoint(id, email, hash, profile, now);
        let roles =
            AccountEvent::RolesChanged { id, before: Roles::client(), after: account.roles() };
        let entry =
            AuditEntry::new(&Actor::system(), Action::AccountAdminister, "create_admin", &id, now)
                .changed(json!(null), json!({ "roles": role_names(account.roles()) }));
        let mut tx = self.store.begin().await?;
        tx.insert_account(&account).await?;
        tx.publish(&event, None, now).await?;
        tx.publish(&roles, None, now).await?;
        tx.record_audit(&entry).await?;
        tx.commit().await?;
        Ok(account)
    }
}

fn authorise(actor: &Actor, action: Action) -> Result<(), IdentityError> {
    decide(actor, action, Relation::Stranger, true)
        .map_err(|denial| IdentityError::denied(denial, action))
}

/// Passes unless the change made `account` cease to be an admin, and it is the actor's own or the
/// last one. `admins` are those before the change.
fn keep_an_admin(
    actor: &Actor,
    admins: &[AccountId],
    account: &Account,
) -> Result<(), IdentityError> {
    let id = account.id();
    if account.is_active_admin() || !admins.contains(&id) {
        Ok(())
    } else if actor.account() == Some(id) {
        Err(IdentityError::OwnAccount)
    } else if admins.len() == 1 {
        Err(IdentityError::LastAdmin)
    } else {
        Ok(())
    }
}

impl Account {
    /// Whether it is an admin who may sign in.
    pub const fn is_active_admin(&self) -> bool {
        matches!(self.status(), crate::Status::Active) && self.roles().contains(Role::Admin)
    }
}
