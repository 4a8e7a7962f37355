//! Time passes.

use serde_json::json;

use super::{Act, Stage};
use crate::commands::torture::dice::Dice;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

impl Act<'_> {
    pub(super) async fn advance(&mut self) -> Option<()> {
        let seconds = match self.dice.below(10) {
            0..5 => self.dice.between(MINUTE, HOUR),
            5..8 => self.dice.between(HOUR, DAY),
            8 => self.dice.between(DAY, 3 * DAY),
            _ => self.dice.between(3 * DAY, 9 * DAY),
        };
        self.stage.advance(seconds, &mut self.dice).await
    }
}

impl Stage {
    /// Moves time, for everybody. An answer that is lost may move it twice, which is as good.
    pub(in super::super) async fn advance(&self, seconds: u64, dice: &mut Dice) -> Option<()> {
        let body = json!({ "seconds": seconds });
        self.market.admin.post("advance", dice, "admin/clock/advance", body).await.map(|_| ())
    }
}
