//! What the server says to the database when it is asked, from the database's log.

use std::{collections::HashMap, net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    cluster::Cluster,
    load::{self, Asked},
};

/// A statement as a session sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    session: u32,
    /// Which of the server's pools the session belongs to: the `application_name` it has set.
    pub(crate) application: String,
    pub(crate) sql: String,
    /// As text; `None` for NULL.
    pub(crate) parameters: Vec<Option<String>>,
    /// Whether it was parsed and planned for this one time.
    pub(crate) anew: bool,
}

#[cfg(test)]
impl Said {
    pub(crate) fn for_tests(sql: &str, parameters: Vec<Option<String>>) -> Self {
        let application = "mercato".to_owned();
        Self { session: 1, application, sql: sql.to_owned(), parameters, anew: false }
    }
}

/// What some requests of one kind said: the same statements, each with parameters of its own.
#[derive(Debug)]
pub(crate) struct Captured {
    /// The numbers of the requests.
    pub(crate) requests: Vec<u64>,
    /// For every request the same statements.
    pub(crate) said: Vec<Vec<Said>>,
}

/// How long the end of an abandoned transaction may follow the answer.
const AFTERMATH: Duration = Duration::from_millis(4);

/// Requests before those that count: connections are made, statements prepared, caches filled.
const WARM_UP: u64 = 24;

/// Asks so many requests one after the other, numbered from `first`, and notes what the server said for each. What it
/// said besides, for its own purposes, is told apart by not being said every time. The number after the last comes back
/// too.
pub(crate) async fn capture(
    cluster: &Cluster,
    address: SocketAddr,
    asked: &Asked,
    samples: u64,
    first: u64,
) -> Result<(Captured, u64)> {
    let (counts_from, end) = (first + WARM_UP, first + WARM_UP + samples);
    for number in first..counts_from {
        load::ask(address, asked, number).await?;
    }
    cluster.log_statements(true).await?;
    let mut requests = Vec::new();
    for number in counts_from..end {
        let place = cluster.log_end()?;
        load::ask(address, asked, number).await?;
        tokio::time::sleep(AFTERMATH).await;
        requests.push((number, units(read(&cluster.log_after(place)?))));
    }
    cluster.log_statements(false).await?;
    Ok((common(requests)?, end))
}

/// A statement by itself, or a transaction.
type Unit = Vec<Said>;

fn signature(unit: &[Said]) -> Vec<&str> {
    unit.iter().map(|said| said.sql.as_str()).collect()
}

/// Keeps what most requests said, and the requests that said exactly that.
fn common(mut requests: Vec<(u64, Vec<Unit>)>) -> Result<Captured> {
    let mut seen: HashMap<Vec<String>, usize> = HashMap::new();
    for (_, units) in &requests {
        let mut signatures: Vec<_> = units.iter().map(|unit| signature(unit)).collect();
        signatures.sort();
        signatures.dedup();
        for signature in signatures {
            *seen.entry(signature.into_iter().map(ToOwned::to_owned).collect()).or_default() += 1;
        }
    }
    let most = requests.len() / 2;
    let is_common = |unit: &Unit| {
        let signature: Vec<String> = unit.iter().map(|said| said.sql.clone()).collect();
        seen.get(&signature).is_some_and(|count| *count > most)
    };
    for (_, units) in &mut requests {
        units.retain(|unit| is_common(unit));
    }
    let mut shapes: HashMap<Vec<String>, usize> = HashMap::new();
    let shape = |units: &[Unit]| -> Vec<String> {
        units.iter().flatten().map(|said| said.sql.clone()).collect()
    };
    for (_, units) in &requests {
        *shapes.entry(shape(units)).or_default() += 1;
    }
    let usual = shapes.into_iter().max_by_key(|(_, count)| *count);
    let (usual, count) = usual.context("nothing was asked")?;
    if usual.is_empty() {
        bail!("the requests said nothing to the database");
    }
    ensure!(
        count * 10 >= requests.len() * 8,
        "only {count} of {} requests said the same",
        requests.len()
    );
    requests.retain(|(_, units)| shape(units) == usual);
    let (requests, said) =
        requests.into_iter().map(|(number, units)| (number, units.concat())).unzip();
    Ok(Captured { requests, said })
}

/// Groups what was said into transactions and statements by themselves, by their beginning.
fn units(said: Vec<Said>) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut open: HashMap<u32, usize> = HashMap::new();
    for said in said {
        let words = said.sql.trim().to_uppercase();
        let session = said.session;
        let ends = ["COMMIT", "ROLLBACK"].iter().any(|end| words.ends_with(end));
        let begins = words == "BEGIN";
        match open.get(&session).copied() {
            Some(at) => units[at].push(said),
            None => units.push(vec![said]),
        }
        if begins {
            open.insert(session, units.len() - 1);
        }
        if ends {
            open.remove(&session);
        }
    }
    units
}

