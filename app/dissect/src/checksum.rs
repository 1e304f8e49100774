//! The Internet checksum (RFC 1071) and what becomes of judging one.

use crate::context::Network;
use crate::fields::Fields;
use crate::spec::{Names, Spec};

/// Wireshark's numbers for verdicts.
pub(crate) const VERDICTS: Names = &[(0, "错误"), (1, "正确"), (2, "未校验"), (3, "未使用"), (4, "不允许")];

/// How a checksum stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It should have been this.
    Bad(u16),
    Good,
    /// Not all the bytes are there.
    Unverified,
    /// The sender did not make one (UDP over IPv4: 0).
    NotPresent,
    /// The sender did not make one where it must (UDP over IPv6: 0).
    Illegal,
}

impl Verdict {
    /// Judges `found` by the sum over everything it covers, itself included: that is 0xffff if nothing changed.
    pub(crate) fn judge(found: u16, sum: u16) -> Self {
        if sum == 0xffff {
            return Self::Good;
        }
        // Take the found checksum out of the sum again; what is missing to 0xffff should have been there.
        Self::Bad(!add(sum, !found))
    }

    /// Adds the checksum at `bit` and, below it, the verdict.
    pub(crate) fn add(
        self,
        fields: &mut Fields<'_>,
        checksum: &'static Spec,
        status: &'static Spec,
        bit: usize,
    ) -> Option<()> {
        fields.nest(checksum, bit, 16, |fields| {
            let number = match self {
                Self::Bad(_) => 0,
                Self::Good => 1,
                Self::Unverified => 2,
                Self::NotPresent => 3,
                Self::Illegal => 4,
            };
            fields.derived(status, bit / 8, number)
        })?;
        fields.say(|field| match self {
            Self::Bad(right) => format!("{}（错误，应为 0x{right:04x}）", field.text),
            Self::Good => format!("{}（正确）", field.text),
            Self::Unverified => format!("{}（未校验）", field.text),
            Self::NotPresent => format!("{}（发送方未计算）", field.text),
            Self::Illegal => format!("{}（IPv6 不允许为 0）", field.text),
        });
        Some(())
    }
}

/// One's complement sum of 16-bit words; an odd last byte counts as the high half.
pub(crate) fn sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0, |total, pair| {
        add(
            total,
            u16::from_be_bytes([pair.first().copied().unwrap_or(0), pair.get(1).copied().unwrap_or(0)]),
        )
    })
}

/// Sum over the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
pub(crate) fn pseudo(network: Network, protocol: u8, length: usize) -> u16 {
    let addresses = match network {
        Network::V4(from, to) => add(sum(&from), sum(&to)),
        Network::V6(from, to) => add(sum(&from), sum(&to)),
    };
    let length = crate::context::to_u32(length).to_be_bytes();
    add(add(addresses, u16::from(protocol)), sum(&length))
}

pub(crate) fn add(left: u16, right: u16) -> u16 {
    let (sum, carry) = left.overflowing_add(right);
    sum + u16::from(carry)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 1071 section 3.
    #[test]
    fn sums_as_the_rfc_does() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
        assert_eq!(sum(&[0x12, 0x34, 0x56]), 0x1234 + 0x5600);
    }

    #[test]
    fn a_bad_checksum_says_what_it_should_have_been() {
        let data = [0x45, 0x00, 0x12, 0x34];
        let right = !sum(&data);
        assert_eq!(Verdict::judge(right, add(sum(&data), right)), Verdict::Good);
        assert_eq!(Verdict::judge(0x5555, add(sum(&data), 0x5555)), Verdict::Bad(right));
    }
}
