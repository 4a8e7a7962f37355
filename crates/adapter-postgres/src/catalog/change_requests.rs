//! Changes of listings that wait for a moderator.

use async_trait::async_trait;
use catalog::{ChangeRequest, ChangeRequestRepository, ChangeRequestStatus, ChangeSet, Reason};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, ChangeRequestId, ListingId, ProviderId, StorageError};
use serde_json::Value;
use uuid::Uuid;

use super::rows::{corrupt, unwritable};
use crate::PgTx;
use crate::failure::storage;
use crate::schema::catalog::change_requests;

/// A row of `change_requests`.
#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = change_requests, treat_none_as_null = true)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub(super) struct ChangeRequestRow {
    id: Uuid,
    listing_id: Uuid,
    provider_id: Uuid,
    changes: Value,
    status: String,
    requested_by: Uuid,
    requested_at: DateTime<Utc>,
    decided_by: Option<Uuid>,
    decided_at: Option<DateTime<Utc>>,
    decision_reason: Option<String>,
    version: i32,
}

impl TryFrom<ChangeRequestRow> for ChangeRequest {
    type Error = StorageError;

    fn try_from(row: ChangeRequestRow) -> Result<Self, StorageError> {
        let by = row.decided_by.map(AccountId::from_uuid);
        let status = match (row.status.as_str(), row.decided_at, row.decision_reason) {
            ("pending", None, None) => ChangeRequestStatus::Pending,
            ("approved", Some(at), None) => ChangeRequestStatus::Approved { by, at },
            ("rejected", Some(at), Some(reason)) => {
                ChangeRequestStatus::Rejected { by, at, reason: Reason::from_stored(reason) }
            }
            ("withdrawn", Some(at), None) => ChangeRequestStatus::Withdrawn { at },
            ("superseded", Some(at), None) => ChangeRequestStatus::Superseded { at },
            (other, _, _) => {
                return Err(corrupt(format!("`{other}` is no state of a change request")));
            }
        };
        let changes: ChangeSet = serde_json::from_value(row.changes).map_err(corrupt)?;
        Ok(Self {
            id: ChangeRequestId::from_uuid(row.id),
            listing: ListingId::from_uuid(row.listing_id),
            provider: ProviderId::from_uuid(row.provider_id),
            changes,
            requested_by: AccountId::from_uuid(row.requested_by),
            requested_at: row.requested_at,
            status,
            version: row.version,
        })
    }
}

impl TryFrom<&ChangeRequest> for ChangeRequestRow {
    type Error = StorageError;

    fn try_from(request: &ChangeRequest) -> Result<Self, StorageError> {
        let ChangeRequest {
            id,
            listing,
            provider,
            changes,
            requested_by,
            requested_at,
            status,
            version,
        } = request;
        let (decided_by, decided_at, decision_reason) = match status {
            ChangeRequestStatus::Pending => (None, None, None),
            ChangeRequestStatus::Approved { by, at } => (*by, Some(*at), None),
            ChangeRequestStatus::Rejected { by, at, reason } => {
                (*by, Some(*at), Some(reason.to_string()))
            }
            ChangeRequestStatus::Withdrawn { at } | ChangeRequestStatus::Superseded { at } => {
                (None, Some(*at), None)
            }
        };
        Ok(Self {
            id: id.as_uuid(),
            listing_id: listing.as_uuid(),
            provider_id: provider.as_uuid(),
            changes: serde_json::to_value(changes).map_err(unwritable)?,
            status: status.name().to_owned(),
            requested_by: requested_by.as_uuid(),
            requested_at: *requested_at,
            decided_by: decided_by.map(AccountId::as_uuid),
            decided_at,
            decision_reason,
            version: *version,
        })
    }
}

#[async_trait]
impl ChangeRequestRepository for PgTx {
    async fn listing_of_change_request(
        &mut self,
        id: ChangeRequestId,
    ) -> Result<Option<ListingId>, StorageError> {
        let listing: Option<Uuid> = change_requests::table
            .find(id.as_uuid())
            .select(change_requests::listing_id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find a change request"))?;
        Ok(listing.map(ListingId::from_uuid))
    }

    async fn change_request_for_update(
        &mut self,
        id: ChangeRequestId,
    ) -> Result<Option<ChangeRequest>, StorageError> {
        let row: Option<ChangeRequestRow> = change_requests::table
            .find(id.as_uuid())
            .for_update()
            .select(ChangeRequestRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a change request"))?;
        row.map(ChangeRequest::try_from).transpose()
    }

    async fn pending_change_for_update(
        &mut self,
        listing: ListingId,
    ) -> Result<Option<ChangeRequest>, StorageError> {
        let row: Option<ChangeRequestRow> = change_requests::table
            .filter(change_requests::listing_id.eq(listing.as_uuid()))
            .filter(change_requests::status.eq("pending"))
            .for_update()
            .select(ChangeRequestRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a change request"))?;
        row.map(ChangeRequest::try_from).transpose()
    }

    async fn insert_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError> {
        diesel::insert_into(change_requests::table)
            .values(&ChangeRequestRow::try_from(request)?)
            .execute(self.conn())
            .await
            .map_err(storage("insert a change request"))?;
        Ok(())
    }

    async fn update_change_request(&mut self, request: &ChangeRequest) -> Result<(), StorageError> {
        diesel::update(change_requests::table.find(request.id.as_uuid()))
            .set(&ChangeRequestRow::try_from(request)?)
            .execute(self.conn())
            .await
            .map_err(storage("update a change request"))?;
        Ok(())
    }
}
