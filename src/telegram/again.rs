//! Calls that are made again while Telegram has trouble.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::api::ApiError;

const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 1000 });
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Calls until there is an answer, or a failure that does not pass by itself, or nobody would wait any longer. Only for
/// what may be done twice.
pub(crate) async fn again<T, F>(limit: Duration, call: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let begun = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match call().await {
            Err(error) if error.is_passing() => error,
            done => return done,
        };
        let wait = match error {
            ApiError::RetryAfter(asked) => asked.max(pause),
            _ => pause,
        };
        if begun.elapsed() + wait > limit {
            return Err(error);
        }
        tracing::debug!(%error, "something is asked of Telegram again in {wait:?}");
        sleep(wait).await;
        pause = LONGEST_PAUSE.min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().start_paused(true).build().unwrap().block_on(future)
    }

    /// What comes of it when calls fail so, the last one for ever, and how many were made.
    fn tried(errors: Vec<ApiError>, limit: Duration) -> (Result<(), ApiError>, usize) {
        let (left, made) = (RefCell::new(errors), RefCell::new(0));
        let call = || async {
            *made.borrow_mut() += 1;
            let mut left = left.borrow_mut();
            let error = if left.len() > 1 { Some(left.remove(0)) } else { left.first().cloned() };
            error.map_or(Ok(()), Err)
        };
        let done = run(again(limit, call));
        (done, made.into_inner())
    }

    #[test]
    fn what_passes_is_waited_for_within_reason() {
        let limit = Duration::from_secs(600);
        let trouble = ApiError::Server { status: 502 };
        let wait = |seconds| ApiError::RetryAfter(Duration::from_secs(seconds));
        assert_eq!(tried(Vec::new(), limit), (Ok(()), 1));
        let refused = ApiError::TooLarge;
        let errors = vec![trouble.clone(), wait(500), refused.clone()];
        assert_eq!(tried(errors, limit), (Err(refused), 3));
        assert_eq!(tried(vec![wait(601)], limit), (Err(wait(601)), 1));
        let (done, made) = tried(vec![trouble.clone()], limit);
        assert!(done == Err(trouble) && (10..30).contains(&made), "{made}");
    }
}
