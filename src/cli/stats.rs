//! `stats`: where the time of turns goes.

use std::borrow::Cow;

use jiff::Timestamp;

use super::args::StatsArgs;
use super::ask::{self, ask};
use super::ctx::Ctx;
use super::screen::{DONE, Finish};
use super::table::{self, Column, Fit};
use crate::ipc::{Request, Response, Selector};
use crate::model::{StageStats, Stats, moment};

pub(crate) fn run(ctx: &Ctx, args: StatsArgs) -> Finish {
    let since = args.since.as_deref().map(|since| moment::parse(since, Timestamp::now())).transpose()?;
    let stats = match ask(ctx, Request::Stats { session: args.name.map(Selector::Name), since })? {
        Response::Stats(stats) => stats,
        other => return Err(ask::unexpected(&other)),
    };
    let mut out = ctx.screen.out();
    if args.json {
        out.json(&stats)?;
    } else if stats.stages.is_empty() {
        ctx.screen.say("no turn was measured yet");
    } else {
        for line in table(&stats, ctx.screen.columns) {
            out.line(&line)?;
        }
    }
    out.flush()?;
    Ok(DONE)
}

const COLUMNS: [Column; 6] = [
    Column::left("STAGE", Fit::Whole),
    Column::left("START", Fit::Whole),
    Column::right("COUNT"),
    Column::right("P50"),
    Column::right("P95"),
    Column::right("P99"),
];

fn table(stats: &Stats, columns: Option<usize>) -> Vec<String> {
    let row = |stage: &StageStats| -> Vec<Cow<'static, str>> {
        vec![
            stage.stage.clone().into(),
            if stage.cold { "cold" } else { "warm" }.into(),
            stage.count.to_string().into(),
            duration(stage.p50_us).into(),
            duration(stage.p95_us).into(),
            duration(stage.p99_us).into(),
        ]
    };
    table::render(&COLUMNS, stats.stages.iter().map(row), columns).collect()
}

/// Three digits that mean something: `250µs`, `1.25ms`, `12.5ms`, `3.40s`, `2m05s`.
fn duration(micros: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let (whole, hundredths) = (micros / unit, micros % unit * 100 / unit);
        match whole {
            0..10 => format!("{whole}.{hundredths:02}{name}"),
            10..100 => format!("{whole}.{}{name}", hundredths / 10),
            _ => format!("{whole}{name}"),
        }
    };
    match micros {
        ..1_000 => format!("{micros}µs"),
        1_000..1_000_000 => scaled(1_000, "ms"),
        1_000_000..60_000_000 => scaled(1_000_000, "s"),
        _ => format!("{}m{:02}s", micros / 60_000_000, micros / 1_000_000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        for (micros, words) in [
            (0, "0µs"),
            (250, "250µs"),
            (1_250, "1.25ms"),
            (12_560, "12.5ms"),
            (250_000, "250ms"),
            (3_400_000, "3.40s"),
            (125_000_000, "2m05s"),
        ] {
            assert_eq!(duration(micros), words);
        }
    }

    #[test]
    fn warm_and_cold_stand_apart() {
        let stage = |stage: &str, cold| StageStats {
            stage: stage.to_owned(),
            cold,
            count: 12,
            p50_us: 340,
            p95_us: 1_200,
            p99_us: 2_400_000,
        };
        let stats =
            Stats { turns: 24, stages: vec![stage("accepted→written", false), stage("total", true)] };
        assert_eq!(
            table(&stats, Some(80)),
            [
                "STAGE             START  COUNT    P50     P95    P99",
                "accepted→written  warm      12  340µs  1.20ms  2.40s",
                "total             cold      12  340µs  1.20ms  2.40s",
            ]
        );
    }
}
