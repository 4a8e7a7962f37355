use access::Actor;
use anyhow::{Context, bail};
use bookings::{BookingCommand, ProcessKind, Reason, Seen, SubmitBooking};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{BookingId, Clock, Money, Once, Text};
use rand::RngExt;
use reviews::{Status, WriteReview};

use super::words::{REPLIES, REQUESTS, REVIEWS};
use super::{Offered, Seeder};

/// How far a booking of the demo has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Story {
    Requested,
    Offered,
    Accepted,
    InProgress,
    Done,
    Completed,
    Reviewed,
    Declined,
    Withdrawn,
    Cancelled,
    Disputed,
    Resolved,
}

/// In turn; most bookings end well.
const STORIES: [Story; 18] = [
    Story::Reviewed,
    Story::Requested,
    Story::Reviewed,
    Story::Accepted,
    Story::Reviewed,
    Story::Offered,
    Story::Completed,
    Story::InProgress,
    Story::Reviewed,
    Story::Declined,
    Story::Done,
    Story::Reviewed,
    Story::Cancelled,
    Story::Requested,
    Story::Withdrawn,
    Story::Reviewed,
    Story::Disputed,
    Story::Resolved,
];

impl Seeder<'_> {
    pub(super) async fn bookings(&mut self, bookings: usize) -> anyhow::Result<()> {
        if self.listings.is_empty() || self.people.len() < 2 {
            return Ok(());
        }
        for number in 0..bookings {
            let offered = self.listings[number % self.listings.len()];
            let story = STORIES[number % STORIES.len()];
            // The client of the banner sees some of everything.
            let client = match number % 4 {
                0 => 1,
                _ => self.random.random_range(1..self.people.len()),
            };
            let client =
                if client == offered.by { (client + 1) % self.people.len() } else { client };
            self.booking(offered, client, story)
                .await
                .with_context(|| format!("booking {number} ({story:?})"))?;
        }
        Ok(())
    }

    async fn booking(&mut self, offered: Offered, by: usize, story: Story) -> anyhow::Result<()> {
        let client = self.people[by].actor();
        let provider = self.people[offered.by].actor();
        let age = match story {
            // Deadlines of what is still open lie ahead.
            Story::Requested | Story::Offered => 0,
            Story::Accepted | Story::InProgress | Story::Done => 2,
            _ => self.random.random_range(8..20),
        };
        let at = self.days_ago(age);
        self.clock.set(at);
        let Some(seen) = self.submit(&client, offered).await? else { return Ok(()) };
        let id = seen.booking.id();
        let quote = seen.booking.process().kind() == ProcessKind::Quote;
        let price = offered.price;
        let accept = |story: Story| match (story, quote) {
            (Story::Requested | Story::Offered | Story::Declined | Story::Withdrawn, _) => false,
            (_, _) => true,
        };

        if let (Some(price), true) = (price, quote && (accept(story) || story == Story::Offered)) {
            self.later(2);
            let work = Text::new("Everything we spoke about, with materials, in three weeks.")?;
            self.command(&provider, id, BookingCommand::Offer { price: raised(price), work })
                .await?;
        }
        if accept(story) {
            self.later(5);
            let (actor, offer) = if quote { (&client, Some(1)) } else { (&provider, None) };
            self.command(actor, id, BookingCommand::Accept { offer }).await?;
        }
        match story {
            Story::Requested | Story::Offered | Story::Accepted => return Ok(()),
            Story::Declined => {
                self.later(8);
                let reason = Some(Reason::new("We are booked out until spring.")?);
                return self.command(&provider, id, BookingCommand::Decline { reason }).await;
            }
            Story::Withdrawn => {
                self.later(8);
                return self.command(&client, id, BookingCommand::Withdraw).await;
            }
            Story::Cancelled => {
                self.later(12);
                let reason = Some(Reason::new("Our plans have changed.")?);
                return self.command(&client, id, BookingCommand::Cancel { reason }).await;
            }
            _ => {}
        }
        self.finish(id, &client, &provider, story).await
    }

    /// From the beginning of the work to its end, as far as the story goes.
    async fn finish(
        &mut self,
        id: BookingId,
        client: &Actor,
        provider: &Actor,
        story: Story,
    ) -> anyhow::Result<()> {
        self.later(10);
        self.command(provider, id, BookingCommand::Start).await?;
        if story == Story::InProgress {
            return Ok(());
        }
        if matches!(story, Story::Disputed | Story::Resolved) {
            self.later(20);
            let reason = Reason::new("Half of the work is missing.")?;
            self.command(client, id, BookingCommand::Dispute { reason }).await?;
            if story == Story::Resolved {
                self.later(30);
                let reason = Reason::new("Both sides agreed on half.")?;
                self.services.bookings.resolve(&Actor::system(), id, 50, reason).await?;
            }
            return Ok(());
        }
        self.later(14);
        let note = Some(Reason::new("All done, and tidied up.")?);
        self.command(provider, id, BookingCommand::ReportDone { note }).await?;
        if story == Story::Done {
            return Ok(());
        }
        self.later(10);
        self.command(client, id, BookingCommand::ConfirmDone).await?;
        if story == Story::Reviewed {
            self.review(id, client, provider).await?;
        }
        Ok(())
    }

    async fn submit(&mut self, client: &Actor, offered: Offered) -> anyhow::Result<Option<Seen>> {
        let starts_at = if offered.by_slot {
            let Some(start) = self.slot(offered.id, 2).await? else { return Ok(None) };
            Some(start)
        } else {
            None
        };
        let message = Text::new(self.pick::<&str>(&REQUESTS))?;
        let budget = if offered.by_slot { None } else { offered.price };
        let command = SubmitBooking { listing: offered.id, message, starts_at, budget };
        match self.services.bookings.submit(client, command, None).await? {
            Once::Done(seen) => Ok(Some(seen)),
            Once::Replayed(_) => bail!("a booking without an idempotency key is never replayed"),
        }
    }

    async fn review(
        &mut self,
        booking: BookingId,
        client: &Actor,
        provider: &Actor,
    ) -> anyhow::Result<()> {
        self.later(15);
        let (stars, text) = *self.pick(&REVIEWS);
        let command = WriteReview {
            booking,
            stars: i64::from(stars),
            text: text.to_owned(),
            criteria: Vec::new(),
            draft: false,
        };
        let written = self.services.reviews.write(client, command, None).await?;
        let Once::Done(written) = written else {
            bail!("a review without an idempotency key is never replayed")
        };
        self.later(1);
        let review = self.services.reviews.confirm(client, written.review.id()).await?;
        if self.random.random_bool(0.4) && matches!(review.status(), Status::Published { .. }) {
            self.later(9);
            let reply = *self.pick::<&str>(&REPLIES);
            self.services.reviews.reply(provider, review.id(), reply).await?;
        }
        Ok(())
    }

    async fn command(
        &self,
        actor: &Actor,
        id: BookingId,
        command: BookingCommand,
    ) -> anyhow::Result<()> {
        self.services.bookings.command(actor, id, command).await?;
        Ok(())
    }

    /// Some hours pass, but never beyond today.
    fn later(&mut self, hours: i64) {
        let noise = TimeDelta::minutes(self.random.random_range(1..50));
        let next: DateTime<Utc> = self.clock.now() + TimeDelta::hours(hours) + noise;
        self.clock.set(next.min(self.today));
    }
}

/// An offer, a little above the listed price.
fn raised(price: Money) -> Money {
    Money::new(price.minor() / 10 * 11, price.currency())
}
