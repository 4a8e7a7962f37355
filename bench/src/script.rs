//! Makes a script for pgbench of what the server said.
//!
//! A parameter that is always the same stays a parameter. One that differs from request to request is taken from a list
//! of those that were seen, all of a transaction from the same request. What a request makes anew (ids, keys) is made
//! anew by the script, and a slot that was booked becomes the next free one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt::Write as _,
};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::{
    Client,
    types::{Kind, Type},
};
use uuid::Uuid;

use crate::capture::{Captured, Said};

/// What pgbench runs.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) text: String,
    /// Variables with the parameters that are always the same.
    pub(crate) variables: Vec<(String, String)>,
    /// Settings of the sessions.
    pub(crate) options: String,
    /// How many statements a request takes, transactions' ends included, and how many of them the server does not keep
    /// prepared.
    pub(crate) statements: (usize, usize),
}

/// What the author of the requests knows about them.
pub(crate) struct Known<'a> {
    /// Ids that existed before.
    pub(crate) ids: &'a HashSet<Uuid>,
    /// The slots that the requests book, if they do.
    pub(crate) slots: Option<Slots<'a>>,
    pub(crate) connections: u16,
}

/// Slots of one length that follow each other on every day, from the same time on.
#[derive(Clone, Copy)]
pub(crate) struct Slots<'a> {
    /// That of a request; of the request 0 it is the first on its day.
    pub(crate) of: &'a dyn Fn(u64) -> DateTime<Utc>,
    pub(crate) minutes: u32,
    pub(crate) a_day: u32,
    /// Whether all requests are for the same calendar.
    pub(crate) one_calendar: bool,
}

/// Slots of the script begin so long after those of the requests.
const LATER: TimeDelta = TimeDelta::days(800);

/// Slots between those of two rounds.
const SLOTS_OF_A_ROUND: u32 = 20_000;

/// The server's pool for searches, by the name it gives its sessions.
const SEARCH: &str = "mercato-search";

/// Writes the script; the database tells of what types the parameters are.
pub(crate) async fn write(
    client: &Client,
    captured: &Captured,
    known: &Known<'_>,
) -> Result<Script> {
    let first = captured.said.first().context("no request was captured")?;
    let mut writer = Writer { captured, known, fresh: HashMap::new(), variables: Vec::new() };
    writer.find_fresh_ids();
    let mixed = first.iter().any(|said| said.application != SEARCH);
    let mut body = String::new();
    for (at, said) in first.iter().enumerate() {
        // An answer of its own to a statement that only guards the commit would cost pgbench a round trip that the
        // server does not pay.
        let sql = said.sql.strip_prefix("SELECT 1; ").unwrap_or(&said.sql);
        let sql = if said.parameters.is_empty() {
            sql.to_owned()
        } else {
            let types =
                client.prepare(sql).await.with_context(|| format!("cannot prepare {sql}"))?;
            writer.statement(at, said, sql, types.params())
        };
        match (said.application == SEARCH, mixed) {
            // One session of pgbench stands for two of the server, which differ in how they plan.
            (true, true) => {
                body.push_str("\\startpipeline\nSET plan_cache_mode = force_custom_plan;\n");
                body.extend([&sql, ";\n\\endpipeline\n\\startpipeline\n"]);
                body.push_str("SET plan_cache_mode = auto;\n\\endpipeline\n");
            }
            _ => body.extend([&sql, ";\n"]),
        }
    }
    // The setting goes back together with the statement that follows.
    let body = joined_pipelines(&body);
    let samples = captured.requests.len();
    let slots = known.slots.map_or(String::new(), |slots| {
        let calendars = if slots.one_calendar { 1 } else { samples };
        format!(
            "\\set h :k / {calendars} + :round * {SLOTS_OF_A_ROUND}\n\
             \\set m :h / {} * 1440 + :h % {} * {}\n",
            slots.a_day, slots.a_day, slots.minutes
        )
    });
    let head = format!(
        "\\set n :n + 1\n\
         \\set u (:round * 1024 + :client_id) * 100000000 + :n\n\
         \\set k :n * {connections} + :client_id\n\
         \\set i :k % {samples} + 1\n\
         {slots}",
        connections = known.connections,
    );
    let searches = first.iter().any(|said| said.application == SEARCH);
    let options = if searches { search_options(mixed) } else { String::new() };
    let mut variables = writer.variables;
    variables.push(("n".to_owned(), "0".to_owned()));
    let anew = first.iter().filter(|said| said.anew).count();
    Ok(Script { text: head + &body, variables, options, statements: (first.len(), anew) })
}

