//! Gzip with several processors: a file of many members, each compressed on its own.
//!
//! Such a file is a gzip file like any other, and plain `tar xzf` reads it. Each member says in its header how long it
//! is (the subfield `IG`, as mgzip has it), so that members can be found without unpacking them, and be unpacked side
//! by side. A file without these, of another program, is read on one processor.
//!
//! What is packed is our own, and libdeflate is the fastest there is for it. What is unpacked may be a stranger's:
//! flate2 with zlib-rs is memory-safe and says where the data ended, so that nothing hides behind it. No length that a
//! member claims is believed beyond what this room itself would write.

mod pool;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use reader::Reader;
pub(super) use writer::Writer;

/// So much goes into one member. Larger ones would compress a little better, and need more memory.
const BLOCK: usize = 1 << 20;
/// Magic, deflate, an extra field, no time, no level, unknown system; eight bytes of extra field: `IG`, four bytes.
const HEADER: [u8; 16] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 8, 0, b'I', b'G', 4, 0];
/// The header with the member's whole length at its end.
const HEADER_LEN: usize = HEADER.len() + 4;
/// Checksum and length of the content.
const FOOTER_LEN: usize = 8;
/// The longest member that is believed. Stored as it is, a block grows by five bytes for each 64 KiB at most.
const MAX_MEMBER: usize = BLOCK + BLOCK / 1024 + 1024;

/// How many members are worked on, or wait for it, at the same time: two for each processor.
fn side_by_side() -> usize {
    // More would need more memory than they save time.
    2 * std::thread::available_parallelism().map_or(1, usize::from).min(8)
}
