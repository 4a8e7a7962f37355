//! Puts the services together from their adapters. The only place that knows them all.

mod billing;
mod catalog;
mod discovery;
mod gateways;
mod media;
mod promotions;
mod review_pictures;
mod transfers;

use std::sync::Arc;

use ::billing::{BillingService, Gateway};
use ::catalog::media::StorageQuota;
use ::promotions::{CouponService, ProductService, PromotionService};
use adapter_manual::TransferDesk;
use adapter_postgres::PgStore;
use anyhow::Context;
use bookings::{BookingService, ScheduleService};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use identity::{AccountAdministration, IdentityService, Parts, SessionCheck};
use kernel::{Clock, Ids, Random, SystemIds, SystemRandom};
use notifications::{MailService, NotificationService, UnsubscribeKey};
use reviews::ReviewService;
use sha2::Sha256;

use crate::clock::Simulation;
use crate::config::{Secret, Settings};
use crate::credentials;
use crate::http::{self, Authenticator, CursorKey, State};
use crate::jobs;
use crate::mail;
use crate::profile::Profile;
use crate::sessions::CachedSessions;
use crate::traces;

pub use self::catalog::Catalog;
pub use self::discovery::{Discovery, ViewerKey};
pub(crate) use self::gateways::SANDBOX;
pub use media::Media;

/// What every service stands on.
#[derive(Debug, Clone)]
pub struct Foundation {
    /// The database.
    pub store: Arc<PgStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// Secrets.
    pub random: Arc<dyn Random>,
    /// What moves the time, where it is simulated.
    pub simulation: Option<Arc<Simulation>>,
    /// The payment gateways that are configured. Without one no money is taken.
    pub gateways: Vec<Arc<dyn Gateway>>,
}

impl Foundation {
    /// The parts of a running marketplace: the system's ids and randomness, and the time it is told.
    pub fn new(store: Arc<PgStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            ids: Arc::new(SystemIds),
            random: Arc::new(SystemRandom),
            simulation: None,
            gateways: Vec::new(),
        }
    }

    /// The same with the payment gateways of the settings.
    ///
    /// # Errors
    ///
    /// When the address of one is none, or would send secrets in the clear.
    pub fn with_gateways(self, settings: &Settings) -> anyhow::Result<Self> {
        let mut gateways = gateways::clients(settings)?;
        if let Some(transfers) = transfers::gateway(settings, &self) {
            gateways.push(Arc::new(transfers));
        }
        Ok(Self { gateways, ..self })
    }
}

/// The use cases of all domains.
#[derive(Debug, Clone)]
pub struct Services {
    /// The database itself, for health and jobs.
    pub store: Arc<PgStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What moves the time, where it is simulated.
    pub simulation: Option<Arc<Simulation>>,
    /// What kind of marketplace this is.
    pub profile: Arc<Profile>,
    /// Listings, providers, listing types and categories.
    pub catalog: Catalog,
    /// What finds listings and providers, and counts what happens around them.
    pub discovery: Discovery,
    /// Pictures and documents.
    pub media: Media,
    /// Requests, quotes and appointments.
    pub bookings: BookingService,
    /// Opening hours, free slots and calendars.
    pub schedules: ScheduleService,
    /// Payments, the ledger, subscriptions and payouts.
    pub billing: BillingService,
    /// Where admins confirm bank transfers.
    pub transfers: TransferDesk,
    /// Paid visibility of listings and providers.
    pub promotions: PromotionService,
    /// What of it can be bought.
    pub promotion_products: ProductService,
    /// What takes something off a price.
    pub coupons: CouponService,
    /// What people do with their accounts.
    pub identity: IdentityService,
    /// What admins do to accounts.
    pub accounts: AccountAdministration,
    /// Who a request comes from.
    pub sessions: SessionCheck,
    /// What the sides of a booking say about one another.
    pub reviews: ReviewService,
    /// What people are told.
    pub notifications: NotificationService,
    /// The mails that carry it.
    pub mails: MailService,
    /// How long they are kept.
    pub retention: Retention,
}

/// How long what people were told is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Mails, after they were sent or given up.
    pub mails: TimeDelta,
    /// Notifications, after they were read.
    pub notifications: TimeDelta,
}

