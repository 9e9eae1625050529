//! The log alone, out of an archive.

use super::super::events_of;
use super::{House, at};
use crate::model::{Event, EventKind};

fn read(archive: &std::path::Path) -> (Vec<Event>, crate::error::Result<()>) {
    let mut events = Vec::new();
    let done = events_of(archive, &mut |manifest, event| {
        assert_eq!(manifest.session.name, "work");
        events.push(event);
        true
    });
    (events, done)
}

#[test]
fn the_log_is_read_out_of_an_archive() {
    let mut house = House::new();
    let long = Event {
        seq: 4,
        at: at(3),
        kind: EventKind::Prompt,
        text: "ü".repeat(1 << 20),
        prompt_id: None,
        detail: None,
    };
    house.events.push(long);
    let packed = house.pack().unwrap();
    assert_eq!(read(&packed.file), (house.events.clone(), Ok(())));
    let mut first = Vec::new();
    events_of(&packed.file, &mut |_, event| {
        first.push(event.seq);
        event.seq < 2
    })
    .unwrap();
    assert_eq!(first, [1, 2], "nobody wants the rest");
    house.events.clear();
    std::fs::remove_file(&packed.file).unwrap();
    assert_eq!(read(&house.pack().unwrap().file), (Vec::new(), Ok(())));
}

#[test]
fn what_is_damaged_is_said() {
    let house = House::new();
    let packed = house.pack().unwrap();
    let whole = std::fs::read(&packed.file).unwrap();
    std::fs::write(&packed.file, &whole[..whole.len() / 8]).unwrap();
    let error = read(&packed.file).1.unwrap_err();
    assert!(error.message.contains("work-"), "{error}");
    std::fs::write(&packed.file, "no archive").unwrap();
    assert!(read(&packed.file).1.is_err());
    assert!(read(std::path::Path::new("/nowhere.tar.gz")).1.unwrap_err().message.contains("no archive"));
}
