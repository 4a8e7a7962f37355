use async_trait::async_trait;
use billing::{
    BillingError, CardId, GatewayName, Position, Right, Subscription, SubscriptionQuery,
    SubscriptionRepository,
};
use diesel::dsl::{exists, select};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use kernel::{AccountId, Page, StorageError, SubscriptionId};
use uuid::Uuid;

use super::subscription_row::SubscriptionRow;
use crate::billing::document::right_columns;
use crate::failure::{storage, violates};
use crate::schema::billing::subscriptions as table;
use crate::{PgStore, PgTx};

#[async_trait]
impl SubscriptionRepository for PgTx {
    async fn subscription_for_update(
        &mut self,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, StorageError> {
        let row: Option<SubscriptionRow> = table::table
            .find(id.as_uuid())
            .for_no_key_update()
            .select(SubscriptionRow::as_select())
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("load a subscription"))?;
        row.map(Subscription::try_from).transpose()
    }

    async fn subscription_of_reference(
        &mut self,
        gateway: GatewayName,
        reference: &str,
    ) -> Result<Option<SubscriptionId>, StorageError> {
        let id: Option<Uuid> = table::table
            .filter(table::gateway.eq(gateway.name()))
            .filter(table::reference.eq(reference))
            .select(table::id)
            .first(self.conn())
            .await
            .optional()
            .map_err(storage("find a subscription by its gateway's name"))?;
        Ok(id.map(SubscriptionId::from_uuid))
    }

    async fn insert_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), BillingError> {
        diesel::insert_into(table::table)
            .values(SubscriptionRow::of(subscription)?)
            .execute(self.conn())
            .await
            .map_err(|error| {
                if violates(&error, "subscriptions_one_running") {
                    BillingError::AlreadySubscribed
                } else {
                    storage("store a subscription")(error).into()
                }
            })?;
        Ok(())
    }

    async fn update_subscription(
        &mut self,
        subscription: &Subscription,
    ) -> Result<(), StorageError> {
        let row = SubscriptionRow::of(subscription)?;
        let loaded =
            table::table.find(row.id).filter(table::version.eq(subscription.loaded_version()));
        let updated = diesel::update(loaded)
            .set(row)
            .execute(self.conn())
            .await
            .map_err(storage("change a subscription"))?;
        if updated == 1 { Ok(()) } else { Err(StorageError::Conflict) }
    }

    async fn was_subscribed(
        &mut self,
        account: AccountId,
        right: Right,
    ) -> Result<bool, StorageError> {
        let (kind, id) = right_columns(right);
        let theirs = table::table
            .filter(table::subscriber_id.eq(account.as_uuid()))
            .filter(table::right_kind.eq(kind));
        let conn = self.conn();
        match id {
            Some(id) => {
                select(exists(theirs.filter(table::right_id.eq(id)))).get_result(conn).await
            }
            None => select(exists(theirs)).get_result(conn).await,
        }
        .map_err(storage("look for a subscription before"))
    }

    async fn subscriptions_on_card(
        &mut self,
        card: CardId,
    ) -> Result<Vec<SubscriptionId>, StorageError> {
        let ids: Vec<Uuid> = table::table
            .filter(table::card_id.eq(card.as_uuid()))
            .filter(table::state.ne("expired"))
            .order(table::id)
            .select(table::id)
            .load(self.conn())
            .await
            .map_err(storage("list the subscriptions that a card pays for"))?;
        Ok(ids.into_iter().map(SubscriptionId::from_uuid).collect())
    }
}

pub(in crate::billing) async fn subscription(
    store: &PgStore,
    id: SubscriptionId,
) -> Result<Option<Subscription>, StorageError> {
    let row: Option<SubscriptionRow> = table::table
        .find(id.as_uuid())
        .select(SubscriptionRow::as_select())
        .first(&mut *store.conn().await?)
        .await
        .optional()
        .map_err(storage("load a subscription"))?;
    row.map(Subscription::try_from).transpose()
}

pub(in crate::billing) async fn subscriptions(
    store: &PgStore,
    query: &SubscriptionQuery,
) -> Result<Page<Subscription, Position>, StorageError> {
    let mut rows = table::table
        .filter(table::subscriber_id.eq(query.subscriber.as_uuid()))
        .select(SubscriptionRow::as_select())
        .into_boxed();
    if let Some(now) = query.with_access_at {
        rows = rows.filter(table::access_until.gt(now));
    }
    if let Some(Position { at, id }) = query.after {
        rows = rows
            .filter(table::created_at.le(at).and(table::created_at.lt(at).or(table::id.lt(id))));
    }
    let rows: Vec<SubscriptionRow> = rows
        .order((table::created_at.desc(), table::id.desc()))
        .limit(query.limit.rows())
        .load(&mut *store.conn().await?)
        .await
        .map_err(storage("list subscriptions"))?;
    let page =
        Page::from_rows(rows, query.limit, |row| Position { at: row.created_at, id: row.id });
    let next = page.next;
    let items = page.items.into_iter().map(Subscription::try_from).collect::<Result<_, _>>()?;
    Ok(Page { items, next })
}