impl Services {
    /// Wires everything.
    ///
    /// # Errors
    ///
    /// When a part cannot be made from the settings, such as a key that is none.
    pub fn new(settings: &Settings, foundation: &Foundation) -> anyhow::Result<Self> {
        let profile = Profile::load(&settings.profile)?;
        let foundation = &billing::prepared(settings, foundation, &profile);
        let Foundation { store, clock, ids, random, .. } = foundation;
        let passwords = credentials::passwords(settings)?;
        let tokens = credentials::tokens(settings)?;
        let identity = IdentityService::new(Parts {
            store: store.clone(),
            reader: store.clone(),
            throttle: store.clone(),
            passwords: passwords.clone(),
            tokens: tokens.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            random: random.clone(),
            policy: settings.identity_policy(),
        });
        let accounts = AccountAdministration::new(
            store.clone(),
            store.clone(),
            store.clone(),
            passwords,
            clock.clone(),
            ids.clone(),
        );
        let reviews = ReviewService::new(
            store.clone(),
            clock.clone(),
            ids.clone(),
            random.clone(),
            profile.reviews,
        );
        let notifications = NotificationService::new(
            store.clone(),
            store.clone(),
            clock.clone(),
            ids.clone(),
            UnsubscribeKey::new(derived_key(settings, "unsubscribe links")),
        );
        let mails = mail::service(settings, foundation, &profile, &identity, &reviews)?;
        let bookings = BookingService::new(
            store.clone(),
            store.clone(),
            clock.clone(),
            ids.clone(),
            profile.bookings.clone(),
        );
        let schedules =
            ScheduleService::new(store.clone(), store.clone(), clock.clone(), random.clone());
        let billing = billing::service(settings, foundation, &profile);
        let (promotions, promotion_products, coupons) = promotions::services(foundation, &profile);
        let media = Media::new(settings, foundation)?;
        Ok(Self {
            reviews,
            notifications,
            mails,
            retention: Retention {
                mails: TimeDelta::days(i64::from(settings.jobs.mail_retention_days)),
                notifications: TimeDelta::days(i64::from(
                    settings.jobs.notification_retention_days,
                )),
            },
            profile: Arc::new(profile),
            bookings,
            schedules,
            billing,
            transfers: transfers::desk(foundation),
            promotions,
            promotion_products,
            coupons,
            catalog: Catalog::new(foundation, &media),
            discovery: Discovery::new(settings, foundation),
            media,
            identity,
            accounts,
            sessions: SessionCheck::new(store.clone(), tokens, clock.clone()),
            store: Arc::clone(&foundation.store),
            clock: Arc::clone(&foundation.clock),
            simulation: foundation.simulation.clone(),
        })
    }
}

impl Services {
    /// Stores what the profile declares and the database does not have yet; before anything serves.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub async fn declare_profile(&self) -> anyhow::Result<()> {
        let unstored = "cannot store what the profile declares";
        self.catalog.declare(&self.profile).await.context(unstored)?;
        promotions::declare(&self.promotion_products, &self.profile).await.context(unstored)
    }
}

/// Who is behind a token.
pub fn authenticator(services: &Services) -> Arc<dyn Authenticator> {
    Arc::new(CachedSessions::new(services.sessions.clone()))
}

/// The HTTP server's state, from the settings.
pub fn http_state(settings: &Settings, services: Services) -> State {
    let authenticator = authenticator(&services);
    let cursors = CursorKey::new(derived_key(settings, "cursors"));
    let sandbox = gateways::sandbox(settings, &services);
    State::new(services, authenticator, cursors, http::Settings::of(settings)).with_sandbox(sandbox)
}

/// A key for one purpose from the application's key, so that what is signed for one is of no use
/// for another.
pub fn derived_key(settings: &Settings, purpose: &str) -> [u8; 32] {
    derived(&settings.server.application_key, purpose)
}

fn derived(key: &Secret, purpose: &str) -> [u8; 32] {
    let key = key.expose().as_bytes();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes any key");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Opens the pools that the settings describe.
pub fn open_store(settings: &Settings, database_url: &str) -> anyhow::Result<PgStore> {
    // What does not serve requests asks too, from a runtime of its own.
    let runtimes = settings.server.threads() + 1;
    let pools = settings.database.pools(database_url, runtimes);
    let store = PgStore::connect(&pools, jobs::subscribers)
        .context("cannot prepare the database's pools")?;
    let quota = StorageQuota::of_bytes(settings.media.account_quota_bytes);
    let store = store.with_job_policies(jobs::policy).with_media_quota(quota);
    Ok(store.with_cause(traces::current))
}
