//! Codes a whole file, as small as each coding can.

use std::io::{self, Read, Write};

use flate2::{Compression, GzBuilder};

use crate::semantics::coding::Coding;
use crate::semantics::variant::SIDECARS;

/// The comment in the header of each `.gz` file (RFC 1952 section 2.3). It shows that docroot wrote it.
pub(super) const MARK: &[u8] = b"docroot";

/// The sidecars that this build writes: coding and extension.
pub(super) fn written() -> impl Iterator<Item = (Coding, &'static str)> {
    let is_written = |coding| coding == Coding::Gzip || cfg!(feature = "codings");
    SIDECARS
        .into_iter()
        .filter(move |&(coding, _)| is_written(coding))
}

/// Codes all of `input`, which has `size` bytes. It fails if the coding is none of [`written`].
pub(super) fn encode(
    coding: Coding,
    size: u64,
    input: &mut impl Read,
    output: &mut impl Write,
) -> io::Result<()> {
    match coding {
        Coding::Gzip => gzip(input, output),
        #[cfg(feature = "codings")]
        Coding::Brotli => brotli(size, input, output),
        #[cfg(feature = "codings")]
        Coding::Zstd => zstd(size, input, output),
        _ => {
            let _ = size;
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}

fn gzip(input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let mut encoder = GzBuilder::new()
        .comment(MARK)
        .write(output, Compression::best());
    io::copy(input, &mut encoder)?;
    encoder.finish().map(drop)
}

/// RFC 7932 section 9.1: the window has 2^10 to 2^24 bytes. One that is larger than the file saves nothing
/// and costs the client memory.
#[cfg(feature = "codings")]
fn brotli(size: u64, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    let bits = u64::BITS - size.leading_zeros();
    let params = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: bits.clamp(16, 24) as i32,
        size_hint: usize::try_from(size).unwrap_or(usize::MAX),
        ..Default::default()
    };
    brotli::BrotliCompress(input, output, &params).map(drop)
}

/// RFC 9659 section 3: browsers decode a window of at most 2^23 bytes.
#[cfg(feature = "codings")]
fn zstd(size: u64, input: &mut impl Read, output: &mut impl Write) -> io::Result<()> {
    const WINDOW_LOG: u32 = 23;
    let mut encoder = zstd::Encoder::new(output, *zstd::compression_level_range().end())?;
    encoder.set_pledged_src_size(Some(size))?;
    if size > 1 << WINDOW_LOG {
        encoder.window_log(WINDOW_LOG)?;
    }
    io::copy(input, &mut encoder)?;
    encoder.finish().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;

    fn text(length: usize) -> Vec<u8> {
        let lines =
            (0..).flat_map(|number: u64| format!("line {}\n", number * number).into_bytes());
        lines.take(length).collect()
    }

    fn coded(coding: Coding, content: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let size = content.len() as u64;
        encode(coding, size, &mut &content[..], &mut out).expect("memory");
        out
    }

    fn decoded(coding: Coding, coded: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        match coding {
            #[cfg(feature = "codings")]
            Coding::Brotli => {
                let mut decoder = brotli::Decompressor::new(coded, 4096);
                decoder.read_to_end(&mut content).expect("Brotli");
            }
            #[cfg(feature = "codings")]
            Coding::Zstd => {
                let mut decoder = zstd::Decoder::new(coded).expect("a decoder");
                decoder.window_log_max(23).expect("a window");
                decoder.read_to_end(&mut content).expect("Zstandard");
            }
            _ => {
                let mut decoder = GzDecoder::new(coded);
                decoder.read_to_end(&mut content).expect("gzip");
                let header = decoder.header().expect("a header");
                assert_eq!(header.comment(), Some(MARK));
                assert_eq!(header.mtime(), 0, "the same bytes in each run");
            }
        }
        content
    }

    #[test]
    fn decoding_gives_the_content() {
        for (coding, _) in written() {
            for length in [0, 1, 5000, 300_000] {
                let content = text(length);
                let coded = coded(coding, &content);
                assert!(decoded(coding, &coded) == content, "{coding:?} {length}");
                assert!(length < 5000 || coded.len() < length / 2, "{coding:?}");
            }
        }
    }

    /// A decoder with the window that browsers allow reads it.
    #[cfg(feature = "codings")]
    #[test]
    fn the_window_of_a_large_file_is_one_that_browsers_allow() {
        let mut content = text(1000);
        content.resize(9 << 20, b'x');
        let coded = coded(Coding::Zstd, &content);
        assert!(decoded(Coding::Zstd, &coded) == content);
    }

    #[test]
    fn the_smaller_codings_are_a_feature() {
        let extensions: Vec<&str> = written().map(|(_, extension)| extension).collect();
        let want: &[&str] = match cfg!(feature = "codings") {
            true => &["br", "zst", "gz"],
            false => &["gz"],
        };
        assert_eq!(extensions, want);
    }
}
