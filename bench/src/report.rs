//! The result, as a table of Markdown that is readable by itself.

use std::fmt::Write;

use crate::works::Expected;

/// What a work has come to: medians over the rounds.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Statements that a request takes, and how many of them are parsed and planned anew.
    pub(crate) statements: Option<(usize, usize)>,
    /// Requests per second.
    pub(crate) http: f64,
    /// The same statements by pgbench, transactions per second.
    pub(crate) pgbench: Option<f64>,
    /// Latencies in milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Processor time per request in milliseconds: of the server, of PostgreSQL, of the client, and of PostgreSQL when
    /// pgbench asks.
    pub(crate) server_cpu: f64,
    pub(crate) postgres_cpu: f64,
    pub(crate) client_cpu: f64,
    pub(crate) pgbench_cpu: Option<f64>,
    pub(crate) expected: Expected,
}

/// A figure of the server itself.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) below: Option<f64>,
}

impl Row {
    fn share(&self) -> Option<f64> {
        Some(self.http / self.pgbench?)
    }

    /// PostgreSQL's time per request, relative to pgbench's.
    fn postgres(&self) -> Option<f64> {
        Some(self.postgres_cpu / self.pgbench_cpu?)
    }

    /// Each expectation with whether it is met.
    fn verdicts(&self) -> Vec<(String, bool)> {
        let Expected { share, postgres, p99 } = self.expected;
        let mut verdicts = Vec::new();
        if let (Some(least), Some(share)) = (share, self.share()) {
            verdicts.push((format!("ratio ≥ {:.0} %", least * 100.0), share >= least));
        }
        if let (Some(most), Some(found)) = (postgres, self.postgres()) {
            verdicts.push((format!("PostgreSQL ≤ {most:.1} ×"), found <= most));
        }
        if let Some(most) = p99 {
            verdicts.push((format!("p99 < {most:.0} ms"), self.p99 < most));
        }
        verdicts
    }
}

/// The rows as a table.
pub(crate) fn rows(rows: &[Row]) -> String {
    let mut text = String::from(
        "| work | statements | HTTP /s | pgbench /s | ratio | p50 ms | p99 ms | server CPU ms \
         | PostgreSQL CPU ms | with pgbench | relative | client CPU ms | expected |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n",
    );
    for row in rows {
        let optional = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {} | {} | {:.1} | {:.1} | {:.3} | {:.3} | {} | {} | {:.3} | {} |",
            row.name,
            optional(row.statements.map(|(count, anew)| match anew {
                0 => count.to_string(),
                _ => format!("{count}, {anew} anew"),
            })),
            row.http,
            optional(row.pgbench.map(|rate| format!("{rate:.0}"))),
            optional(row.share().map(|share| format!("{:.0} %", share * 100.0))),
            row.p50,
            row.p99,
            row.server_cpu,
            row.postgres_cpu,
            optional(row.pgbench_cpu.map(|cpu| format!("{cpu:.3}"))),
            optional(row.postgres().map(|times| format!("{times:.2} ×"))),
            row.client_cpu,
            said(&row.verdicts()),
        );
    }
    text
}

/// The figures as a table.
pub(crate) fn figures(figures: &[Figure]) -> String {
    let mut text = String::from("| figure | measured | expected |\n|---|--:|---|\n");
    for Figure { name, value, unit, below } in figures {
        let verdict = below.map(|below| (format!("< {below:.0} {unit}"), *value < below));
        let _ = writeln!(
            text,
            "| {name} | {value:.1} {unit} | {} |",
            said(&verdict.into_iter().collect::<Vec<_>>())
        );
    }
    text
}

fn said(verdicts: &[(String, bool)]) -> String {
    if verdicts.is_empty() {
        return "–".to_owned();
    }
    let one = |(text, met): &(String, bool)| {
        format!("{text}: {}", if *met { "met" } else { "**missed**" })
    };
    verdicts.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_is_missed() {
        let row = Row {
            name: "listing detail",
            statements: Some((2, 0)),
            http: 500.0,
            pgbench: Some(1000.0),
            p50: 1.0,
            p99: 2.0,
            server_cpu: 0.1,
            postgres_cpu: 0.2,
            client_cpu: 0.05,
            pgbench_cpu: Some(0.1),
            expected: Expected { share: Some(0.45), postgres: Some(1.1), p99: None },
        };

        let text = rows(&[row]);

        assert!(text.ends_with(
            "| listing detail | 2 | 500 | 1000 | 50 % | 1.0 | 2.0 | 0.100 | 0.200 | 0.100 \
             | 2.00 × | 0.050 | ratio ≥ 45 %: met, PostgreSQL ≤ 1.1 ×: **missed** |\n"
        ));
    }
}
