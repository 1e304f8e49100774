//! The Huffman code of RFC 7541 appendix B. It is canonical (codes of one length count up, with the symbols in order), so
//! the number of codes of each length and the symbols in the order of their codes say it all.

/// Codes of 5, 6, … 30 bits, without the one that ends a string.
const COUNTS: [u8; 26] =
    [10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 3];

/// The symbols in the order of their codes.
const SYMBOLS: [u8; 256] = [
    48, 49, 50, 97, 99, 101, 105, 111, 115, 116, 32, 37, 45, 46, 47, 51, 52, 53, 54, 55, 56, 57, 61, 65, 95,
    98, 100, 102, 103, 104, 108, 109, 110, 112, 114, 117, 58, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77,
    78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89, 106, 107, 113, 118, 119, 120, 121, 122, 38, 42, 44, 59, 88,
    90, 33, 34, 40, 41, 63, 39, 43, 124, 35, 62, 0, 36, 64, 91, 93, 126, 94, 125, 60, 96, 123, 92, 195, 208,
    128, 130, 131, 162, 184, 194, 224, 226, 153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230,
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190,
    196, 198, 228, 232, 233, 1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158,
    165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239, 9, 142, 144, 145, 148, 159, 171, 206,
    215, 225, 236, 237, 199, 207, 234, 235, 192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242,
    243, 255, 203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254,
    2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127,
    220, 249, 10, 13, 22,
];

/// Decodes a string. `None` if it is padded with anything but the start of the code that ends a string (section 5.2).
pub(crate) fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(bytes.len() * 8 / 5);
    let mut code = Code::default();
    for byte in bytes {
        for shift in (0..8).rev() {
            if let Some(symbol) = code.push(u32::from(byte >> shift & 1))? {
                decoded.push(symbol);
                code = Code::default();
            }
        }
    }
    (code.length < 8 && code.bits == (1 << code.length) - 1).then_some(decoded)
}

/// The bits of a symbol so far.
#[derive(Default)]
struct Code {
    bits: u32,
    length: usize,
    /// Symbols with shorter codes.
    shorter: usize,
    /// The first code of this length.
    first: u32,
}

impl Code {
    /// Takes a bit. `None` if no symbol has such a code.
    fn push(&mut self, bit: u32) -> Option<Option<u8>> {
        const SHORTEST: usize = 5;
        self.bits = self.bits << 1 | bit;
        self.length += 1;
        let Some(index) = self.length.checked_sub(SHORTEST) else { return Some(None) };
        let count = u32::from(*COUNTS.get(index)?);
        let rank = self.bits.checked_sub(self.first)?;
        if rank < count {
            return SYMBOLS.get(self.shorter + rank as usize).map(|symbol| Some(*symbol));
        }
        self.shorter += count as usize;
        self.first = (self.first + count) << 1;
        Some(None)
    }
}
