//! Plans are made and changed.

use access::{Action, Actor, AuditEntry, Relation, decide};
use kernel::{ListingId, PlanId};
use serde_json::json;

use super::{BillingService, gate};
use crate::{BillingError, Plan, PlanDetails, Right, Seller};

/// Whose plan it is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerOfPlan {
    /// The actor's provider profile: for all of its premium content, or for one listing, whose
    /// owner the caller has checked.
    OwnProvider {
        /// The listing, if it is for one.
        listing: Option<ListingId>,
    },
    /// The marketplace: for providers who sell here.
    Platform,
}

impl BillingService {
    /// Makes a plan.
    pub async fn create_plan(
        &self,
        actor: &Actor,
        issuer: IssuerOfPlan,
        details: PlanDetails,
    ) -> Result<Plan, BillingError> {
        let (seller, right) = Self::issuer(actor, issuer)?;
        let now = self.now();
        let plan = Plan::create(PlanId::next(&*self.parts.ids), seller, right, details, now)?;
        let mut tx = self.parts.store.begin().await?;
        tx.insert_plan(&plan).await?;
        if seller == Seller::Platform {
            let entry =
                AuditEntry::new(actor, Action::PlanAdminister, "create_plan", &plan.id, now);
            tx.record_audit(&entry).await?;
        }
        tx.commit().await?;
        Ok(plan)
    }

    fn issuer(actor: &Actor, issuer: IssuerOfPlan) -> Result<(Seller, Right), BillingError> {
        match issuer {
            IssuerOfPlan::Platform => {
                gate(actor, Action::PlanAdminister)?;
                Ok((Seller::Platform, Right::Selling))
            }
            IssuerOfPlan::OwnProvider { listing } => {
                let action = Action::PlanManage;
                decide(actor, action, Relation::Owner, true)
                    .map_err(|denial| BillingError::denied_openly(denial, action))?;
                let forbidden = || BillingError::Forbidden { action };
                let provider = actor.provider().ok_or_else(forbidden)?;
                let account = actor.account().ok_or_else(forbidden)?;
                let right = listing.map_or(Right::Provider(provider), Right::Listing);
                Ok((Seller::Provider { provider, account }, right))
            }
        }
    }

    /// A plan, open or closed, for whoever may change it.
    pub async fn changeable_plan(&self, actor: &Actor, id: PlanId) -> Result<Plan, BillingError> {
        let plan = self.parts.reads.plan_by_id(id).await?;
        let plan = plan.ok_or_else(|| BillingError::not_found(&id))?;
        authorize(actor, &plan)?;
        Ok(plan)
    }

    /// Changes a plan for those who subscribe from now on, opens or closes it. `expected` is the
    /// version that the change is based on.
    pub async fn change_plan_details(
        &self,
        actor: &Actor,
        id: PlanId,
        details: PlanDetails,
        open: bool,
        expected: Option<i32>,
    ) -> Result<Plan, BillingError> {
        let now = self.now();
        let mut tx = self.parts.store.begin().await?;
        let plan = tx.plan_for_update(id).await?;
        let mut plan = plan.ok_or_else(|| BillingError::not_found(&id))?;
        let action = authorize(actor, &plan)?;
        if expected.is_some_and(|version| version != plan.version) {
            return Err(BillingError::Stale);
        }
        let before = json!({"price": plan.details.price.minor(), "open": plan.open});
        plan.change(details, open)?;
        tx.update_plan(&plan).await?;
        if plan.seller == Seller::Platform {
            let after = json!({"price": plan.details.price.minor(), "open": plan.open});
            let entry = AuditEntry::new(actor, action, "change_plan", &id, now);
            tx.record_audit(&entry.changed(before, after)).await?;
        }
        tx.commit().await?;
        Ok(plan)
    }

    /// A plan: an open one for everyone, a closed one for its owner.
    pub async fn plan(&self, actor: &Actor, id: PlanId) -> Result<Plan, BillingError> {
        gate(actor, Action::PlanRead)?;
        let plan = self.parts.reads.plan_by_id(id).await?;
        let own = |plan: &Plan| {
            plan.seller.provider().is_some() && actor.provider() == plan.seller.provider()
        };
        let plan = plan.filter(|plan| plan.open || own(plan));
        plan.ok_or_else(|| BillingError::not_found(&id))
    }

    /// The open plans of a seller, cheapest first; all of them for its owner.
    pub async fn plans(&self, actor: &Actor, seller: Seller) -> Result<Vec<Plan>, BillingError> {
        gate(actor, Action::PlanRead)?;
        let own = seller.provider().is_some() && actor.provider() == seller.provider();
        Ok(self.parts.reads.plans(seller, own).await?)
    }
}

/// Passes if the actor may change a plan. Open plans are for everyone to see; closed ones for their
/// owner.
fn authorize(actor: &Actor, plan: &Plan) -> Result<Action, BillingError> {
    let action = match plan.seller {
        Seller::Platform => Action::PlanAdminister,
        Seller::Provider { .. } => Action::PlanManage,
    };
    let own = plan.seller.provider().is_some() && actor.provider() == plan.seller.provider();
    let relation = if own { Relation::Owner } else { Relation::Stranger };
    decide(actor, action, relation, plan.open || own)
        .map_err(|denial| BillingError::denied(denial, &plan.id))?;
    Ok(action)
}
