//! The zip format: PKWARE's APPNOTE 6.3.10, sections 4.3 to 4.5.
//!
//! ```text
//! archive = *( local-header content data-descriptor ) *central-header [ zip64-end ] end
//! ```
//!
//! The sizes and the checksum of an entry follow its content (section 4.3.9). Content is always in the format of
//! deflate, which shows where it ends, so that programs can unpack the stream. What is compressed already is
//! stored in blocks of deflate.

use std::io::Write;
use std::sync::Arc;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::entry::Entry;
use crate::site::body_error::BodyError;
use crate::site::budget::{Account, Budget, Reserved};
use crate::text::calendar::UtcTime;
use crate::text::percent::{self, Octet};

/// Numbers from here on do not fit into the fields of the original format.
const LARGE: u64 = 0xFFFF_FFFF;

/// The same for the number of entries.
const MANY: u64 = 0xFFFF;

/// Sizes from here on may not fit after compression, which makes some content slightly longer.
const MAYBE_LARGE: u64 = LARGE - (LARGE >> 8);

/// The version of the format that a reader needs: 2.0 for deflate and directories, 4.5 for large numbers.
const USUAL: u16 = 20;
const ZIP64: u16 = 45;

/// Section 4.4.4: names are UTF-8.
const UTF_8: u16 = 1 << 11;

/// Section 4.4.4: sizes and checksum follow the content.
const DESCRIPTOR: u16 = 1 << 3;

/// Section 4.4.5.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// The list of entries grows by this many bytes.
const LIST_BLOCK: usize = 64 * 1024;

/// A zip file that is being written.
pub(super) struct Zip {
    memory: Arc<Budget>,
    /// How many bytes were written so far.
    offset: u64,
    entries: u64,
    /// The central headers so far, in blocks, with the charge for each.
    list: Vec<(Vec<u8>, Reserved)>,
    list_size: u64,
    /// How many blocks of the list were written.
    listed: usize,
    open: Option<OpenEntry>,
    /// The encoder of the last entry. A new one would cost more than a small file.
    spare: Option<Encoder>,
}

struct Encoder {
    level: Compression,
    stream: DeflateEncoder<Vec<u8>>,
}

/// An entry whose content is being written.
struct OpenEntry {
    header: Header,
    crc: Crc,
    size: u64,
    compressed: u64,
    encoder: Encoder,
}

/// What the headers of an entry have in common.
struct Header {
    name: Vec<u8>,
    offset: u64,
    modified: i64,
    mode: u32,
    is_directory: bool,
    /// Whether the sizes may be large.
    is_zip64: bool,
}

/// The checksum and the sizes of an entry.
#[derive(Clone, Copy, Default)]
struct Measures {
    crc: u32,
    compressed: u64,
    size: u64,
}

impl Zip {
    pub(super) fn new(memory: Arc<Budget>) -> Zip {
        Zip {
            memory,
            offset: 0,
            entries: 0,
            list: Vec::new(),
            list_size: 0,
            listed: 0,
            open: None,
            spare: None,
        }
    }

    /// Begins an entry. Its content follows, if it is no directory.
    pub(super) fn begin(
        &mut self,
        entry: &Entry<'_>,
        level: Compression,
        out: &mut Vec<u8>,
    ) -> Result<(), BodyError> {
        let header = Header {
            name: name(entry.name),
            offset: self.offset,
            modified: entry.modified,
            mode: entry.mode(),
            is_directory: entry.is_directory,
            is_zip64: entry.size >= MAYBE_LARGE,
        };
        let start = out.len();
        header.write_local(out);
        self.offset += (out.len() - start) as u64;
        if entry.is_directory {
            return self.list(&header, Measures::default());
        }
        self.open = Some(OpenEntry {
            header,
            crc: Crc::new(),
            size: 0,
            compressed: 0,
            encoder: self.encoder(level)?,
        });
        Ok(())
    }

