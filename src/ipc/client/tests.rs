use tokio::net::UnixStream;

use super::*;
use crate::error::Kind;
use crate::ipc::ClientFrame;
use crate::model::Live;

/// A client, and the host's end of its connection.
fn pair() -> (Client, FrameReader<OwnedReadHalf>, FrameWriter<OwnedWriteHalf>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (read, write) = ours.into_split();
    let welcome = Welcome { claudebot: "1".to_owned(), protocol: PROTOCOL, oldest: 1, pid: 7, error: None };
    let client = Client::new(FrameReader::new(read), FrameWriter::new(write), welcome);
    let (read, write) = theirs.into_split();
    (client, FrameReader::new(read), FrameWriter::new(write))
}

fn delta(id: u64, text: &str) -> HostFrame {
    HostFrame::Push { id, push: Push::Live(Live::Delta { block: 1, text: text.to_owned() }) }
}

fn done(id: u64) -> HostFrame {
    HostFrame::Ok { id, response: Response::Done }
}

#[tokio::test]
async fn pushes_that_come_during_a_call_wait_for_next() {
    let (mut client, mut requests, mut frames) = pair();
    let host = async {
        assert_eq!(requests.frame::<ClientFrame>().await.unwrap().unwrap().id, 1);
        for frame in [delta(9, "a"), done(9), delta(9, "b"), done(1), delta(9, "c")] {
            frames.push(&frame).unwrap();
        }
        frames.flush().await.unwrap();
    };
    let (answer, ()) = tokio::join!(client.call(Request::HostStatus), host);
    assert_eq!(answer, Ok(Response::Done));
    for expected in [delta(9, "a"), done(9), delta(9, "b"), delta(9, "c")] {
        assert_eq!(client.next().await, Ok(Some(expected)));
    }
}

#[tokio::test]
async fn errors_are_the_host_s_and_typed() {
    let (mut client, _requests, mut frames) = pair();
    let error = Error::new(Kind::Ambiguous, "two fit").candidates(vec!["a".to_owned(), "b".to_owned()]);
    frames.push(&HostFrame::Error { id: 1, error: error.clone() }).unwrap();
    let unread = Error::usage("garbage");
    frames.push(&HostFrame::Error { id: 0, error: unread.clone() }).unwrap();
    frames.flush().await.unwrap();
    assert_eq!(client.call(Request::HostStatus).await, Err(error));
    assert_eq!(client.call(Request::HostStatus).await, Err(unread), "nothing else would come");
}

#[tokio::test]
async fn the_end_of_the_host_is_unavailable() {
    let (mut client, requests, frames) = pair();
    drop((requests, frames));
    let error = client.call(Request::HostStatus).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(error.message.starts_with("the host ended"), "{error}");
    assert_eq!(client.next().await, Ok(None));
}

#[tokio::test]
async fn what_cannot_be_read_does_not_end_the_connection() {
    let (mut client, _requests, mut frames) = pair();
    frames.push_parts(&[br#"{"push":{"id":1,"push":{"of_tomorrow":1}}}"#]);
    frames.push(&delta(1, "a")).unwrap();
    frames.flush().await.unwrap();
    let error = client.next().await.unwrap_err();
    assert!(error.message.contains("of_tomorrow"), "{error}");
    assert_eq!(client.next().await, Ok(Some(delta(1, "a"))));
}

#[tokio::test]
async fn a_subscription_that_nobody_reads_lags_and_the_others_go_on() {
    let (mut client, _requests, mut frames) = pair();
    let host = async {
        for _ in 0..MAX_WAITING + 100 {
            frames.push(&delta(8, "x")).unwrap();
        }
        frames.push(&done(1)).unwrap();
        frames.push(&delta(8, "too late")).unwrap();
        frames.push(&delta(9, "y")).unwrap();
        frames.flush().await.unwrap();
    };
    let (answer, ()) = tokio::join!(client.call(Request::HostStatus), host);
    assert_eq!(answer, Ok(Response::Done));
    for _ in 0..MAX_WAITING {
        assert_eq!(client.next().await, Ok(Some(delta(8, "x"))));
    }
    assert_eq!(client.next().await, Ok(Some(HostFrame::Push { id: 8, push: Push::Lagged })));
    assert_eq!(client.next().await, Ok(Some(delta(9, "y"))));
}
