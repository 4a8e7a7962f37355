//! Cards that payers let a gateway keep.

use std::net::IpAddr;

use access::{Action, Actor};
use kernel::{Currency, Locale};

use super::{BillingService, gate_own};
use crate::{
    BillingError, CardId, ChallengeKind, Decline, GatewayError, GatewayName, Instrument,
    OperationKey, PayerDetails, SaveCardOutcome, SaveCardRequest, SavedCard,
};

/// A card that somebody wants to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveCardCommand {
    /// At which gateway; the marketplace's choice if unset.
    pub gateway: Option<GatewayName>,
    /// The card: a token or cryptogram that the app got from the gateway's script.
    pub instrument: Instrument,
    /// What it will be charged in.
    pub currency: Currency,
    /// The address that the request came from.
    pub address: Option<IpAddr>,
    /// The language of the gateway's pages.
    pub locale: Locale,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardSaved {
    /// It is kept.
    Kept(SavedCard),
    /// The payer has to act first.
    RequiresAction(ChallengeKind),
    /// The bank refused.
    Declined(Decline),
}

impl BillingService {
    /// Keeps a card without charging it. Nothing is stored before the gateway keeps it: if the
    /// answer is lost, the card is sent again, and kept once.
    ///
    /// # Errors
    ///
    /// [`BillingError::GatewayUnsupported`], [`BillingError::GatewayUnavailable`].
    pub async fn save_card(
        &self,
        actor: &Actor,
        command: SaveCardCommand,
    ) -> Result<CardSaved, BillingError> {
        let account = gate_own(actor, Action::CardManage)?;
        let SaveCardCommand { gateway, instrument, currency, address, locale } = command;
        let name = gateway.or_else(|| self.parts.policy.gateway_for(currency));
        let name = name.ok_or(BillingError::NoGateway)?;
        let gateway = self.gateway(name)?;
        if !gateway.capabilities().saved_cards {
            let operation = "keep cards";
            return Err(BillingError::GatewayUnsupported { gateway: name, operation });
        }
        let id = CardId::next(&*self.parts.ids);
        let payer = PayerDetails { account, address, locale };
        let key = OperationKey::of_card(account, id);
        let request = SaveCardRequest { payer, key, instrument, currency };
        let answered = match gateway.save_card(&request).await {
            // It surely kept nothing: what it was given is of no use to it.
            Err(GatewayError::Refused { .. }) => {
                Ok(SaveCardOutcome::Declined(Decline::soft("gateway_refused")))
            }
            answered => answered.map_err(BillingError::GatewayUnavailable),
        };
        match answered? {
            SaveCardOutcome::Saved(kept) => {
                let card = SavedCard::keep(id, account, name, kept, self.now());
                let mut tx = self.parts.store.begin().await?;
                let id = tx.store_card(&card).await?;
                tx.commit().await?;
                Ok(CardSaved::Kept(SavedCard { id, ..card }))
            }
            SaveCardOutcome::RequiresAction(kind) => Ok(CardSaved::RequiresAction(kind)),
            SaveCardOutcome::Declined(decline) => Ok(CardSaved::Declined(decline)),
        }
    }

    /// The actor's own kept cards.
    pub async fn cards(&self, actor: &Actor) -> Result<Vec<SavedCard>, BillingError> {
        let account = gate_own(actor, Action::CardManage)?;
        Ok(self.parts.reads.cards(account).await?)
    }

    /// The actor takes a kept card back: it is never charged again, and subscriptions on it have
    /// nothing to be charged by.
    pub async fn remove_card(&self, actor: &Actor, id: CardId) -> Result<(), BillingError> {
        let account = gate_own(actor, Action::CardManage)?;
        let now = self.now();
        let books = self.books();
        let mut tx = self.parts.store.begin().await?;
        for id in tx.subscriptions_on_card(id).await? {
            let Some(mut subscription) = tx.subscription_for_update(id).await? else { continue };
            if subscription.subscriber() != account {
                continue;
            }
            let events = subscription.set_card(None, now)?;
            books.store_subscription(&mut *tx, &subscription, events, Some(account), now).await?;
        }
        let card = tx.saved_card(id).await?.filter(|card| card.account == account);
        let mut card = card.ok_or(BillingError::CardNotFound { id })?;
        card.removed_at = card.removed_at.or(Some(now));
        tx.store_card(&card).await?;
        Ok(tx.commit().await?)
    }
}