    fn encoder(&mut self, level: Compression) -> Result<Encoder, BodyError> {
        match self.spare.take() {
            Some(mut encoder) if encoder.level == level => {
                encoder.stream.reset(Vec::new())?;
                Ok(encoder)
            }
            _ => Ok(Encoder {
                level,
                stream: DeflateEncoder::new(Vec::new(), level),
            }),
        }
    }

    /// Adds content to the entry.
    pub(super) fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), BodyError> {
        if let Some(open) = &mut self.open {
            open.crc.update(bytes);
            open.size += bytes.len() as u64;
            open.encoder.stream.write_all(bytes)?;
            self.offset += open.take(out);
        }
        Ok(())
    }

    /// Ends the content of the entry.
    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), BodyError> {
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        open.encoder.stream.try_finish()?;
        self.offset += open.take(out);
        let measures = Measures {
            crc: open.crc.sum(),
            compressed: open.compressed,
            size: open.size,
        };
        let start = out.len();
        measures.write_descriptor(open.header.is_zip64, out);
        self.offset += (out.len() - start) as u64;
        self.spare = Some(open.encoder);
        self.list(&open.header, measures)
    }

    /// Appends a piece of what stands at the end of the file. Returns whether there is more.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some((block, _)) = self.list.get_mut(self.listed) {
            out.append(&mut std::mem::take(block));
            self.listed += 1;
            return true;
        }
        self.list.clear();
        write_end(self.entries, self.list_size, self.offset, out);
        false
    }

    fn list(&mut self, header: &Header, measures: Measures) -> Result<(), BodyError> {
        let mut central = Vec::new();
        header.write_central(measures, &mut central);
        let is_full = |block: &Vec<u8>| block.len() + central.len() > LIST_BLOCK;
        if self.list.last().is_none_or(|(block, _)| is_full(block)) {
            let charge = self.memory.reserve(Account::Contents, LIST_BLOCK as u64);
            let charge = charge.ok_or(BodyError::TakenBack)?;
            self.list.push((Vec::with_capacity(LIST_BLOCK), charge));
        }
        if let Some((block, _)) = self.list.last_mut() {
            block.extend_from_slice(&central);
        }
        self.list_size += central.len() as u64;
        self.entries += 1;
        Ok(())
    }
}

impl OpenEntry {
    /// Moves what was compressed. Returns how many bytes.
    fn take(&mut self, out: &mut Vec<u8>) -> u64 {
        let bytes = self.encoder.stream.get_mut();
        let count = bytes.len() as u64;
        out.append(bytes);
        self.compressed += count;
        count
    }
}

impl Header {
    fn flags(&self) -> u16 {
        match self.is_directory {
            true => UTF_8,
            false => UTF_8 | DESCRIPTOR,
        }
    }

    fn method(&self) -> u16 {
        match self.is_directory {
            true => STORED,
            false => DEFLATED,
        }
    }

    /// Section 4.3.7.
    fn write_local(&self, out: &mut Vec<u8>) {
        let mut extra = timestamp(self.modified);
        let size = if self.is_zip64 { LARGE as u32 } else { 0 };
        if self.is_zip64 {
            extra.extend_from_slice(&zip64_field(&[0, 0]));
        }
        put4(out, 0x0403_4b50);
        put2(out, if self.is_zip64 { ZIP64 } else { USUAL });
        self.write_common(out);
        put4(out, 0);
        put4(out, size);
        put4(out, size);
        put2(out, self.name.len() as u16);
        put2(out, extra.len() as u16);
        out.extend_from_slice(&self.name);
        out.extend_from_slice(&extra);
    }

    /// The flags, the method, and the modification time in UTC.
    fn write_common(&self, out: &mut Vec<u8>) {
        let (time, date) = dos_time(self.modified);
        put2(out, self.flags());
        put2(out, self.method());
        put2(out, time);
        put2(out, date);
    }

