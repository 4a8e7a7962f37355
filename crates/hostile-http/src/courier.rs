use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use kernel::Clock;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How often the courier looks at the clock.
const TICK: Duration = Duration::from_millis(20);

/// How long a receiver may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A message that waits to be delivered.
#[derive(Debug, Clone)]
pub struct Message {
    /// What makes it one message at the sender.
    pub id: String,
    /// Its kind, for whoever reads the log.
    pub kind: String,
    /// Where to.
    pub url: String,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// How a sender signs, what it takes for an answer, and when it tries again.
pub trait Postbox: Send + Sync + 'static {
    /// The headers that sign a body, made anew for every try.
    fn sign(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)>;

    /// The same with a key that the receiver does not know.
    fn forge(&self, body: &[u8], now: DateTime<Utc>) -> Vec<(String, String)>;

    /// Whether the receiver has taken the message.
    fn taken(&self, status: u16, body: &[u8]) -> bool;

    /// How long to wait after so many tries in vain; `None` gives up.
    fn pause(&self, tries: u32) -> Option<TimeDelta>;
}

/// What happens to messages on their way. The default is fair weather.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weather {
    /// So many of each, all at once; 0 counts as 1.
    pub copies: u8,
    /// Every n-th message is lost: 1 loses all, 0 none.
    pub lose_every: u32,
    /// Before every n-th message comes one whose signature does not hold; 0 for none.
    pub forge_every: u32,
    /// Each waits for so long.
    pub delay: TimeDelta,
    /// Each waits for up to so much longer, so that they overtake each other.
    pub jitter: TimeDelta,
    /// None leaves before [`Courier::release`].
    pub hold: bool,
}

impl Default for Weather {
    fn default() -> Self {
        let (delay, jitter) = (TimeDelta::zero(), TimeDelta::zero());
        Self { copies: 1, lose_every: 0, forge_every: 0, delay, jitter, hold: false }
    }
}

/// One try to deliver a message.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The message.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Which try, from 1.
    pub attempt: u32,
    /// Whether its signature was wrong on purpose.
    pub forged: bool,
    /// The status of the answer; none if there was no answer.
    pub status: Option<u16>,
}

/// Delivers messages in the order in which they become due, as the clock says.
pub struct Courier {
    shared: Arc<Shared>,
    runner: JoinHandle<()>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    postbox: Arc<dyn Postbox>,
    client: reqwest::Client,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    weather: Weather,
    waiting: Vec<Waiting>,
    held: Vec<Message>,
    sent: u32,
    under_way: usize,
    log: Vec<Delivered>,
}

struct Waiting {
    message: Message,
    due_at: DateTime<Utc>,
    tries: u32,
    copies: u8,
    forged: bool,
}

impl Courier {
    /// Starts delivering.
    pub fn start(clock: Arc<dyn Clock>, postbox: Arc<dyn Postbox>) -> Self {
        let client = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build();
        let client = client.expect("a client without TLS can be built");
        let (state, changed) = (Mutex::default(), Notify::new());
        let shared = Arc::new(Shared { clock, postbox, client, state, changed });
        let runner = tokio::spawn(run(Arc::clone(&shared)));
        Self { shared, runner }
    }

    /// Changes the weather for messages from now on.
    pub fn weather(&self, weather: Weather) {
        self.shared.state().weather = weather;
    }

    /// The weather.
    pub fn present_weather(&self) -> Weather {
        self.shared.state().weather.clone()
    }

    /// Takes a message for delivery.
    pub fn send(&self, message: Message) {
        let now = self.shared.clock.now();
        self.shared.state().take(message, now);
        self.shared.changed.notify_waiters();
    }

    /// Asks a question and waits for its answer, whatever the weather.
    pub async fn ask(&self, message: &Message) -> Option<(u16, Bytes)> {
        let answer = self.shared.post(message, false).await?;
        Some((answer.0, answer.1))
    }

    /// What is held back, by id, in the order in which it was sent.
    pub fn held(&self) -> Vec<String> {
        self.shared.state().held.iter().map(|message| message.id.clone()).collect()
    }

    /// Lets go of what is held back, in this order; an index may come several times or not at all.
    pub fn release(&self, order: &[usize]) {
        let now = self.shared.clock.now();
        let mut state = self.shared.state();
        let held = std::mem::take(&mut state.held);
        for message in order.iter().filter_map(|index| held.get(*index)) {
            state.waiting.push(Waiting::once(message.clone(), now));
        }
        drop(state);
        self.shared.changed.notify_waiters();
    }

