use std::io::{Cursor, ErrorKind, Read, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::{BLOCK, FOOTER_LEN, HEADER, HEADER_LEN, MAX_MEMBER, Reader, Writer};

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn unpacked(file: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    Reader::new(Cursor::new(file)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn plain(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Neither all alike nor all different.
fn text(len: usize) -> Vec<u8> {
    (0_u64..).flat_map(|n| (n * n % 7919).to_string().into_bytes()).take(len).collect()
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn what_was_packed_comes_back() {
    for len in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 17] {
        for bytes in [text(len), noise(len), vec![0; len]] {
            assert!(unpacked(&packed(&bytes)).unwrap() == bytes, "{len}");
        }
    }
}

#[test]
fn it_is_a_gzip_file_like_any_other() {
    let bytes = text(3 * BLOCK / 2);
    let file = packed(&bytes);
    let mut read = Vec::new();
    flate2::bufread::MultiGzDecoder::new(&file[..]).read_to_end(&mut read).unwrap();
    assert!(read == bytes);
}

#[test]
fn noise_is_no_member_that_would_not_be_believed() {
    let file = packed(&noise(BLOCK));
    assert!(file.len() <= MAX_MEMBER, "{}", file.len());
}

#[test]
fn a_flush_ends_a_member() {
    let mut writer = Writer::new(Vec::new());
    writer.write_all(b"first").unwrap();
    writer.flush().unwrap();
    writer.write_all(b"second").unwrap();
    let file = writer.finish().unwrap();
    let first = packed(b"first");
    assert_eq!(&file[..first.len()], first);
    assert_eq!(&file[first.len()..], packed(b"second"));
}

/// Whoever wants the beginning alone has nothing else unpacked, nor even read.
#[test]
fn the_first_member_is_read_alone() {
    let mut writer = Writer::new(Vec::new());
    writer.write_all(b"first").unwrap();
    writer.flush().unwrap();
    let end = writer.finish().unwrap().len();
    let mut file = packed(b"first");
    file.extend(packed(&text(4 * BLOCK)));
    let mut input = Cursor::new(&file);
    let mut first = [0; 5];
    Reader::new(&mut input).read_exact(&mut first).unwrap();
    assert_eq!((&first, input.position()), (b"first", end as u64));
}

#[test]
fn members_of_other_programs_are_read_too() {
    let mut file = packed(b"ours, ");
    file.extend(plain(b"theirs, "));
    file.extend(packed(b"and ours again"));
    assert_eq!(unpacked(&file).unwrap(), b"ours, theirs, and ours again");
    assert_eq!(unpacked(&plain(&text(BLOCK))).unwrap(), text(BLOCK));
}

#[test]
fn wherever_it_is_cut_off_is_told() {
    let file = packed(&text(2 * BLOCK));
    let second = HEADER_LEN + u32::from_le_bytes(file[16..20].try_into().unwrap()) as usize;
    for end in [1, 9, HEADER_LEN, HEADER_LEN + 1, file.len() - 1, second - 1, second] {
        let error = unpacked(&file[..end]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{end}: {error}");
    }
}

#[test]
fn what_comes_before_the_damage_is_read() {
    let bytes = text(3 * BLOCK);
    let mut file = packed(&bytes);
    let last = file.len() - FOOTER_LEN;
    file[last] ^= 1;
    let mut read = Vec::new();
    let error = Reader::new(Cursor::new(&file)).read_to_end(&mut read).unwrap_err();
    assert_eq!(error.to_string(), "a member's checksum is wrong");
    assert!(read == bytes[..2 * BLOCK], "{}", read.len());
}

#[test]
fn no_length_is_believed() {
    let file = packed(b"something");
    let lie = |at: usize, len: u32| {
        let mut file = file.clone();
        file[at..at + 4].copy_from_slice(&len.to_le_bytes());
        unpacked(&file).unwrap_err().to_string()
    };
    for len in [0, 1, (HEADER_LEN + FOOTER_LEN - 1) as u32, MAX_MEMBER as u32 + 1, u32::MAX] {
        assert_eq!(lie(HEADER.len(), len), "a member has an impossible length", "{len}");
    }
    for len in [BLOCK as u32 + 1, u32::MAX] {
        assert_eq!(lie(file.len() - 4, len), "a member has an impossible length", "{len}");
    }
    for len in [0, 8, 10] {
        assert_eq!(lie(file.len() - 4, len), "a member does not end where it should", "{len}");
    }
    lie(HEADER.len(), file.len() as u32 - 1);
}

/// Else other programs would see in it what nobody here has looked at.
#[test]
fn nothing_hides_between_the_data_and_its_end() {
    let mut file = packed(b"something");
    let footer = file.split_off(file.len() - FOOTER_LEN);
    file.extend(&footer);
    file.extend(plain(b"hidden"));
    file.extend(&footer);
    let len = file.len() as u32;
    file[HEADER.len()..HEADER_LEN].copy_from_slice(&len.to_le_bytes());
    assert_eq!(unpacked(&file).unwrap_err().to_string(), "a member does not end where it should");
}

#[test]
fn what_follows_and_is_no_gzip_is_told() {
    let mut file = packed(b"something");
    file.extend(b"and something else that is long enough for a header");
    let error = unpacked(&file).unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().contains("header")),
        (ErrorKind::InvalidInput, true),
        "{error}"
    );
}

/// It ends although nobody takes what was packed.
#[test]
fn a_writer_may_be_dropped_in_the_middle() {
    let mut writer = Writer::new(Vec::new());
    writer.write_all(&text(9 * BLOCK)).unwrap();
    drop(writer);
    let file = packed(&text(9 * BLOCK));
    let mut reader = Reader::new(Cursor::new(&file));
    reader.read_exact(&mut vec![0; BLOCK + 1]).unwrap();
    drop(reader);
}

#[test]
fn a_file_that_cannot_be_written_is_told() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut writer = Writer::new(Full);
    let error = writer.write_all(&noise(40 * BLOCK)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_in_any_pieces_come_back(
        pieces in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..2000), 0..40),
        flushed in any::<u64>(),
    ) {
        let mut writer = Writer::new(Vec::new());
        for (index, piece) in pieces.iter().enumerate() {
            writer.write_all(piece).unwrap();
            if flushed >> index & 1 == 1 {
                writer.flush().unwrap();
            }
        }
        prop_assert!(unpacked(&writer.finish().unwrap()).unwrap() == pieces.concat());
    }

    /// A changed byte is an error or, in what a header says of no consequence, nothing.
    #[test]
    fn no_changed_byte_changes_what_is_read(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let bytes = text(3000);
        let mut file = packed(&bytes);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        prop_assert!(unpacked(&file).map_or(true, |read| read == bytes), "{at}");
    }
}