    /// Section 4.3.12.
    fn write_central(&self, measures: Measures, out: &mut Vec<u8>) {
        const UNIX: u16 = 3 << 8;
        const DIRECTORY: u32 = 1 << 4;
        let numbers = [measures.size, measures.compressed, self.offset];
        let large: Vec<u64> = numbers.into_iter().filter(|&one| one >= LARGE).collect();
        let mut extra = timestamp(self.modified);
        if !large.is_empty() {
            extra.extend_from_slice(&zip64_field(&large));
        }
        let is_zip64 = self.is_zip64 || !large.is_empty();
        let (kind, attribute) = match self.is_directory {
            true => (0o040_000, DIRECTORY),
            false => (0o100_000, 0),
        };
        put4(out, 0x0201_4b50);
        put2(out, UNIX | ZIP64);
        put2(out, if is_zip64 { ZIP64 } else { USUAL });
        self.write_common(out);
        put4(out, measures.crc);
        put4(out, short(measures.compressed));
        put4(out, short(measures.size));
        put2(out, self.name.len() as u16);
        put2(out, extra.len() as u16);
        // The length of a comment, the number of a disk, and whether the content is text.
        out.extend_from_slice(&[0; 6]);
        put4(out, ((kind | self.mode) << 16) | attribute);
        put4(out, short(self.offset));
        out.extend_from_slice(&self.name);
        out.extend_from_slice(&extra);
    }
}

impl Measures {
    /// Section 4.3.9.
    fn write_descriptor(&self, is_zip64: bool, out: &mut Vec<u8>) {
        put4(out, 0x0807_4b50);
        put4(out, self.crc);
        for number in [self.compressed, self.size] {
            match is_zip64 {
                true => put8(out, number),
                false => put4(out, short(number)),
            }
        }
    }
}

/// Sections 4.3.14 to 4.3.16.
fn write_end(entries: u64, list_size: u64, list_offset: u64, out: &mut Vec<u8>) {
    if entries >= MANY || list_size >= LARGE || list_offset >= LARGE {
        put4(out, 0x0606_4b50);
        put8(out, 44);
        put2(out, ZIP64);
        put2(out, ZIP64);
        put4(out, 0);
        put4(out, 0);
        put8(out, entries);
        put8(out, entries);
        put8(out, list_size);
        put8(out, list_offset);
        put4(out, 0x0706_4b50);
        put4(out, 0);
        put8(out, list_offset + list_size);
        put4(out, 1);
    }
    let count = entries.min(MANY) as u16;
    put4(out, 0x0605_4b50);
    put4(out, 0);
    put2(out, count);
    put2(out, count);
    put4(out, short(list_size));
    put4(out, short(list_offset));
    put2(out, 0);
}

/// The name in UTF-8. What cannot be in it is percent-encoded, and so is a percent sign before what looks like such
/// a byte, so that names that differ still do.
///
/// A backslash separates names on Windows, so it must not be in one: `..\..\a` would leave the folder.
fn name(name: &[u8]) -> Vec<u8> {
    let looks_encoded = |text: &str| {
        let first = percent::octets(text.as_bytes()).next();
        matches!(first, Some(Octet::Encoded(b'\\' | b'%' | 0x80..)))
    };
    let mut encoded = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        let text = chunk.valid();
        for (at, character) in text.char_indices() {
            match character {
                '\\' => encoded.push_str("%5C"),
                '%' if looks_encoded(&text[at..]) => encoded.push_str("%25"),
                _ => encoded.push(character),
            }
        }
        encoded.push_str(&percent::segment(chunk.invalid()).to_string());
    }
    encoded.into_bytes()
}

/// The extended timestamp of Info-ZIP: it is in UTC and to the second. Empty if the time does not fit.
fn timestamp(modified: i64) -> Vec<u8> {
    let Ok(seconds) = i32::try_from(modified) else {
        return Vec::new();
    };
    let mut field = Vec::with_capacity(9);
    put2(&mut field, 0x5455);
    put2(&mut field, 5);
    field.push(1);
    field.extend_from_slice(&seconds.to_le_bytes());
    field
}

