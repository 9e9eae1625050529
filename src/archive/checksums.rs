//! The `checksums` entry: lines that `sha256sum -c` reads.
//!
//! A name with a backslash or a line break is escaped, and its line begins with a backslash, as `sha256sum` does.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

pub(super) type Digest = [u8; 32];

/// A digest in the making.
#[derive(Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}

const HEX: usize = 64;

/// Appends the line of one file.
pub(super) fn append_line(lines: &mut Vec<u8>, digest: &Digest, name: &[u8]) {
    let escape = name.iter().any(|b| matches!(b, b'\\' | b'\n' | b'\r'));
    if escape {
        lines.push(b'\\');
    }
    let mut hex = String::with_capacity(HEX);
    for byte in digest {
        write!(hex, "{byte:02x}").ok(); // a String takes everything
    }
    lines.extend_from_slice(hex.as_bytes());
    lines.extend_from_slice(b"  ");
    for byte in name {
        match byte {
            b'\\' => lines.extend_from_slice(b"\\\\"),
            b'\n' => lines.extend_from_slice(b"\\n"),
            b'\r' => lines.extend_from_slice(b"\\r"),
            plain => lines.push(*plain),
        }
    }
    lines.push(b'\n');
}

/// Reads one line without its line break. None: it is not of this form.
pub(super) fn parse_line(line: &[u8]) -> Option<(Digest, Vec<u8>)> {
    let (escaped, line) = match line.strip_prefix(b"\\") {
        Some(rest) => (true, rest),
        None => (false, line),
    };
    let (hex, rest) = line.split_at_checked(HEX)?;
    let name = rest.strip_prefix(b"  ")?;
    let mut digest = Digest::default();
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    Some((digest, name))
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'\\' => match bytes.next()? {
                b'\\' => b'\\',
                b'n' => b'\n',
                b'r' => b'\r',
                _ => return None,
            },
            plain => *plain,
        });
    }
    Some(plain)
}
