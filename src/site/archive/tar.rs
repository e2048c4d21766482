//! The tar format: POSIX.1-2024, "pax Interchange Format" and "ustar Interchange Format".
//!
//! ```text
//! archive = *( [ long-name ] [ pax-header ] header content ) 2zero-block      each a multiple of 512 bytes
//! ```
//!
//! A pax header has what does not fit into the header: `27 path=a name with a ü.txt`. Its values are UTF-8. GNU tar
//! does not know the record `hdrcharset` for other names and warns of it. So a name that is not UTF-8 stands in the
//! header as it is or, if it is long, in an entry of GNU's type `L` before it. GNU tar, libarchive and Python read both.

use super::entry::Entry;

/// The unit of an archive in bytes.
const BLOCK: usize = 512;

/// The longest name in a header.
const NAME: usize = 100;

/// The greatest number in a field of 12 bytes: eleven octal digits, 8 GiB or the year 2242.
const MOST: u64 = 0o77_777_777_777;

/// What a ustar header says. A name that is too long is cut.
struct Block<'a> {
    name: &'a [u8],
    kind: u8,
    mode: u32,
    size: u64,
    /// In seconds since 1970.
    modified: u64,
}

/// Appends what stands before the content of an entry.
pub(super) fn write_header(entry: &Entry<'_>, out: &mut Vec<u8>) {
    if is_raw(entry.name) && entry.name.len() > NAME {
        write_long_name(entry.name, out);
    }
    let records = records(entry);
    if !records.is_empty() {
        let length = records.len() as u64;
        let block = Block {
            name: b"PaxHeaders/entry",
            kind: b'x',
            mode: 0o644,
            size: length,
            modified: 0,
        };
        block.write(out);
        out.extend_from_slice(&records);
        pad(length, out);
    }
    let fitting = |number: u64| if number > MOST { 0 } else { number };
    let block = Block {
        name: entry.name,
        kind: if entry.is_directory { b'5' } else { b'0' },
        mode: entry.mode(),
        size: fitting(entry.size),
        modified: fitting(u64::try_from(entry.modified).unwrap_or(0)),
    };
    block.write(out);
}

/// Whether the name cannot be the value of a record.
fn is_raw(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_err()
}

/// Appends the entry that names the next one in full, with a NUL behind the name.
fn write_long_name(name: &[u8], out: &mut Vec<u8>) {
    let length = name.len() as u64 + 1;
    let block = Block {
        name: b"././@LongLink",
        kind: b'L',
        mode: 0o644,
        size: length,
        modified: 0,
    };
    block.write(out);
    out.extend_from_slice(name);
    out.push(0);
    pad(length, out);
}

/// Appends what stands behind content of this size.
pub(super) fn pad(size: u64, out: &mut Vec<u8>) {
    let last = (size % BLOCK as u64) as usize;
    if last > 0 {
        out.resize(out.len() + BLOCK - last, 0);
    }
}

/// Appends the end of an archive.
pub(super) fn write_end(out: &mut Vec<u8>) {
    out.resize(out.len() + 2 * BLOCK, 0);
}

/// What does not fit into the header.
fn records(entry: &Entry<'_>) -> Vec<u8> {
    let mut records = Vec::new();
    let fits = entry.name.len() <= NAME && entry.name.is_ascii();
    if !fits && !is_raw(entry.name) {
        push_record(&mut records, "path", entry.name);
    }
    if entry.size > MOST {
        push_record(&mut records, "size", entry.size.to_string().as_bytes());
    }
    if !(0..=MOST as i64).contains(&entry.modified) {
        push_record(&mut records, "mtime", entry.modified.to_string().as_bytes());
    }
    records
}

/// Appends a record. It begins with its own length.
fn push_record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    // A space, an equals sign and a line feed.
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