/// How the server's sessions for searches are set, from the server itself.
fn search_options(mixed: bool) -> String {
    adapter_postgres::SEARCH_SESSION
        .iter()
        .filter(|(name, _)| !(mixed && *name == "plan_cache_mode"))
        .map(|(name, value)| format!("-c {name}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

fn joined_pipelines(body: &str) -> String {
    let alone = "\\startpipeline\nSET plan_cache_mode = auto;\n\\endpipeline\n";
    match body.split_once(alone) {
        Some((before, after)) if !after.is_empty() => format!(
            "{before}\\startpipeline\nSET plan_cache_mode = auto;\n{}\\endpipeline\n",
            joined_pipelines(after)
        ),
        _ => body.to_owned(),
    }
}

struct Writer<'a> {
    captured: &'a Captured,
    known: &'a Known<'a>,
    /// Ids that the first request made, each with its number.
    fresh: HashMap<Uuid, usize>,
    variables: Vec<(String, String)>,
}

impl<'a> Writer<'a> {
    /// What the requests gave for a parameter.
    fn column(&self, at: usize, parameter: usize) -> Vec<Option<&'a str>> {
        self.captured
            .said
            .iter()
            .map(|said| said.get(at)?.parameters.get(parameter)?.as_deref())
            .collect()
    }

    /// An id is fresh if every request has another, and none of them existed.
    fn find_fresh_ids(&mut self) {
        let Some(first) = self.captured.said.first() else { return };
        let mut classes: HashMap<Vec<Uuid>, usize> = HashMap::new();
        for (at, said) in first.iter().enumerate() {
            for parameter in 0..said.parameters.len() {
                let column: Vec<Vec<Uuid>> = self
                    .column(at, parameter)
                    .iter()
                    .map(|value| ids_in(value.unwrap_or_default()).map(|found| found.id).collect())
                    .collect();
                let places = column.iter().map(Vec::len).min().unwrap_or_default();
                for place in 0..places {
                    let ids: Vec<Uuid> = column.iter().map(|ids| ids[place]).collect();
                    let different: HashSet<&Uuid> = ids.iter().collect();
                    let made = different.len() == ids.len()
                        && ids.len() > 1
                        && ids.iter().all(|id| !self.known.ids.contains(id));
                    if made {
                        let next = classes.len();
                        let class = *classes.entry(ids.clone()).or_insert(next);
                        self.fresh.insert(ids[0], class);
                    }
                }
            }
        }
    }

    /// A statement with its parameters written for pgbench.
    fn statement(&mut self, at: usize, said: &Said, sql: &str, types: &[Type]) -> String {
        let mut written = Vec::new();
        for (parameter, of_type) in types.iter().enumerate().take(said.parameters.len()) {
            written.push(self.parameter(at, parameter, of_type));
        }
        with_parameters(sql, &written)
    }

    fn parameter(&mut self, at: usize, parameter: usize, of_type: &Type) -> String {
        let column = self.column(at, parameter);
        let name = type_name(of_type);
        let first = column.first().copied().flatten();
        let Some(first) = first else { return format!("NULL::{name}") };
        let ids: Vec<Found> =
            ids_in(first).filter(|found| self.fresh.contains_key(&found.id)).collect();
        if !ids.is_empty() {
            return format!("({})::{name}", self.made_anew(first, &ids));
        }
        if let Some(slot) = self.slot(&column, of_type) {
            let start = literal(&slot.to_rfc3339());
            return format!("({start}::timestamptz + :m::integer * interval '1 minute')");
        }
        let constant = column.iter().all(|value| *value == Some(first));
        if !constant {
            // Times other than slots are the moment of the request, and bytes are digests: any will do.
            if ![Type::TIMESTAMPTZ, Type::BYTEA].contains(of_type) {
                return match of_type.kind() {
                    Kind::Array(_) => one_of_arrays(&column, &name),
                    _ => one_of(&column, &name),
                };
            }
        }
        let variable = format!("s{at}p{parameter}");
        let written = format!(":{variable}::{name}");
        let value = first.to_owned();
        self.variables.push((variable, value));
        written
    }

    /// The time that stands in the first request, moved to where the script's slots begin, if it follows the slot.
    fn slot(&self, column: &[Option<&str>], of_type: &Type) -> Option<DateTime<Utc>> {
        let slots = self.known.slots.filter(|_| *of_type == Type::TIMESTAMPTZ)?;
        let distances = self.captured.requests.iter().zip(column).map(|(number, value)| {
            let time = DateTime::parse_from_str((*value)?, "%F %T%.f%#z").ok()?;
            Some(time.to_utc() - (slots.of)(*number))
        });
        let distances: Vec<TimeDelta> = distances.collect::<Option<_>>()?;
        let first = *distances.first()?;
        let follows = distances.iter().all(|distance| *distance == first);
        follows.then(|| (slots.of)(0) + LATER + first)
    }

    /// A text in which fresh ids are made by an expression of SQL.
    fn made_anew(&self, text: &str, ids: &[Found]) -> String {
        let mut pieces = Vec::new();
        let mut written = 0;
        for found in ids {
            if found.start > written {
                pieces.push(literal(&text[written..found.start]));
            }
            let class = self.fresh.get(&found.id).copied().unwrap_or_default();
            let id = format!("lpad(to_hex(:u::bigint), 16, '0') || '{class:016x}'");
            let within_text = found.hyphens && found.end - found.start < text.len();
            pieces.push(if within_text { format!("({id})::uuid::text") } else { id });
            written = found.end;
        }
        if written < text.len() {
            pieces.push(literal(&text[written..]));
        }
        pieces.join(" || ")
    }
}

/// An id in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    id: Uuid,
    start: usize,
    end: usize,
    hyphens: bool,
}