/// Section 4.5.3.
fn zip64_field(numbers: &[u64]) -> Vec<u8> {
    let mut field = Vec::with_capacity(4 + 8 * numbers.len());
    put2(&mut field, 1);
    put2(&mut field, 8 * numbers.len() as u16);
    numbers.iter().for_each(|&number| put8(&mut field, number));
    field
}

/// Section 4.4.6: the time and the date in UTC, from 1980 to 2107.
fn dos_time(modified: i64) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let time = UtcTime::from_unix(modified.clamp(FIRST, LAST));
    let [year, month, day, hour, minute, second] =
        time.map_or([1980, 1, 1, 0, 0, 0], UtcTime::parts);
    let time = (hour << 11) | (minute << 5) | (second / 2);
    let date = ((year - 1980) << 9) | (month << 5) | day;
    (time as u16, date as u16)
}

/// The number, or the marker for "see the zip64 field".
fn short(number: u64) -> u32 {
    number.min(LARGE) as u32
}

fn put2(out: &mut Vec<u8>, number: u16) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put4(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put8(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_the_range_of_the_format() {
        for (seconds, want) in [
            (
                784_111_777,
                ((8 << 11) | (49 << 5) | 18, (14 << 9) | (11 << 5) | 6),
            ),
            (0, (0, (1 << 5) | 1)),
            (-5, (0, (1 << 5) | 1)),
            (
                i64::MAX,
                ((23 << 11) | (59 << 5) | 29, (127 << 9) | (12 << 5) | 31),
            ),
        ] {
            assert_eq!(dos_time(seconds), want, "{seconds}");
        }
    }

    #[test]
    fn names_are_utf_8_without_backslashes_and_stay_apart() {
        let rows: [(&[u8], &str); 10] = [
            (b"d/..\\..\\a", "d/..%5C..%5Ca"),
            (b"z\xff", "z%FF"),
            (b"z\xfe.txt", "z%FE.txt"),
            (b"\xe2\x82", "%E2%82"),
            ("\u{fc}".as_bytes(), "\u{fc}"),
            ("\u{fffd}".as_bytes(), "\u{fffd}"),
            // These would be what the first ones are now.
            (b"d/..%5C..%5ca", "d/..%255C..%255ca"),
            (b"z%FF", "z%25FF"),
            (b"z%25FF", "z%2525FF"),
            (b"100% a%20b %5", "100% a%20b %5"),
        ];
        for (plain, want) in rows {
            let got = String::from_utf8(name(plain)).expect("UTF-8");
            assert_eq!(got, want, "{}", plain.escape_ascii());
        }
    }

    #[test]
    fn large_numbers_stand_in_fields_of_their_own() {
        let header = |offset| Header {
            name: b"a".to_vec(),
            offset,
            modified: i64::MAX,
            mode: 0o644,
            is_directory: false,
            is_zip64: false,
        };
        let central = |offset, size| {
            let mut out = Vec::new();
            let measures = Measures {
                size,
                ..Measures::default()
            };
            header(offset).write_central(measures, &mut out);
            out
        };
        assert_eq!(central(5, 7).len(), 47);
        let large = central(LARGE, 7);
        assert_eq!(&large[42..46], &[0xff; 4]);
        assert_eq!(&large[47..], b"\x01\0\x08\0\xff\xff\xff\xff\0\0\0\0");
        let both = central(LARGE + 1, LARGE);
        assert_eq!(&both[24..28], &[0xff; 4]);
        assert_eq!(
            &both[47..],
            b"\x01\0\x10\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\x01\0\0\0"
        );
        let end = |entries, offset| {
            let mut out = Vec::new();
            write_end(entries, 100, offset, &mut out);
            out.len()
        };
        assert_eq!(
            (end(MANY - 1, LARGE - 1), end(MANY, 0), end(1, LARGE)),
            (22, 98, 98)
        );
    }
}