/// Reads the log. A line of an entry that is not its first starts with a tab.
fn read(log: &str) -> Vec<Said> {
    let mut entries: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), entries.last_mut()) {
            (Some(more), Some(entry)) => {
                entry.push('\n');
                entry.push_str(more);
            }
            _ => entries.push(line.to_owned()),
        }
    }
    let mut said: Vec<Said> = Vec::new();
    for entry in &entries {
        let Some((session, application, level, text)) = parts(entry) else { continue };
        if !application.starts_with("mercato") {
            continue;
        }
        match level {
            "LOG" => {
                let Some(sql) = statement(text) else { continue };
                let application = application.to_owned();
                let anew = text.starts_with("execute <unnamed>");
                said.push(Said { session, application, sql, parameters: Vec::new(), anew });
            }
            "DETAIL" => {
                let lower = text.to_lowercase();
                let last = said.iter_mut().rev().find(|said| said.session == session);
                if let (Some(last), true) = (last, lower.starts_with("parameters: ")) {
                    last.parameters = parameters(&text["parameters: ".len()..]);
                }
            }
            _ => {}
        }
    }
    said
}

/// `<session|application> LEVEL:  text`
fn parts(entry: &str) -> Option<(u32, &str, &str, &str)> {
    let (who, rest) = entry.strip_prefix('<')?.split_once("> ")?;
    let (session, application) = who.split_once('|')?;
    let (level, text) = rest.split_once(":  ")?;
    Some((session.parse().ok()?, application, level, text))
}

/// The statement in `statement: …`, or in `execute NAME: …`.
fn statement(text: &str) -> Option<String> {
    let sql = match text.strip_prefix("execute ") {
        Some(named) => named.split_once(": ")?.1,
        None => text.strip_prefix("statement: ")?,
    };
    Some(sql.to_owned())
}

/// Reads `$1 = 'it''s', $2 = NULL`.
fn parameters(text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = text;
    while let Some((_, value)) = rest.split_once(" = ") {
        if let Some(quoted) = value.strip_prefix('\'') {
            let (content, after) = unquoted(quoted);
            values.push(Some(content));
            rest = after;
        } else {
            values.push(None);
            rest = value.split_once(',').map_or("", |(_, after)| after);
        }
    }
    values
}

/// A quoted text after its first quote, and what follows it. Two quotes stand for one.
fn unquoted(text: &str) -> (String, &str) {
    let (mut content, mut rest) = (String::new(), text);
    while let Some((piece, after)) = rest.split_once('\'') {
        content.push_str(piece);
        let Some(more) = after.strip_prefix('\'') else { return (content, after) };
        content.push('\'');
        rest = more;
    }
    content.push_str(rest);
    (content, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
<7|mercato> LOG:  statement: BEGIN
<7|mercato> LOG:  execute s3: SELECT $1,
\t\t$2
<9|psql> LOG:  statement: SELECT now()
<7|mercato> DETAIL:  parameters: $1 = 'it''s, $9 = ''so''', $2 = NULL
<8|mercato-search> LOG:  execute <unnamed>: SELECT 2
<7|mercato> LOG:  statement: SELECT 1; COMMIT
";

    #[test]
    fn statements_are_read_with_their_parameters() {
        let said = read(LOG);

        let sql: Vec<&str> = said.iter().map(|said| said.sql.as_str()).collect();
        assert_eq!(sql, ["BEGIN", "SELECT $1,\n\t$2", "SELECT 2", "SELECT 1; COMMIT"]);
        assert_eq!(said[1].parameters, [Some("it's, $9 = 'so'".to_owned()), None]);
    }

    #[test]
    fn a_transaction_stays_together() {
        let units = units(read(LOG));

        assert_eq!(units.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1]);
    }

    #[test]
    fn what_only_some_requests_say_is_the_servers_own() {
        let quiet = "<7|mercato> LOG:  statement: SELECT 1\n";
        let busy = "<7|mercato> LOG:  statement: SELECT 1\n<8|mercato> LOG:  statement: SELECT 2\n";
        let requests = [quiet, busy, quiet].map(|log| units(read(log)));

        let captured = common((0..).zip(requests).collect()).unwrap();

        assert_eq!(captured.requests, [0, 1, 2]);
        assert!(captured.said.iter().all(|said| said.len() == 1));
    }
}
