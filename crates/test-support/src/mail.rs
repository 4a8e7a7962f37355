//! An SMTP server, as much of RFC 5321 as clients speak to one that offers no extensions.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use mail_parser::MessageParser;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
    time::timeout,
};

/// How long a test waits for a mail that it expects.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail as it was delivered.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender of the envelope, where bounces would go.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// The whole message: headers, an empty line, the body.
    pub raw: Vec<u8>,
}

impl Mail {
    /// The subject, decoded.
    pub fn subject(&self) -> String {
        self.parsed(|message| message.subject().map(str::to_owned))
    }

    /// The plain text, decoded.
    pub fn text(&self) -> String {
        self.parsed(|message| message.body_text(0).map(std::borrow::Cow::into_owned))
    }

    /// The HTML, decoded.
    pub fn html(&self) -> String {
        self.parsed(|message| message.body_html(0).map(std::borrow::Cow::into_owned))
    }

    /// A header as it was sent; empty when there is none of that name.
    pub fn header(&self, name: &str) -> String {
        self.parsed(|message| message.header_raw(name).map(|value| value.trim().to_owned()))
    }

    /// The first word of the plain text that begins with `start`: the link in a mail that confirms an address, say.
    pub fn word_that_starts_with(&self, start: &str) -> String {
        let text = self.text();
        let word = text.split_whitespace().find(|word| word.starts_with(start));
        word.unwrap_or_else(|| panic!("nothing starts with {start} in: {text}")).to_owned()
    }

    fn parsed(&self, part: impl FnOnce(&mail_parser::Message<'_>) -> Option<String>) -> String {
        MessageParser::default()
            .parse(&self.raw)
            .and_then(|message| part(&message))
            .unwrap_or_default()
    }
}

/// A mail server on a free port of this machine. It takes every mail, unless told to refuse some.
#[derive(Debug)]
pub struct MailSink {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    /// Answers to the next messages, instead of taking them.
    refusals: Vec<String>,
    refused: usize,
    unknown: Vec<String>,
}

impl MailSink {
    /// Starts listening.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port exists");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let listening = accept(listener, Arc::clone(&shared));
        Self { address, shared, listener: tokio::spawn(listening) }
    }

    /// Where it listens, without TLS.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses the next messages after their content was sent: `refuse_next(3, "451 4.3.0 try again later")`.
    pub fn refuse_next(&self, messages: usize, answer: &str) {
        let mut state = self.shared.state();
        state.refusals.extend(std::iter::repeat_n(answer.to_owned(), messages));
    }

    /// Says from now on that there is no such mailbox.
    pub fn refuse_recipient(&self, address: &str) {
        self.shared.state().unknown.push(address.to_lowercase());
    }

    /// How many messages and recipients were refused so far.
    pub fn refused(&self) -> usize {
        self.shared.state().refused
    }

    /// Everything delivered so far, in the order of arrival.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.state().mails.clone()
    }

    /// Forgets everything delivered so far.
    pub fn clear(&self) {
        self.shared.state().mails.clear();
    }

    /// Waits for the first mail to an address.
    pub async fn mail_to(&self, address: &str) -> Mail {
        self.mail_that(|mail| mail.to.iter().any(|to| to.eq_ignore_ascii_case(address))).await
    }

    /// Waits for the first mail that fits.
    pub async fn mail_that(&self, fits: impl Fn(&Mail) -> bool) -> Mail {
        let arrival = async {
            loop {
                let arrived = self.shared.arrived.notified();
                if let Some(mail) = self.mails().into_iter().find(&fits) {
                    return mail;
                }
                arrived.await;
            }
        };
        timeout(PATIENCE, arrival).await.unwrap_or_else(|_| {
            let subjects: Vec<_> =
                self.mails().iter().map(|mail| (mail.to.clone(), mail.subject())).collect();
            panic!("no such mail arrived, only {subjects:?}")
        })
    }
}

impl Drop for MailSink {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics with the state in hand")
    }

    fn accepts_recipient(&self, address: &str) -> bool {
        let mut state = self.state();
        let accepts = !state.unknown.contains(&address.to_lowercase());
        state.refused += usize::from(!accepts);
        accepts
    }

    /// Takes the mail, or says how it is refused.
    fn deliver(&self, mail: Mail) -> String {
        let mut state = self.state();
        if !state.refusals.is_empty() {
            state.refused += 1;
            return state.refusals.remove(0);
        }
        state.mails.push(mail);
        self.arrived.notify_waiters();
        "250 2.0.0 taken".to_owned()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((socket, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move { converse(socket, &shared).await });
    }
}

/// One conversation, which may deliver several mails.
async fn converse(socket: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    let (mut from, mut to) = (None, Vec::new());
    say(&mut socket, "220 sink ESMTP").await?;
    while let Some(line) = line(&mut socket).await? {
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let (verb, argument) = line.split_once([' ', ':']).unwrap_or((line.as_str(), ""));
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8".to_owned(),
            "HELO" | "NOOP" => "250 2.0.0 ok".to_owned(),
            "RSET" => {
                (from, to) = (None, Vec::new());
                "250 2.0.0 forgotten".to_owned()
            }
            "MAIL" => {
                from = Some(path(argument));
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" if from.is_none() => "503 5.5.1 MAIL first".to_owned(),
            "RCPT" if shared.accepts_recipient(&path(argument)) => {
                to.push(path(argument));
                "250 2.1.5 ok".to_owned()
            }
            "RCPT" => "550 5.1.1 no such mailbox".to_owned(),
            "DATA" if to.is_empty() => "503 5.5.1 RCPT first".to_owned(),
            "DATA" => {
                say(&mut socket, "354 go on, and end with a single dot").await?;
                let raw = content(&mut socket).await?;
                let from = from.take().unwrap_or_default();
                shared.deliver(Mail { from, to: std::mem::take(&mut to), raw })
            }
            "QUIT" => return say(&mut socket, "221 2.0.0 bye").await,
            _ => "502 5.5.2 unknown command".to_owned(),
        };
        say(&mut socket, &answer).await?;
    }
    Ok(())
}

async fn say(socket: &mut BufReader<TcpStream>, answer: &str) -> io::Result<()> {
    socket.write_all(format!("{answer}\r\n").as_bytes()).await
}

/// The next line with its end; none when the client has gone.
async fn line(socket: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    Ok((socket.read_until(b'\n', &mut line).await? > 0).then_some(line))
}

/// The lines up to a single dot. A line that begins with a dot was sent with one more.
async fn content(socket: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    while let Some(line) = line(socket).await? {
        if line == b".\r\n" {
            return Ok(raw);
        }
        raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
    Err(io::ErrorKind::UnexpectedEof.into())
}

/// `a@b.c` of `FROM:<a@b.c> SIZE=1`.
fn path(argument: &str) -> String {
    let start = argument.find('<').map_or(0, |at| at + 1);
    let end = argument[start..].find('>').map_or(argument.len(), |at| start + at);
    argument[start..end].to_owned()
}