/// The ids in a text: 32 hexadecimal digits by themselves, or the same with hyphens.
fn ids_in(text: &str) -> impl Iterator<Item = Found> {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
    let mut found = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let length = text.as_bytes()[start..].iter().take_while(|byte| is_part(**byte)).count();
        // An id of ours has a prefix that may end in hexadecimal digits, but `_` parts them.
        if [32, 36].contains(&length)
            && let Ok(id) = Uuid::parse_str(&text[start..start + length])
        {
            found.push(Found { id, start, end: start + length, hyphens: length == 36 });
        }
        start += length.max(1);
    }
    found.into_iter()
}

/// The statement with each `$n` replaced.
fn with_parameters(sql: &str, written: &[String]) -> String {
    let mut text = String::new();
    let mut rest = sql;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        let number: Option<usize> = after[..digits].parse().ok();
        if let Some(parameter) = number.and_then(|number| written.get(number.checked_sub(1)?)) {
            text.push_str(parameter);
        } else {
            text.push('$');
            text.push_str(&after[..digits]);
        }
        rest = &after[digits..];
    }
    text.push_str(rest);
    text
}

fn type_name(of_type: &Type) -> String {
    match of_type.kind() {
        Kind::Array(of) => format!("{}[]", of.name()),
        _ => of_type.name().to_owned(),
    }
}

/// A literal of SQL without colons, which pgbench would take for variables.
fn literal(text: &str) -> String {
    let mut quoted = String::from("E'");
    for letter in text.chars() {
        match letter {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            ':' => quoted.push_str("\\x3A"),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

/// The value of the request `:i`. For a plan that is made for its values this is a constant.
fn one_of(column: &[Option<&str>], name: &str) -> String {
    let values: Vec<String> = column.iter().map(|value| element(*value)).collect();
    format!("({}::{name}[])[:i::integer]", literal(&format!("{{{}}}", values.join(","))))
}

/// The same for arrays, of which no array can be made.
fn one_of_arrays(column: &[Option<&str>], name: &str) -> String {
    let mut requests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (at, value) in column.iter().enumerate() {
        requests.entry(value.unwrap_or("{}")).or_default().push((at + 1).to_string());
    }
    let mut text = String::from("(CASE");
    for (value, requests) in requests {
        let requests = requests.join(", ");
        write!(text, " WHEN :i::integer IN ({requests}) THEN {}::{name}", literal(value))
            .expect("a text takes any text");
    }
    text + " END)"
}

/// An element of an array, as arrays are written.
fn element(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "2d725644-28d1-4e25-56f4-12d215f60635";

    #[test]
    fn ids_are_found_with_hyphens_and_without() {
        let text = format!("acc_{} x {OLD}, {}", "0".repeat(31) + "7", "0".repeat(64));

        let found: Vec<(bool, u128)> =
            ids_in(&text).map(|found| (found.hyphens, found.id.as_u128())).collect();

        assert_eq!(found, [(false, 7), (true, OLD.parse::<Uuid>().unwrap().as_u128())]);
    }

    #[test]
    fn a_parameter_is_replaced_wherever_it_stands() {
        let written = ["A".to_owned(), "B".to_owned()];

        assert_eq!(with_parameters("$2 = $1 OR '$' = $12", &written), "B = A OR '$' = $12");
    }

    #[test]
    fn an_array_is_that_of_its_request() {
        let written = one_of_arrays(&[Some("{1}"), Some("{2,3}"), Some("{1}")], "int4[]");

        assert_eq!(
            written,
            "(CASE WHEN :i::integer IN (1, 3) THEN E'{1}'::int4[] \
             WHEN :i::integer IN (2) THEN E'{2,3}'::int4[] END)"
        );
    }

    #[test]
    fn a_literal_holds_nothing_that_pgbench_would_read() {
        assert_eq!(literal("it's 10:30\\"), "E'it''s 10\\x3A30\\\\'");
    }

    #[test]
    fn what_a_request_makes_is_made_anew() {
        let made = |n: u128| Some(Uuid::from_u128(n).to_string());
        let request = |n: u128| {
            vec![Said::for_tests("INSERT … VALUES ($1, $2)", vec![Some(OLD.into()), made(n)])]
        };
        let captured = Captured { requests: vec![0, 1], said: vec![request(8), request(9)] };
        let ids = HashSet::from([OLD.parse().unwrap()]);
        let known = Known { ids: &ids, slots: None, connections: 4 };
        let mut writer =
            Writer { captured: &captured, known: &known, fresh: HashMap::new(), variables: vec![] };
        writer.find_fresh_ids();

        let written =
            writer.statement(0, &captured.said[0][0], "VALUES ($1, $2)", &[Type::UUID, Type::UUID]);

        assert_eq!(
            written,
            "VALUES (:s0p0::uuid, (lpad(to_hex(:u::bigint), 16, '0') || '0000000000000000')::uuid)"
        );
    }
}
