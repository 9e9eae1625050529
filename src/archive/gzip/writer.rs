//! Writing: blocks are compressed side by side, and written in order.

use std::io::{self, Write};

use libdeflater::{CompressionLvl, Compressor};

use super::pool::{Pool, Work};
use super::{BLOCK, FOOTER_LEN, HEADER, HEADER_LEN};

/// Smaller than what `pigz -6` makes, in half of its time.
const LEVEL: i32 = 7;

/// Drop it without [`Writer::finish`], and the file is cut off.
pub(crate) struct Writer<W: Write> {
    out: W,
    block: Vec<u8>,
    pool: Pool,
}

impl<W: Write> Writer<W> {
    pub(crate) const fn new(out: W) -> Self {
        Self { out, block: Vec::new(), pool: Pool::new(compressor) }
    }

    /// Writes all there is, and gives the output back.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        Ok(self.out)
    }

    fn end_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        if self.pool.is_full() {
            self.write_one()?;
        }
        let next = self.pool.buffer();
        self.pool.give(std::mem::replace(&mut self.block, next))
    }

    /// Whether there was one.
    fn write_one(&mut self) -> io::Result<bool> {
        let Some(member) = self.pool.take() else { return Ok(false) };
        let member = member?;
        self.out.write_all(&member)?;
        self.pool.put_back(member);
        Ok(true)
    }
}

impl<W: Write> Write for Writer<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.is_empty() {
            self.block.reserve_exact(BLOCK);
        }
        let fits = bytes.len().min(BLOCK - self.block.len());
        self.block.extend_from_slice(&bytes[..fits]);
        if self.block.len() == BLOCK {
            self.end_block()?;
        }
        Ok(fits)
    }

    /// Ends the member: what comes next can be read without it.
    fn flush(&mut self) -> io::Result<()> {
        self.end_block()?;
        while self.write_one()? {}
        self.out.flush()
    }
}

fn compressor() -> Work {
    let level = CompressionLvl::new(LEVEL).unwrap_or_default();
    let mut compressor = Compressor::new(level);
    Box::new(move |block, made| member(&mut compressor, block, made))
}

fn member(compressor: &mut Compressor, block: &[u8], member: &mut Vec<u8>) -> io::Result<()> {
    let room = HEADER_LEN + compressor.deflate_compress_bound(block.len()) + FOOTER_LEN;
    member.resize(room, 0);
    member[..HEADER.len()].copy_from_slice(&HEADER);
    let packed = compressor
        .deflate_compress(block, &mut member[HEADER_LEN..room - FOOTER_LEN])
        .map_err(|error| io::Error::other(format!("cannot compress: {error}")))?;
    member.truncate(HEADER_LEN + packed);
    member.extend_from_slice(&libdeflater::crc32(block).to_le_bytes());
    member.extend_from_slice(&length(block.len())?.to_le_bytes());
    let whole = length(member.len())?;
    member[HEADER.len()..HEADER_LEN].copy_from_slice(&whole.to_le_bytes());
    Ok(())
}

fn length(len: usize) -> io::Result<u32> {
    u32::try_from(len).map_err(io::Error::other)
}
