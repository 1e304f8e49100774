//! Randomness by counting: the same seed decides the same way about the same frame of the same line,
//! whatever the timing of the run and whatever happens on other lines.

/// What a random number decides. Each purpose has its own sequence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    Loss = 1,
    Reorder = 2,
    Duplicate = 3,
    Corrupt = 4,
    CorruptedBit = 5,
    Jitter = 6,
}

/// The random numbers of one direction of one cable.
#[derive(Clone, Copy, Debug)]
pub(super) struct Randomness {
    key: u64,
}

impl Randomness {
    /// `lane` tells the directions and cables of a run apart.
    pub(super) fn new(seed: u64, lane: u64) -> Self {
        Self { key: mix(seed ^ mix(lane)) }
    }

    /// 64 random bits for frame number `index` of this lane.
    pub(super) fn bits(self, index: u64, purpose: Purpose) -> u64 {
        mix(mix(self.key ^ index) ^ purpose as u64)
    }

    /// A number in `0.0..1.0`.
    pub(super) fn fraction(self, index: u64, purpose: Purpose) -> f64 {
        (self.bits(index, purpose) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// True with the given probability in percent.
    pub(super) fn happens(self, percent: f64, index: u64, purpose: Purpose) -> bool {
        percent > 0.0 && self.fraction(index, purpose) * 100.0 < percent
    }
}

/// The output function of SplitMix64 (Steele, Lea, Flood 2014) at state `value`.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mix_is_splitmix64() {
        // First outputs of SplitMix64 seeded with 0 and with 1234567 (Rosetta Code, Vigna's splitmix64.c).
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }

    #[test]
    fn decisions_never_change_between_versions() {
        let lost = |seed, lane| {
            let random = Randomness::new(seed, lane);
            (0..40).filter(|index| random.happens(20.0, *index, Purpose::Loss)).collect::<Vec<u64>>()
        };
        // Computed by a second implementation, in Python.
        assert_eq!(lost(3, 0), [12, 16, 20, 29, 34, 37, 38]);
        assert_ne!(lost(3, 1), lost(3, 0));
        assert_ne!(lost(4, 0), lost(3, 0));
    }

    #[test]
    fn shares_are_what_was_asked_for() {
        for percent in [0.0, 1.0, 20.0, 100.0] {
            let random = Randomness::new(7, 9);
            let hits = (0..100_000).filter(|index| random.happens(percent, *index, Purpose::Loss)).count();
            let expected = percent * 1_000.0;
            assert!((hits as f64 - expected).abs() <= 4.0 * expected.sqrt(), "{percent} %: {hits}");
        }
    }
}
