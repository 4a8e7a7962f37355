use async_trait::async_trait;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use identity::{
    Device, EndReason, RefreshState, RefreshToken, SealedToken, Session, SessionFacts,
    SessionRecord, SessionRepository, SessionStatus, TokenDigest,
};
use kernel::{AccountId, ProviderId, SessionId, StorageError};
use uuid::Uuid;

use super::accounts::{roles, status};
use crate::failure::storage;
use crate::schema::catalog::providers;
use crate::schema::identity::{accounts, refresh_tokens, sessions};
use crate::{PgStore, PgTx};

/// The most sessions shown of an account.
const MOST_SHOWN: i64 = 100;

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = sessions, treat_none_as_null = true)]
struct SessionRow {
    id: Uuid,
    account_id: Uuid,
    token_version: i32,
    device: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    end_reason: Option<String>,
    version: i32,
}

impl From<&Session> for SessionRow {
    fn from(session: &Session) -> Self {
        let SessionRecord {
            id,
            account,
            token_version,
            device,
            created_at,
            last_used_at,
            expires_at,
            status,
            version,
        } = session.record();
        let (ended_at, end_reason) = match status {
            SessionStatus::Open => (None, None),
            SessionStatus::Ended { at, reason } => (Some(*at), Some(reason.name().to_owned())),
        };
        Self {
            id: id.as_uuid(),
            account_id: account.as_uuid(),
            token_version: *token_version,
            device: device.as_ref().map(|device| device.as_str().to_owned()),
            created_at: *created_at,
            last_used_at: *last_used_at,
            expires_at: *expires_at,
            ended_at,
            end_reason,
            version: *version,
        }
    }
}

impl TryFrom<SessionRow> for Session {
    type Error = StorageError;

    fn try_from(row: SessionRow) -> Result<Self, StorageError> {
        let status = match (row.ended_at, row.end_reason) {
            (None, _) => SessionStatus::Open,
            (Some(at), reason) => {
                let reason = reason.as_deref().and_then(EndReason::named).ok_or_else(|| {
                    StorageError::corrupt("read a session", "it ended for no known reason")
                })?;
                SessionStatus::Ended { at, reason }
            }
        };
        Ok(Self::restore_record(SessionRecord {
            id: SessionId::from_uuid(row.id),
            account: AccountId::from_uuid(row.account_id),
            token_version: row.token_version,
            device: row.device.map(Device::from_stored),
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            status,
            version: row.version,
        }))
    }
}

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct TokenRow {
    digest: Vec<u8>,
    session_id: Uuid,
    issued_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    successor: Option<Vec<u8>>,
}

impl From<&RefreshToken> for TokenRow {
    fn from(token: &RefreshToken) -> Self {
        let RefreshToken { digest, session, issued_at, state } = token;
        let (used_at, successor) = match state {
            RefreshState::Current => (None, None),
            RefreshState::Exchanged { at, successor } => (Some(*at), *successor),
        };
        Self {
            digest: digest.as_bytes().to_vec(),
            session_id: session.as_uuid(),
            issued_at: *issued_at,
            used_at,
            successor: successor.map(|sealed| sealed.as_bytes().to_vec()),
        }
    }
}

impl TryFrom<TokenRow> for RefreshToken {
    type Error = StorageError;

    fn try_from(row: TokenRow) -> Result<Self, StorageError> {
        let successor = row.successor.as_deref().map(bytes).transpose()?;
        let state = row.used_at.map_or(RefreshState::Current, |at| RefreshState::Exchanged {
            at,
            successor: successor.map(SealedToken::from_bytes),
        });
        Ok(Self {
            digest: TokenDigest::from_bytes(bytes(&row.digest)?),
            session: SessionId::from_uuid(row.session_id),
            issued_at: row.issued_at,
            state,
        })
    }
}

/// 32 bytes, as a CHECK promises.
pub(super) fn bytes(stored: &[u8]) -> Result<[u8; 32], StorageError> {
    stored.try_into().map_err(|error| StorageError::corrupt("read a digest", error))
}

