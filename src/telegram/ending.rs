//! The end of the bridge, as its parts are told of it.

use tokio::sync::watch;

/// Until it is time to end. Whoever could say so is gone: then it is, too.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|is_over| *is_over).await.ok();
}
