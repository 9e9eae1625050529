//! A whole technical reply, as a person would get it.

use super::super::{markdown, split};
use super::{assert_legal, name, tagged};

const REPLY: &str = r##"# Why the queue lost a prompt

I found it. The short version: **`accept` acknowledges before it commits**, so a crash between the two loses
the prompt. Details below, then the [patch](https://git.example.com/claudebot/pull/7).

## What happens

1. The front end sends a prompt with its key `cli:6f1c`.
2. The host *acknowledges* it:
   - the key is remembered **in memory** only
   - the row is not yet written
     - see [queue.rs](src/store/queue.rs#L40)
3. The machine stops. ~~The prompt is stored.~~ Nothing is stored.

### The fix

Swap the two, in `src/store/queue.rs`:

```rust
pub(crate) fn accept(&self, prompt: &Prompt) -> Result<Accepted, Error> {
    let row = self.insert(prompt)?; // commits

    Ok(Accepted { row, is_new: row.changed > 0 })
}
```

and for the shell:

    $ cargo test --lib queue
    test result: ok

> **Note:** a slow disk now costs you about 4 ms per prompt.
>
> > That was measured with `fio`, on a telephone from ~2019.

#### Before and after

| Step | Before | After |
|:--|--:|--:|
| accept | 0.1 ms | 4.2 ms |
| 送信 | 3.9 ms | **0 ms** |
| total 🙂 | 4.0 ms | 4.2 ms |

| File | What changes there | Risk |
|---|---|---|
| `queue.rs` | the order of *acknowledge* and *commit* | low |
| `router.rs` | waits for the row, see [the design](https://git.example.com/design) | **middle** |

---

What is left:

- [x] the order
- [ ] a test that stops the machine in between[^1]

It costs $0 of $20, and <b>no</b> new dependency. ![flow](https://git.example.com/flow.png)

[^1]: With `kill -9`, which is not quite the same.
"##;

#[test]
fn a_technical_reply() {
    let rich = markdown(REPLY);
    assert_legal(&rich);
    let mut shown = tagged(&rich);
    shown.push_str("\n\nentities:\n");
    for entity in &rich.entities {
        let (name, more) = name(entity);
        shown.push_str(&format!("{:>5} +{:<4} {name}{more}\n", entity.offset, entity.length));
    }
    shown.push_str(&format!(
        "\n{} units, {} entities, {} piece\n",
        rich.units(),
        rich.entities.len(),
        split(rich.clone()).len()
    ));
    insta::assert_snapshot!(shown);
}
