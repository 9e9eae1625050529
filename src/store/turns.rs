//! Turns that are over, and what their times say.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::Db;
use super::sessions::gone;
use crate::error::Result;
use crate::model::{Origin, Outcome, SessionId, StageStats, Stages, Stats, TurnId, Usage};
use crate::sqlite::columns::{Count, Id, Json, Micros, Word};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FinishedTurn {
    pub(crate) session: SessionId,
    pub(crate) turn: TurnId,
    pub(crate) origin: Origin,
    pub(crate) outcome: Outcome,
    pub(crate) stages: Stages,
    pub(crate) cost_usd: f64,
    pub(crate) usage: Usage,
    pub(crate) started: Timestamp,
    pub(crate) ended: Timestamp,
}

impl Db {
    /// The id of the next turn: one more than the last that is over, and than any that the log speaks of. A turn
    /// whose end was never seen may have said something.
    pub(crate) fn next_turn(&self, session: SessionId) -> Result<TurnId> {
        let sql = "SELECT max(turns, coalesce((SELECT detail ->> '$.turn' FROM event WHERE session = s.id \
                   AND detail ->> '$.turn' IS NOT NULL ORDER BY seq DESC LIMIT 1), 0)) + 1 \
                   FROM session s WHERE id = ?1";
        self.conn
            .prepare_cached(sql)?
            .query_row([Id(session.0)], |row| row.get::<_, Count>(0))
            .optional()?
            .map(|turn| turn.0)
            .ok_or_else(|| gone(session))
    }

    /// How the last turn ended, by the log, which a restored session has too.
    pub(crate) fn last_outcome(&self, session: SessionId) -> Result<Option<Outcome>> {
        let sql = "SELECT detail ->> '$.outcome' FROM event WHERE session = ?1 AND kind = 'turn_ended' \
                   ORDER BY seq DESC LIMIT 1";
        let row = |row: &Row<'_>| row.get::<_, Word<_>>(0).map(|word| word.0);
        Ok(self.conn.prepare_cached(sql)?.query_row([Id(session.0)], row).optional()?)
    }

    pub(crate) fn finish_turn(&mut self, turn: &FinishedTurn) -> Result<()> {
        self.atomically(|db| {
            db.conn
                .prepare_cached(
                    "INSERT OR REPLACE INTO turn (session, turn, origin, outcome, cold, written_us, first_text_us, \
                     result_us, cost_usd, usage, started, ended) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                )?
                .execute(params![
                    Id(turn.session.0),
                    Count(turn.turn),
                    Word(turn.origin),
                    Word(turn.outcome),
                    turn.stages.cold,
                    turn.stages.written_us.map(Count),
                    turn.stages.first_text_us.map(Count),
                    turn.stages.result_us.map(Count),
                    turn.cost_usd,
                    Json(turn.usage),
                    Micros(turn.started),
                    Micros(turn.ended),
                ])?;
            db.conn
                .prepare_cached(
                    "UPDATE session SET last_active = max(last_active, ?2), turns = max(turns, ?3) WHERE id = ?1",
                )?
                .execute(params![Id(turn.session.0), Micros(turn.ended), Count(turn.turn)])?;
            Ok(())
        })
    }

    /// Percentiles of every stage that was measured, warm turns and cold ones apart.
    pub(crate) fn stats(&self, session: Option<SessionId>, since: Option<Timestamp>) -> Result<Stats> {
        let mut statement = self.conn.prepare_cached(
            "SELECT cold, written_us, first_text_us, result_us FROM turn \
             WHERE (?1 IS NULL OR session = ?1) AND (?2 IS NULL OR ended >= ?2)",
        )?;
        let micros = |row: &Row<'_>, column: usize| -> rusqlite::Result<Option<u64>> {
            Ok(row.get::<_, Option<Count>>(column)?.map(|count| count.0))
        };
        let rows = statement.query_map(params![session.map(|id| Id(id.0)), since.map(Micros)], |row| {
            Ok(Stages {
                cold: row.get(0)?,
                written_us: micros(row, 1)?,
                first_text_us: micros(row, 2)?,
                result_us: micros(row, 3)?,
            })
        })?;
        Ok(summarise(&rows.collect::<rusqlite::Result<Vec<_>>>()?))
    }
}

type Measure = fn(&Stages) -> Option<u64>;

/// The stages' names, and how long each took in a turn that got that far.
const STAGES: [(&str, Measure); 4] = [
    ("accepted→written", |turn| turn.written_us),
    ("written→first text", |turn| turn.first_text_us),
    ("first text→result", |turn| turn.result_us),
    ("total", |turn| Some(turn.written_us? + turn.first_text_us.unwrap_or(0) + turn.result_us?)),
];

fn summarise(turns: &[Stages]) -> Stats {
    let mut stages = Vec::new();
    for cold in [false, true] {
        for (stage, measure) in STAGES {
            let mut times: Vec<u64> =
                turns.iter().filter(|turn| turn.cold == cold).filter_map(measure).collect();
            if times.is_empty() {
                continue;
            }
            times.sort_unstable();
            stages.push(StageStats {
                stage: stage.to_owned(),
                cold,
                count: times.len() as u64,
                p50_us: percentile(&times, 50),
                p95_us: percentile(&times, 95),
                p99_us: percentile(&times, 99),
            });
        }
    }
    Stats { turns: turns.len() as u64, stages }
}

/// Nearest rank: a time that was really measured, which `percent` of all did not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50, 95, 99].map(|p| percentile(&hundred, p)), [50, 95, 99]);
        let five = [10, 20, 30, 40, 50];
        assert_eq!([50, 95, 99].map(|p| percentile(&five, p)), [30, 50, 50]);
        assert_eq!([50, 99].map(|p| percentile(&[7], p)), [7, 7]);
    }

    #[test]
    fn warm_and_cold_are_apart_and_missing_stages_are_not_counted() {
        let warm = Stages { cold: false, written_us: Some(1), first_text_us: Some(2), result_us: Some(3) };
        let silent = Stages { first_text_us: None, ..warm };
        let unprompted = Stages { written_us: None, ..warm };
        let cold = Stages { cold: true, ..warm };
        let stats = summarise(&[warm, silent, unprompted, cold]);
        let rows: Vec<_> =
            stats.stages.iter().map(|s| (s.stage.as_str(), s.cold, s.count, s.p50_us)).collect();
        assert_eq!(stats.turns, 4);
        assert_eq!(
            rows,
            [
                ("accepted→written", false, 2, 1),
                ("written→first text", false, 2, 2),
                ("first text→result", false, 3, 3),
                ("total", false, 2, 4),
                ("accepted→written", true, 1, 1),
                ("written→first text", true, 1, 2),
                ("first text→result", true, 1, 3),
                ("total", true, 1, 6),
            ]
        );
    }
}
