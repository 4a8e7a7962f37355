//! What a listing or provider has because somebody paid for it: derived wherever one is read, by a
//! probe of the index `promotions_in_force` per flag. The names of effects and of the stage are
//! part of the text, so that the planner knows that the index will do.

use chrono::{DateTime, Utc};

use crate::statement::Statement;

/// Adds ` EXISTS (…)`: whether the target that the SQL names has an effect at a moment.
pub(crate) fn has<ST>(
    st: &mut Statement<ST>,
    effect: &'static str,
    target: &'static str,
    now: DateTime<Utc>,
) {
    st.sql("EXISTS (SELECT FROM promotions o WHERE o.stage = 'paid' AND o.effect = '").sql(effect);
    st.sql("' AND o.target_id = ").sql(target).sql(" AND o.starts_at <= ").bind(now);
    st.sql(" AND o.ends_at > ").bind(now).sql(")");
}

/// The same in a query of diesel, of the row of a table: an expression of the type `Bool`.
macro_rules! in_force {
    ($effect:literal, $target:literal, $now:expr) => {
        diesel::dsl::sql::<diesel::sql_types::Bool>(concat!(
            "EXISTS (SELECT FROM promotions o WHERE o.stage = 'paid' AND o.effect = '",
            $effect,
            "' AND o.target_id = ",
            $target,
            " AND o.starts_at <= ",
        ))
        .bind::<diesel::sql_types::Timestamptz, _>($now)
        .sql(" AND o.ends_at > ")
        .bind::<diesel::sql_types::Timestamptz, _>($now)
        .sql(")")
    };
}

pub(crate) use in_force;
