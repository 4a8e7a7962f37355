use access::{Action, Actor, Relation, decide, permits};
use chrono::{DateTime, Utc};

use crate::{
    Counterpart, Edit, Policy, Rated, RatedFacts, Reason, ReplyText, Review, ReviewError, Status,
};

impl RatedFacts {
    /// Whether the actor can see what is rated, and so what was said of it.
    pub(crate) fn is_visible_to(self, actor: &Actor, rated: Rated) -> bool {
        let own = actor.provider() == Some(self.provider);
        let relation = if own { Relation::Owner } else { Relation::Stranger };
        let may = |action| permits(actor, action, relation);
        self.public
            || match rated {
                Rated::Listing(_) => may(Action::ListingReadUnpublished),
                Rated::Provider(_) => may(Action::ProviderUpdate) || may(Action::ProviderModerate),
            }
    }
}

/// How an actor stands to a review, and what they may do with it.
impl Review {
    /// Passes if the actor may do this to this review. A stranger learns nothing of a review that
    /// is not shown.
    pub fn authorize(&self, actor: &Actor, action: Action) -> Result<(), ReviewError> {
        let id = self.id();
        let sees = self.is_visible_to(actor);
        decide(actor, action, self.relation_of(actor), sees)
            .map_err(|denial| ReviewError::denied(denial, id))?;
        // The reviewed side may reply, a reader may vote: but not to what they cannot read.
        if sees { Ok(()) } else { Err(ReviewError::NotFound { id }) }
    }

    /// Whether the actor may read it. What its author has not yet confirmed is theirs alone.
    pub fn is_visible_to(&self, actor: &Actor) -> bool {
        let relation = self.relation_of(actor);
        relation == Relation::Owner
            || match self.status() {
                Status::Draft | Status::PendingConfirmation { .. } | Status::Discarded { .. } => {
                    false
                }
                Status::PendingModeration { .. } | Status::Held { .. } | Status::Hidden { .. } => {
                    permits(actor, Action::ReviewModerate, relation)
                }
                Status::Published { .. } => true,
            }
    }

    /// Whether the actor wrote it.
    pub fn is_by(&self, actor: &Actor) -> bool {
        actor.account() == Some(self.record().author)
    }

    /// What this actor could do with it now, for apps to draw their buttons from.
    pub fn allowed(
        &self,
        actor: &Actor,
        policy: &Policy,
        other: Counterpart,
        now: DateTime<Utc>,
    ) -> Vec<&'static str> {
        type Attempt<'a> = Box<dyn Fn(&mut Review) -> bool + 'a>;
        let by: [(&'static str, Action, Attempt<'_>); 9] = [
            ("submit", Action::ReviewUpdate, Box::new(|r| r.submit(policy, now).is_ok())),
            ("confirm", Action::ReviewUpdate, Box::new(|r| r.confirm(policy, other, now).is_ok())),
            (
                "edit",
                Action::ReviewUpdate,
                Box::new(|r| r.edit(Edit::default(), policy, other, now).is_ok()),
            ),
            (
                "reply",
                Action::ReviewReply,
                Box::new(|r| r.reply(ReplyText::from_stored(String::new()), now).is_ok()),
            ),
            (
                "helpful",
                Action::ReviewVote,
                Box::new(|r| actor.account().is_some_and(|voter| r.vote(voter).is_ok())),
            ),
            (
                "report",
                Action::ReviewVote,
                Box::new(|r| actor.account().is_some_and(|voter| r.vote(voter).is_ok())),
            ),
            (
                "approve",
                Action::ReviewModerate,
                Box::new(|r| r.approve(policy, other, now).is_ok()),
            ),
            (
                "hide",
                Action::ReviewModerate,
                Box::new(|r| r.hide(Reason::from_stored(String::new()), now).is_ok()),
            ),
            (
                "restore",
                Action::ReviewModerate,
                Box::new(|r| r.restore_shown(policy, other, now).is_ok()),
            ),
        ];
        let relation = self.relation_of(actor);
        by.iter()
            .filter(|(_, action, _)| permits(actor, *action, relation))
            .filter(|(_, _, attempt)| attempt(&mut self.clone()))
            .map(|(name, _, _)| *name)
            .collect()
    }

    fn relation_of(&self, actor: &Actor) -> Relation {
        match actor.account() {
            Some(account) if account == self.record().author => Relation::Owner,
            Some(account) if account == self.record().subject => Relation::Subject,
            Some(_) | None => Relation::Stranger,
        }
    }
}
