//! Chance that can be repeated: the same seed gives the same choices.

use std::time::Duration;

/// `SplitMix64`.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of its own for another thread.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn up_to(&mut self, most: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(most.as_micros()).unwrap_or(u64::MAX)))
    }

    /// One of these; none are there only by a mistake in the test.
    pub(crate) fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let at = self.below(choices.len() as u64);
        &choices[usize::try_from(at).unwrap_or_default()]
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the person who runs the tests chooses; no program of ours does"
)]
pub(crate) fn given(name: &str, default: u64) -> u64 {
    let given = std::env::var(name).ok().filter(|given| !given.is_empty());
    given.map_or(default, |given| given.parse().unwrap_or_else(|error| panic!("{name}={given}: {error}")))
}

/// Lets time pass: the moments of these tests are chosen, not waited for.
#[expect(clippy::disallowed_methods, reason = "a kill at a chosen moment is what is tested")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
