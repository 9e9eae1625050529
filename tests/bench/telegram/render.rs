//! Markdown for Telegram: a long reply, whole, and one that grows.
//!
//! While a reply grows a delta is taken in, and once in a while the newest part is rendered. Both are to cost the same
//! however much was said before, once there is more than a message shows.

use std::time::Instant;

use claudebot::bench::{Growing, pieces};

use crate::measure::{Row, Samples, ms};

const RUNS: usize = 200;
const REPLY: usize = 100 << 10;
/// As a model's words come.
const DELTA: usize = 20;
/// A view is made at most every 700 ms: so many deltas at 50 a second.
const DELTAS_PER_VIEW: usize = 35;
/// What was sent so far, in KB, and how much more each is measured over.
const SENT: [usize; 4] = [1, 10, 100, 1000];
const SPAN: usize = 24 << 10;

pub(crate) fn run() -> Vec<Row> {
    let reply = reply(REPLY);
    let whole = Samples::new((0..RUNS).map(|_| timed(|| assert!(pieces(&reply) > 20))).collect());
    let growing: Vec<(usize, f64)> = SENT.iter().map(|kb| (*kb, per_delta(kb << 10))).collect();
    let words: Vec<String> =
        growing.iter().map(|(kb, micros)| format!("{micros:.2} µs after {kb} KB")).collect();
    let at = |wanted: usize| growing.iter().find(|(kb, _)| *kb == wanted).map_or(f64::NAN, |(_, it)| *it);
    vec![
        Row::new(
            "Telegram: a Markdown reply of 100 KB rendered and split",
            "≤ 2 ms",
            format!("{} (p99 {}, {RUNS} runs)", ms(whole.median()), ms(whole.percentile(99))),
            whole.median() <= 2.0,
        ),
        Row::new(
            "Telegram: a delta of a reply that grows, with its share of a view",
            "no more the longer it gets",
            words.join(", "),
            at(1000) <= 1.25 * at(100),
        ),
    ]
}

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}

/// Microseconds for each delta, once so much is there: the least of a few times.
fn per_delta(sent: usize) -> f64 {
    let whole = reply(sent + SPAN);
    let (before, after) = whole.split_at(whole.floor_char_boundary(sent));
    let deltas: Vec<&str> = in_deltas(after);
    // Up to a view, short texts are not to become long ones meanwhile.
    let span = if sent < SPAN { DELTAS_PER_VIEW } else { deltas.len() };
    let once = || {
        let mut growing = Growing::default();
        in_deltas(before).into_iter().for_each(|delta| growing.push(delta));
        let took = timed(|| {
            for some in deltas[..span].chunks(DELTAS_PER_VIEW) {
                some.iter().for_each(|delta| growing.push(delta));
                assert!(growing.view() > 0);
            }
        });
        took * 1000.0 / span as f64
    };
    Samples::new((0..20).map(|_| once()).collect()).median()
}

fn in_deltas(mut text: &str) -> Vec<&str> {
    let mut deltas = Vec::new();
    while !text.is_empty() {
        let (delta, rest) = text.split_at(text.ceil_char_boundary(DELTA.min(text.len())));
        deltas.push(delta);
        text = rest;
    }
    deltas
}

/// As an assistant writes: headings, paragraphs, lists, code, a table now and then.
fn reply(bytes: usize) -> String {
    let mut out = String::with_capacity(bytes + SECTION.len());
    for number in 1.. {
        if out.len() >= bytes {
            break;
        }
        out.push_str(&SECTION.replace("NUMBER", &number.to_string()));
    }
    out.truncate(out.floor_char_boundary(bytes));
    out
}

const SECTION: &str = "## Step NUMBER: look at the disk

The **root** volume is *nearly full*: `df -h` says ~~80%~~ **97%**, and most of it lies in `~/.cache`, which can be
emptied at any time. See [the manual](https://example.com/a_b?c=d&e=f) for what else may go — it is worth a look.

1. Clean the cache
   - `~/.cache` holds 4 GB, of which *pip* has most
   - the rest is of browsers
2. Rotate the logs, and keep **seven** of them

> Quoted: 1 < 2 && 3 > 2

```rust
fn clean(path: &Path) -> io::Result<u64> {
    let mut freed = 0;
    for entry in fs::read_dir(path)? {
        freed += entry?.metadata()?.len();
    }
    Ok(freed) // step NUMBER
}
```

| mount | used | of |
|-------|-----:|---:|
| /     |  97% | 40 GB |
| /home |  12% | 200 GB |

Done with NUMBER: äöü 日本語 😀. What follows is plain prose that says little and says it at some length, so that the
share of words and marks is that of a reply which explains something to somebody who wants to know it.

";
