//! A **line** is the cable between a host and the switch; each direction has its own settings.

use serde::{Deserialize, Serialize};

/// Impairments of one direction of one cable. The default is a perfect cable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Impairments {
    /// One-way propagation delay in milliseconds, 0–10 000.
    pub delay_ms: f64,
    /// Extra delay, uniformly distributed in `0..jitter_ms`, in milliseconds, 0–5 000.
    pub jitter_ms: f64,
    /// Probability that a frame is lost, in percent, 0–100.
    pub loss_percent: f64,
    /// Probability that a frame overtakes the ones before it (it skips the delay), in percent, 0–100.
    pub reorder_percent: f64,
    /// Probability that a frame is delivered twice, in percent, 0–100.
    pub duplicate_percent: f64,
    /// Probability that one bit of a frame is flipped, in percent, 0–100.
    pub corrupt_percent: f64,
    /// Serialisation rate in kbit/s; 0 means unlimited.
    pub rate_kbit: u32,
    /// Bytes that may wait for the cable while `rate_kbit` limits it; more are cut off (tail drop).
    pub queue_bytes: u32,
    /// Largest IP packet the cable carries, in bytes, 576–1500. Also the MTU of the host's interface
    /// when given before the run starts; lowered during a run it becomes a black hole.
    pub mtu: u16,
}

impl Default for Impairments {
    fn default() -> Self {
        Self {
            delay_ms: 0.0,
            jitter_ms: 0.0,
            loss_percent: 0.0,
            reorder_percent: 0.0,
            duplicate_percent: 0.0,
            corrupt_percent: 0.0,
            rate_kbit: 0,
            queue_bytes: 256 * 1024,
            mtu: 1500,
        }
    }
}

/// Both directions of a host's cable.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    /// From the host to the switch.
    pub up: Impairments,
    /// From the switch to the host.
    pub down: Impairments,
}

/// Why a [`Line`] was refused: the field (as in JSON, `up.loss_percent`) and a sentence for the reader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvalidField {
    pub field: String,
    pub message: String,
}

impl Line {
    /// The same impairments in both directions.
    #[must_use]
    pub fn both(impairments: Impairments) -> Self {
        Self { up: impairments.clone(), down: impairments }
    }

    /// Checks every bound named in [`Impairments`].
    ///
    /// # Errors
    /// The first field out of bounds.
    pub fn validate(&self) -> Result<(), InvalidField> {
        self.up.validate("up")?;
        self.down.validate("down")
    }
}

impl Impairments {
    /// True if frames pass through untouched and at once.
    #[must_use]
    pub fn is_perfect(&self) -> bool {
        let Self { queue_bytes: _, mtu: _, .. } = self;
        self.delay_ms == 0.0
            && self.jitter_ms == 0.0
            && self.loss_percent == 0.0
            && self.reorder_percent == 0.0
            && self.duplicate_percent == 0.0
            && self.corrupt_percent == 0.0
            && self.rate_kbit == 0
    }

    fn validate(&self, direction: &str) -> Result<(), InvalidField> {
        let within = |field: &str, value: f64, max: f64, unit: &str| {
            if value.is_finite() && (0.0..=max).contains(&value) {
                return Ok(());
            }
            Err(InvalidField {
                field: format!("{direction}.{field}"),
                message: format!("{field} 必须在 0 到 {max} {unit} 之间"),
            })
        };
        within("delay_ms", self.delay_ms, 10_000.0, "毫秒")?;
        within("jitter_ms", self.jitter_ms, 5_000.0, "毫秒")?;
        within("loss_percent", self.loss_percent, 100.0, "%")?;
        within("reorder_percent", self.reorder_percent, 100.0, "%")?;
        within("duplicate_percent", self.duplicate_percent, 100.0, "%")?;
        within("corrupt_percent", self.corrupt_percent, 100.0, "%")?;
        if !(576..=1500).contains(&self.mtu) {
            return Err(InvalidField {
                field: format!("{direction}.mtu"),
                message: "mtu 必须在 576 到 1500 字节之间".into(),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_line_is_perfect_and_valid() {
        assert!(Impairments::default().is_perfect());
        assert_eq!(Line::default().validate(), Ok(()));
    }

    #[test]
    fn out_of_bounds_names_the_field() {
        let mut line = Line::default();
        line.down.loss_percent = 101.0;
        assert_eq!(line.validate().unwrap_err().field, "down.loss_percent");
        line.down.loss_percent = f64::NAN;
        assert!(line.validate().is_err());
        line = Line::default();
        line.up.mtu = 100;
        assert_eq!(line.validate().unwrap_err().field, "up.mtu");
    }
}
