use access::Roles;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use identity::{
    Account, AccountFilter, AccountPosition, AccountRecord, AccountRepository, DisplayName,
    EmailAddress, IdentityError, PasswordHash, Profile, Reason, Status, StatusKind,
};
use kernel::{AccountId, Limit, Locale, Page, StorageError, Total};
use uuid::Uuid;

use crate::failure::{storage, violates};
use crate::schema::identity::accounts as table;
use crate::{PgStore, PgTx};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
pub(super) struct AccountRow {
    id: Uuid,
    email: Option<String>,
    password_hash: Option<String>,
    display_name: String,
    locale: String,
    time_zone: String,
    roles: Vec<String>,
    status: String,
    suspended_at: Option<DateTime<Utc>>,
    suspension_reason: Option<String>,
    erased_at: Option<DateTime<Utc>>,
    email_verified_at: Option<DateTime<Utc>>,
    token_version: i32,
    created_at: DateTime<Utc>,
    version: i32,
}

impl From<&Account> for AccountRow {
    fn from(account: &Account) -> Self {
        let AccountRecord {
            id,
            email,
            password,
            profile: Profile { display_name, locale, time_zone },
            roles,
            status,
            email_verified_at,
            token_version,
            created_at,
            version,
        } = account.record();
        let (suspended_at, suspension_reason, erased_at) = match status {
            Status::Active => (None, None, None),
            Status::Suspended { at, reason } => (Some(*at), Some(reason.to_string()), None),
            Status::Erased { at } => (None, None, Some(*at)),
        };
        Self {
            id: id.as_uuid(),
            email: email.as_ref().map(ToString::to_string),
            password_hash: password.as_ref().map(|hash| hash.expose().to_owned()),
            display_name: display_name.to_string(),
            locale: locale.to_string(),
            time_zone: time_zone.name().to_owned(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            status: status.kind().name().to_owned(),
            suspended_at,
            suspension_reason,
            erased_at,
            email_verified_at: *email_verified_at,
            token_version: *token_version,
            created_at: *created_at,
            version: *version,
        }
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = StorageError;

    fn try_from(row: AccountRow) -> Result<Self, StorageError> {
        let corrupt = |what: String| StorageError::corrupt("read an account", what);
        let status = match (status(&row.status)?, row.suspended_at, row.suspension_reason) {
            (StatusKind::Active, ..) => Status::Active,
            (StatusKind::Suspended, Some(at), Some(reason)) => {
                Status::Suspended { at, reason: Reason::from_stored(reason) }
            }
            (StatusKind::Suspended, ..) => return Err(corrupt("a suspension of no date".into())),
            (StatusKind::Erased, ..) => Status::Erased {
                at: row.erased_at.ok_or_else(|| corrupt("an erasure of no date".into()))?,
            },
        };
        Ok(Self::restore_record(AccountRecord {
            id: AccountId::from_uuid(row.id),
            email: row.email.map(EmailAddress::from_stored),
            password: row.password_hash.map(PasswordHash::new),
            profile: Profile {
                display_name: DisplayName::from_stored(row.display_name),
                locale: row.locale.parse::<Locale>().map_err(|e| corrupt(e.to_string()))?,
                time_zone: row.time_zone.parse().map_err(|_| corrupt(row.time_zone))?,
            },
            roles: roles(&row.roles)?,
            status,
            email_verified_at: row.email_verified_at,
            token_version: row.token_version,
            created_at: row.created_at,
            version: row.version,
        }))
    }
}

pub(super) fn status(name: &str) -> Result<StatusKind, StorageError> {
    StatusKind::named(name)
        .ok_or_else(|| StorageError::corrupt("read an account", format!("no status: {name}")))
}

pub(super) fn roles(names: &[String]) -> Result<Roles, StorageError> {
    let roles: Result<Roles, String> = names.iter().map(|name| name.parse()).collect();
    roles.map_err(|error| StorageError::corrupt("read an account", error))
}

#[async_trait]
impl AccountRepository for PgTx {
    async fn account(&mut self, id: AccountId) -> Result<Option<Account>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            .select(AccountRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load an account"))?;
        row.map(Account::try_from).transpose()
    }

    async fn account_for_update(&mut self, id: AccountId) -> Result<Option<Account>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(AccountRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load an account"))?;
        row.map(Account::try_from).transpose()
    }

    async fn active_admins_for_update(&mut self) -> Result<Vec<AccountId>, StorageError> {
        let ids: Vec<Uuid> = table::table
            .filter(table::roles.contains(vec!["admin"]))
            .filter(table::status.eq(StatusKind::Active.name()))
            .order(table::id)
            .for_no_key_update()
            .select(table::id)
            .load(self.conn())
            .await
            .map_err(storage("lock the admins"))?;
        Ok(ids.into_iter().map(AccountId::from_uuid).collect())
    }

    async fn insert_account(&mut self, account: &Account) -> Result<(), IdentityError> {
        diesel::insert_into(table::table)
            .values(AccountRow::from(account))
            .execute(self.conn())
            .await
            .map_err(|error| match error {
                e if violates(&e, "accounts_address_taken") => IdentityError::AddressTaken,
                e => storage("insert an account")(e).into(),
            })?;
        Ok(())
    }

    async fn update_account(&mut self, account: &Account) -> Result<(), StorageError> {
        let updated = diesel::update(table::table.find(account.id().as_uuid()))
            .set(AccountRow::from(account))
            .execute(self.conn())
            .await
            .map_err(storage("update an account"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }
}

impl PgStore {
    pub(super) async fn account_by_id(
        &self,
        id: AccountId,
    ) -> Result<Option<Account>, StorageError> {
        let row = table::table
            .find(id.as_uuid())
            .select(AccountRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("load an account"))?;
        row.map(Account::try_from).transpose()
    }

    pub(super) async fn account_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<Account>, StorageError> {
        let row = table::table
            .filter(table::email.eq(email.as_str()))
            .select(AccountRow::as_select())
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look an address up"))?;
        row.map(Account::try_from).transpose()
    }

    pub(super) async fn accounts_page(
        &self,
        filter: &AccountFilter,
        after: Option<AccountPosition>,
        limit: Limit,
    ) -> Result<Page<Account, AccountPosition>, StorageError> {
        let mut query = filtered(filter).select(AccountRow::as_select());
        if let Some(AccountPosition { created_at, id }) = after {
            query = query
                .filter(table::created_at.le(created_at))
                .filter(table::created_at.lt(created_at).or(table::id.lt(id.as_uuid())));
        }
        let rows: Vec<AccountRow> = query
            .order((table::created_at.desc(), table::id.desc()))
            .limit(limit.rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list accounts"))?;
        let accounts: Result<Vec<Account>, _> = rows.into_iter().map(Account::try_from).collect();
        Ok(Page::from_rows(accounts?, limit, |account| AccountPosition {
            created_at: account.record().created_at,
            id: account.id(),
        }))
    }

    pub(super) async fn position_of_account(
        &self,
        filter: &AccountFilter,
        skipped: u16,
    ) -> Result<Option<AccountPosition>, StorageError> {
        let row: Option<(DateTime<Utc>, Uuid)> = filtered(filter)
            .select((table::created_at, table::id))
            .order((table::created_at.desc(), table::id.desc()))
            .offset(i64::from(skipped) - 1)
            .limit(1)
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("find a page of accounts"))?;
        Ok(row.map(|(created_at, id)| AccountPosition { created_at, id: AccountId::from_uuid(id) }))
    }

    pub(super) async fn total_of_accounts(
        &self,
        filter: &AccountFilter,
    ) -> Result<Total, StorageError> {
        let ids: Vec<Uuid> = filtered(filter)
            .select(table::id)
            .limit(Total::rows())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("count accounts"))?;
        Ok(Total::of_rows(i64::try_from(ids.len()).unwrap_or(i64::MAX)))
    }
}

/// The accounts that a filter lets through.
fn filtered(filter: &AccountFilter) -> table::BoxedQuery<'_, Pg> {
    let AccountFilter { words, statuses, role, created_from, created_before } = filter;
    let mut query = table::table.into_boxed();
    if let Some(words) = words {
        let pattern = format!("%{}%", escaped(words));
        query = query.filter(
            table::email
                .ilike(pattern.clone())
                .assume_not_null()
                .or(table::display_name.ilike(pattern)),
        );
    }
    if !statuses.is_empty() {
        let names: Vec<&str> = statuses.iter().map(|status| status.name()).collect();
        query = query.filter(table::status.eq_any(names));
    }
    if let Some(role) = role {
        query = query.filter(table::roles.contains(vec![role.name()]));
    }
    if let Some(from) = *created_from {
        query = query.filter(table::created_at.ge(from));
    }
    if let Some(before) = *created_before {
        query = query.filter(table::created_at.lt(before));
    }
    query
}

/// Takes the meaning from what `LIKE` reads as a pattern.
fn escaped(words: &str) -> String {
    words.chars().fold(String::new(), |mut text, c| {
        if matches!(c, '%' | '_' | '\\') {
            text.push('\\');
        }
        text.push(c);
        text
    })
}