#[async_trait]
impl SessionRepository for PgTx {
    async fn session_for_update(&mut self, id: SessionId) -> Result<Option<Session>, StorageError> {
        let row = sessions::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(SessionRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a session"))?;
        row.map(Session::try_from).transpose()
    }

    async fn session_of_token_for_update(
        &mut self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError> {
        let id: Option<Uuid> = refresh_tokens::table
            .find(digest.as_bytes().as_slice())
            .select(refresh_tokens::session_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("look a refresh token up"))?;
        let Some(id) = id else { return Ok(None) };
        let Some(session) = self.session_for_update(SessionId::from_uuid(id)).await? else {
            return Ok(None);
        };
        // Whoever exchanged it meanwhile has let go of the session: read what they left.
        let row = refresh_tokens::table
            .find(digest.as_bytes().as_slice())
            .select(TokenRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a refresh token"))?;
        row.map(|row| Ok((session, row.try_into()?))).transpose()
    }

    async fn insert_session(
        &mut self,
        session: &Session,
        first: &RefreshToken,
    ) -> Result<(), StorageError> {
        diesel::insert_into(sessions::table)
            .values(SessionRow::from(session))
            .execute(self.conn())
            .await
            .map_err(storage("insert a session"))?;
        diesel::insert_into(refresh_tokens::table)
            .values(TokenRow::from(first))
            .execute(self.conn())
            .await
            .map_err(storage("insert a refresh token"))?;
        Ok(())
    }

    async fn update_session(&mut self, session: &Session) -> Result<(), StorageError> {
        let updated = diesel::update(sessions::table.find(session.id().as_uuid()))
            .set(SessionRow::from(session))
            .execute(self.conn())
            .await
            .map_err(storage("update a session"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn exchange_refresh_token(
        &mut self,
        exchanged: &RefreshToken,
        successor: &RefreshToken,
    ) -> Result<(), StorageError> {
        let family = refresh_tokens::session_id.eq(exchanged.session.as_uuid());
        diesel::update(refresh_tokens::table.filter(family))
            .filter(refresh_tokens::successor.is_not_null())
            .set(refresh_tokens::successor.eq(None::<Vec<u8>>))
            .execute(self.conn())
            .await
            .map_err(storage("forget a successor"))?;
        let row = TokenRow::from(exchanged);
        diesel::update(refresh_tokens::table.find(&row.digest))
            .set((
                refresh_tokens::used_at.eq(row.used_at),
                refresh_tokens::successor.eq(&row.successor),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("exchange a refresh token"))?;
        diesel::insert_into(refresh_tokens::table)
            .values(TokenRow::from(successor))
            .execute(self.conn())
            .await
            .map_err(storage("insert a refresh token"))?;
        Ok(())
    }

    async fn end_sessions(
        &mut self,
        account: AccountId,
        reason: EndReason,
        now: DateTime<Utc>,
    ) -> Result<(), StorageError> {
        diesel::update(sessions::table)
            .filter(sessions::account_id.eq(account.as_uuid()))
            .filter(sessions::ended_at.is_null())
            .set((
                sessions::ended_at.eq(Some(now)),
                sessions::end_reason.eq(Some(reason.name())),
                sessions::version.eq(sessions::version + 1),
            ))
            .execute(self.conn())
            .await
            .map_err(storage("end the sessions of an account"))?;
        Ok(())
    }
}

/// What is read of a session, its account and its provider profile.
type FactsRow = (
    (Uuid, i32, DateTime<Utc>, Option<DateTime<Utc>>),
    (Uuid, Vec<String>, String, Option<DateTime<Utc>>, i32),
    Option<Uuid>,
);

impl PgStore {
    pub(super) async fn session_facts(
        &self,
        id: SessionId,
    ) -> Result<Option<SessionFacts>, StorageError> {
        let row: Option<FactsRow> = sessions::table
            .inner_join(accounts::table.left_join(providers::table))
            .filter(sessions::id.eq(id.as_uuid()))
            .select((
                (sessions::id, sessions::token_version, sessions::expires_at, sessions::ended_at),
                (
                    accounts::id,
                    accounts::roles,
                    accounts::status,
                    accounts::email_verified_at,
                    accounts::token_version,
                ),
                providers::id.nullable(),
            ))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look a session up"))?;
        let Some((session, account, provider)) = row else { return Ok(None) };
        let (id, session_version, expires_at, ended_at) = session;
        let (account, role_names, status_name, verified_at, account_version) = account;
        let stored = roles(&role_names)?;
        Ok(Some(SessionFacts {
            session: SessionId::from_uuid(id),
            account: AccountId::from_uuid(account),
            // The profile makes the provider: its role counts from the moment it is stored.
            roles: if provider.is_some() { stored.with(access::Role::Provider) } else { stored },
            provider: provider.map(ProviderId::from_uuid),
            status: status(&status_name)?,
            email_verified: verified_at.is_some(),
            current: session_version == account_version,
            ended: ended_at.is_some(),
            expires_at,
        }))
    }

    pub(super) async fn live_sessions(
        &self,
        account: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StorageError> {
        let rows: Vec<SessionRow> = sessions::table
            .inner_join(accounts::table)
            .filter(sessions::account_id.eq(account.as_uuid()))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(now))
            .filter(sessions::token_version.eq(accounts::token_version))
            .order((sessions::created_at.desc(), sessions::id.desc()))
            .limit(MOST_SHOWN)
            .select(SessionRow::as_select())
            .load(&mut *self.conn().await?)
            .await
            .map_err(storage("list sessions"))?;
        rows.into_iter().map(Session::try_from).collect()
    }

    pub(super) async fn refresh_token(
        &self,
        digest: &TokenDigest,
    ) -> Result<Option<(Session, RefreshToken)>, StorageError> {
        let row: Option<(SessionRow, TokenRow)> = refresh_tokens::table
            .inner_join(sessions::table)
            .filter(refresh_tokens::digest.eq(digest.as_bytes().as_slice()))
            .select((SessionRow::as_select(), TokenRow::as_select()))
            .first(&mut *self.conn().await?)
            .await
            .optional()
            .map_err(storage("look a refresh token up"))?;
        row.map(|(session, token)| Ok((session.try_into()?, token.try_into()?))).transpose()
    }
}
