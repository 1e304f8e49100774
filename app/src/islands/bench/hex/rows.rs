//! A frame's bytes in rows, with what is marked in them.

/// One byte on show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Cell {
    /// Position in the frame.
    pub(crate) at: u32,
    pub(crate) value: u8,
    /// Some of its bits belong to the selected field.
    pub(crate) selected: bool,
    /// A bit of it was flipped on the way.
    pub(crate) flipped: bool,
}

/// `bytes` in rows of `columns`. `selected`: bits, half open; `flipped`: bits.
pub(crate) fn rows(
    bytes: &[u8],
    columns: usize,
    selected: Option<(u32, u32)>,
    flipped: &[u32],
) -> Vec<Vec<Cell>> {
    let cell = |(at, value): (u32, &u8)| {
        let bits = at * 8..at * 8 + 8;
        Cell {
            at,
            value: *value,
            selected: selected.is_some_and(|(start, end)| start < bits.end && bits.start < end),
            flipped: flipped.iter().any(|bit| bits.contains(bit)),
        }
    };
    let cells: Vec<Cell> = (0..).zip(bytes).map(cell).collect();
    cells.chunks(columns.max(1)).map(<[Cell]>::to_vec).collect()
}

/// The printable character a byte is in ASCII, or a dot.
pub(crate) fn printable(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '·' }
}

/// What a flipped bit did: `第 21 字节：0x06 → 0x04（第 1 位被翻转）`, bit 0 being the least significant.
pub(crate) fn flip(bytes: &[u8], bit: u32) -> Option<String> {
    let at = bit / 8;
    let before = bytes.get(at as usize)?;
    let significance = 7 - bit % 8;
    let after = before ^ (1 << significance);
    Some(format!("第 {at} 字节 0x{before:02x} → 0x{after:02x}（第 {significance} 位被翻转）"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_marks_every_byte_it_touches() {
        let rows = rows(&[0; 40], 16, Some((4, 17)), &[319]);
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [16, 16, 8]);
        let marked: Vec<u32> =
            rows.iter().flatten().filter(|cell| cell.selected).map(|cell| cell.at).collect();
        assert_eq!(marked, [0, 1, 2]);
        assert!(rows[2][7].flipped && !rows[2][6].flipped);
    }

    #[test]
    fn a_worked_out_field_marks_nothing() {
        assert!(rows(&[1, 2], 8, Some((8, 8)), &[]).iter().flatten().all(|cell| !cell.selected));
    }

    #[test]
    fn flips_and_characters() {
        assert_eq!(flip(&[0, 0x06], 14).unwrap(), "第 1 字节 0x06 → 0x04（第 1 位被翻转）");
        assert_eq!(flip(&[0], 8), None);
        assert_eq!([printable(b'A'), printable(0), printable(0xe4)], ['A', '·', '·']);
    }
}
