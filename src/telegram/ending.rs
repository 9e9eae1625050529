//! The end of the bridge, as its parts are told of it.

use tokio::sync::watch;

/// Until it is time to end. Whoever could say so is gone: then it is, too.
pub(crate) async fn told(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|is_over| *is_over).await.ok();
}

/// What tells it to as many as want to know, once `over` is.
pub(crate) fn when(over: impl Future<Output = ()> + Send + 'static) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        over.await;
        stop.send_replace(true);
    });
    stopped
}