    /// Tries at once what waits for its next try.
    pub fn retry_now(&self) {
        let now = self.shared.clock.now();
        self.shared.state().waiting.iter_mut().for_each(|waiting| waiting.due_at = now);
        self.shared.changed.notify_waiters();
    }

    /// Every try so far.
    pub fn log(&self) -> Vec<Delivered> {
        self.shared.state().log.clone()
    }

    /// Waits until nothing is due any more and nothing under way. What is held back, or due later,
    /// does not count.
    pub async fn settled(&self) {
        loop {
            let now = self.shared.clock.now();
            let busy = {
                let state = self.shared.state();
                state.under_way > 0 || state.waiting.iter().any(|waiting| waiting.due_at <= now)
            };
            if !busy {
                return;
            }
            tokio::time::sleep(TICK / 4).await;
        }
    }
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("weather", &self.present_weather()).finish_non_exhaustive()
    }
}

impl Drop for Courier {
    fn drop(&mut self) {
        self.runner.abort();
    }
}

impl Waiting {
    fn once(message: Message, due_at: DateTime<Utc>) -> Self {
        Self { message, due_at, tries: 0, copies: 1, forged: false }
    }
}

impl State {
    fn take(&mut self, message: Message, now: DateTime<Utc>) {
        self.sent += 1;
        let every = |nth: u32| nth > 0 && self.sent.is_multiple_of(nth);
        let (lost, forged) = (every(self.weather.lose_every), every(self.weather.forge_every));
        // A spread that is the same in every run: multiples of the golden ratio.
        let share = i32::try_from(self.sent.wrapping_mul(2_654_435_769) >> 24).unwrap_or_default();
        let due_at = now + self.weather.delay + self.weather.jitter * share / 256;
        if forged {
            let forgery = Waiting::once(message.clone(), due_at);
            self.waiting.push(Waiting { forged: true, ..forgery });
        }
        if lost {
            return;
        }
        if self.weather.hold {
            self.held.push(message);
            return;
        }
        let copies = self.weather.copies.max(1);
        self.waiting.push(Waiting { copies, ..Waiting::once(message, due_at) });
    }

    fn next_due(&mut self, now: DateTime<Utc>) -> Option<Waiting> {
        let due = |(_, waiting): &(usize, &Waiting)| waiting.due_at <= now;
        let all = self.waiting.iter().enumerate();
        let (index, _) = all.filter(due).min_by_key(|(index, waiting)| (waiting.due_at, *index))?;
        self.under_way += 1;
        Some(self.waiting.remove(index))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state in hand")
    }

    async fn post(&self, message: &Message, forged: bool) -> Option<(u16, Bytes)> {
        let (body, now) = (&message.body, self.clock.now());
        let headers =
            if forged { self.postbox.forge(body, now) } else { self.postbox.sign(body, now) };
        let mut request = self.client.post(&message.url);
        request = request.header("content-type", message.content_type).body(body.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.bytes().await.ok()?))
    }

    async fn deliver(&self, mut waiting: Waiting) {
        waiting.tries += 1;
        let copies = (0..waiting.copies).map(|_| self.post(&waiting.message, waiting.forged));
        let answers = join_all(copies).await;
        let mut state = self.state();
        let mut taken = waiting.forged;
        for answer in answers {
            taken |=
                answer.as_ref().is_some_and(|(status, body)| self.postbox.taken(*status, body));
            state.log.push(Delivered {
                id: waiting.message.id.clone(),
                kind: waiting.message.kind.clone(),
                attempt: waiting.tries,
                forged: waiting.forged,
                status: answer.map(|(status, _)| status),
            });
        }
        if let (false, Some(pause)) = (taken, self.postbox.pause(waiting.tries)) {
            let due_at = self.clock.now() + pause;
            state.waiting.push(Waiting { due_at, copies: 1, ..waiting });
        }
        state.under_way -= 1;
    }
}

async fn run(shared: Arc<Shared>) {
    loop {
        let now = shared.clock.now();
        let due = shared.state().next_due(now);
        if let Some(waiting) = due {
            shared.deliver(waiting).await;
        } else {
            let _ = tokio::time::timeout(TICK, shared.changed.notified()).await;
        }
    }
}
