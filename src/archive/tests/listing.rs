//! What is in the archive directory.

use std::fs;

use super::super::{list, read_manifest};
use super::{House, at};
use crate::error::Kind;

#[test]
fn newest_first_and_damaged_ones_with_their_reason() {
    let house = House::new();
    let first = house.pack().unwrap();
    let second = house.pack().unwrap();
    fs::write(house.archives().join("torn.tar.gz"), &fs::read(&first.file).unwrap()[..60]).unwrap();
    fs::write(house.archives().join("other.txt"), "x").unwrap();
    fs::write(house.archives().join(".hidden.tar.gz"), "x").unwrap();
    fs::create_dir(house.archives().join("dir.tar.gz")).unwrap();

    let listed = list(&house.archives()).unwrap();
    assert_eq!(listed.len(), 3);
    let torn = listed.iter().find(|archive| archive.file.ends_with("torn.tar.gz")).unwrap();
    assert!(torn.manifest.as_ref().unwrap_err().message.contains("cut off"), "{torn:?}");
    assert!(torn.modified > at(-1_000_000_000));
    let whole: Vec<_> = listed.iter().filter(|archive| archive.manifest.is_ok()).collect();
    assert_eq!(whole.len(), 2);
    assert!(whole.iter().any(|archive| archive.file == second.file && archive.bytes == second.bytes));
    assert_eq!(*whole[0].manifest.as_ref().unwrap(), first.manifest);
}

#[test]
fn no_directory_holds_none_and_no_file_is_not_found() {
    let house = House::new();
    assert!(list(&house.root.join("absent")).unwrap().is_empty());
    let absent = read_manifest(&house.root.join("absent.tar.gz")).unwrap_err();
    assert_eq!(absent.kind, Kind::NotFound);
    assert_eq!(read_manifest(&house.root).unwrap_err().kind, Kind::Usage);
}

#[test]
fn only_the_beginning_is_read() {
    let house = House::new();
    let packed = house.pack().unwrap();
    let whole = fs::read(&packed.file).unwrap();
    // Enough for the manifest; what is left of the rest is not looked at.
    fs::write(&packed.file, &whole[..whole.len() - 100]).unwrap();
    assert_eq!(list(&house.archives()).unwrap()[0].manifest.as_ref().unwrap(), &packed.manifest);
}