impl Block<'_> {
    /// Appends the header.
    fn write(&self, out: &mut Vec<u8>) {
        let mut block = [0; BLOCK];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(NAME)]);
        put(100, format!("{:07o}", self.mode).as_bytes());
        // The owner and the group are those of whoever unpacks it.
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, format!("{:011o}", self.modified).as_bytes());
        put(148, b"        ");
        put(156, &[self.kind]);
        put(257, b"ustar\0");
        put(263, b"00");
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        out.extend_from_slice(&block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Entry<'static> = Entry {
        name: b"d/a.txt",
        is_directory: false,
        size: 5,
        modified: 784_111_777,
        is_executable: false,
    };

    fn header(entry: Entry<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        write_header(&entry, &mut out);
        assert_eq!(out.len() % BLOCK, 0);
        out
    }

    #[test]
    fn a_usual_entry_has_one_header() {
        let block = header(FILE);
        assert_eq!(block.len(), BLOCK);
        assert!(block.starts_with(b"d/a.txt\0"));
        assert_eq!(
            &block[100..148],
            b"0000644\x000000000\x000000000\x0000000000005\x0005657114241\x00"
        );
        assert_eq!(&block[156..157], b"0");
        assert_eq!(&block[257..265], b"ustar\x0000");
        let directory = Entry {
            is_directory: true,
            ..FILE
        };
        assert_eq!(&header(directory)[156..157], b"5");
    }

    #[track_caller]
    fn check(entry: Entry<'_>, want: &[u8]) {
        let bytes = header(entry);
        assert_eq!(bytes[156], b'x');
        assert!(
            bytes[BLOCK..].starts_with(want),
            "{}",
            bytes[BLOCK..2 * BLOCK].escape_ascii()
        );
        assert_eq!(bytes[BLOCK + want.len()], 0);
    }

    #[test]
    fn what_does_not_fit_is_in_a_pax_header() {
        let name = "\u{fc}".as_bytes();
        check(Entry { name, ..FILE }, "11 path=\u{fc}\n".as_bytes());
        // The length counts its own digits.
        let long = [b'x'; 101];
        let want = [b"111 path=", &long[..], b"\n"].concat();
        check(
            Entry {
                name: &long,
                ..FILE
            },
            &want,
        );
        assert_eq!(
            header(Entry {
                name: &long[..100],
                ..FILE
            })
            .len(),
            BLOCK
        );
        let size = 8 << 30;
        check(Entry { size, ..FILE }, b"19 size=8589934592\n");
        assert_eq!(
            header(Entry {
                size: size - 1,
                ..FILE
            })
            .len(),
            BLOCK
        );
        check(
            Entry {
                modified: -1,
                ..FILE
            },
            b"12 mtime=-1\n",
        );
    }

    /// Python, GNU tar and libarchive read these: see the test of archives.
    #[test]
    fn a_name_that_is_not_utf_8_stands_in_no_record() {
        let short = header(Entry {
            name: b"\xff",
            ..FILE
        });
        assert_eq!(short.len(), BLOCK);
        assert!(short.starts_with(b"\xff\0"));
        let name = &[&[b'x'; 100][..], b"\xff"].concat();
        let modified = -1;
        let bytes = header(Entry {
            name,
            modified,
            ..FILE
        });
        // The long name, its record of the time, and the header.
        assert_eq!(bytes.len(), 5 * BLOCK);
        assert!(bytes.starts_with(b"././@LongLink\0"));
        assert_eq!((&bytes[124..135], bytes[156]), (&b"00000000146"[..], b'L'));
        assert!(bytes[BLOCK..].starts_with(&[name, &b"\0"[..]].concat()));
        assert_eq!(bytes[2 * BLOCK + 156], b'x');
        assert!(bytes[3 * BLOCK..].starts_with(b"12 mtime=-1\n\0"));
        assert!(bytes[4 * BLOCK..].starts_with(&name[..100]));
    }

    #[test]
    fn content_ends_at_a_block() {
        for (size, want) in [(0, 0), (1, 511), (511, 1), (512, 0), (513, 511)] {
            let mut out = Vec::new();
            pad(size, &mut out);
            assert_eq!(out.len(), want, "{size}");
        }
    }
}
