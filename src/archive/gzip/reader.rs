//! Reading: members that say how long they are, are unpacked side by side, all else as it comes.

use std::io::{self, BufRead, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::pool::{Pool, Work};
use super::{BLOCK, FOOTER_LEN, HEADER, HEADER_LEN, MAX_MEMBER};

pub(crate) struct Reader<R> {
    input: Input<R>,
    pool: Pool,
    /// The first member was read. Often no more is wanted: it is unpacked right here, and those after it ahead.
    has_begun: bool,
    block: Cursor<Vec<u8>>,
}

/// What is still to be read, behind what is unpacked already.
enum Input<R> {
    Members(R),
    /// From here on there is no telling where a member ends.
    Plain(Box<MultiGzDecoder<Chain<Cursor<Vec<u8>>, R>>>),
    /// Nothing, and why.
    Ended(Option<io::Error>),
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self {
            input: Input::Members(input),
            pool: Pool::new(decompressor),
            has_begun: false,
            block: Cursor::default(),
        }
    }

    /// Reads members ahead, as many as may be under way.
    fn read_ahead(&mut self) -> io::Result<()> {
        while let Input::Members(input) = &mut self.input {
            if self.pool.is_full() {
                return Ok(());
            }
            match next_member(input, self.pool.buffer()) {
                Ok(Next::Member(member)) if !std::mem::replace(&mut self.has_begun, true) => {
                    let mut block = self.pool.buffer();
                    decompressor()(&member, &mut block)?;
                    self.block = Cursor::new(block);
                    self.pool.put_back(member);
                    return Ok(());
                }
                Ok(Next::Member(member)) => self.pool.give(member)?,
                Ok(Next::Other(begun)) => self.go_on_plainly(begun),
                Ok(Next::End) => self.input = Input::Ended(None),
                Err(error) => self.input = Input::Ended(Some(error)),
            }
        }
        Ok(())
    }

    fn go_on_plainly(&mut self, begun: Vec<u8>) {
        self.input = match std::mem::replace(&mut self.input, Input::Ended(None)) {
            Input::Members(input) => {
                Input::Plain(Box::new(MultiGzDecoder::new(Cursor::new(begun).chain(input))))
            }
            other => other,
        };
    }
}

impl<R: BufRead> Read for Reader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.block.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            self.read_ahead()?;
            if let Some(block) = self.pool.take() {
                let read = std::mem::replace(&mut self.block, Cursor::new(block?));
                self.pool.put_back(read.into_inner());
                continue;
            }
            return match &mut self.input {
                Input::Members(_) => continue,
                Input::Plain(plain) => plain.read(buffer),
                Input::Ended(why) => why.take().map_or(Ok(0), Err),
            };
        }
    }
}

enum Next {
    Member(Vec<u8>),
    /// Something else begins with these bytes.
    Other(Vec<u8>),
    End,
}

/// Reads it into an empty buffer.
fn next_member(input: &mut impl BufRead, mut member: Vec<u8>) -> io::Result<Next> {
    member.reserve(HEADER_LEN);
    input.by_ref().take(HEADER_LEN as u64).read_to_end(&mut member)?;
    if member.is_empty() {
        return Ok(Next::End);
    }
    let Some(len) = member.strip_prefix(&HEADER).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes)
    else {
        return Ok(Next::Other(member));
    };
    let len = len as usize;
    if !(HEADER_LEN + FOOTER_LEN..=MAX_MEMBER).contains(&len) {
        return Err(damaged("a member has an impossible length"));
    }
    let rest = (len - HEADER_LEN) as u64;
    member.reserve_exact(len - HEADER_LEN);
    input.by_ref().take(rest).read_to_end(&mut member)?;
    if member.len() < len {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(Next::Member(member))
}

fn decompressor() -> Work {
    let mut decompress = Decompress::new(false);
    Box::new(move |member, content| unpack(&mut decompress, member, content))
}

/// The content of a whole member, if it is exactly what its end says.
fn unpack(decompress: &mut Decompress, member: &[u8], content: &mut Vec<u8>) -> io::Result<()> {
    let (packed, footer) = member[HEADER_LEN..].split_at(member.len() - HEADER_LEN - FOOTER_LEN);
    let (crc, len) = footer.split_at(4);
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_le_bytes);
    let len = number(len) as usize;
    if len > BLOCK {
        return Err(damaged("a member has an impossible length"));
    }
    decompress.reset(false);
    // What is longer than it says shows by the byte that is left over here.
    content.reserve_exact(len + 1);
    let status = decompress
        .decompress_vec(packed, content, FlushDecompress::Finish)
        .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    let is_whole = status == Status::StreamEnd && decompress.total_in() == packed.len() as u64;
    if !is_whole || content.len() != len {
        return Err(damaged("a member does not end where it should"));
    }
    let mut sum = Crc::new();
    sum.update(content);
    if sum.sum() == number(crc) { Ok(()) } else { Err(damaged("a member's checksum is wrong")) }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
