//! The views that a bench has, by name.

/// One view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panel {
    Sequence,
    Code,
    Frames,
    Kernel,
    Log,
    Waveform,
    Onion,
    Chart,
    Streams,
    Compare,
}

impl Panel {
    const ALL: [Self; 10] = [
        Self::Sequence,
        Self::Code,
        Self::Frames,
        Self::Kernel,
        Self::Log,
        Self::Waveform,
        Self::Onion,
        Self::Chart,
        Self::Streams,
        Self::Compare,
    ];

    /// The view of this name in an address.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|panel| panel.names().0 == name)
    }

    /// End of an element id and name in the address, and the word on the tab.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Sequence => ("sequence", "时序图"),
            Self::Code => ("code", "代码"),
            Self::Frames => ("frames", "报文"),
            Self::Kernel => ("kernel", "内核"),
            Self::Log => ("log", "日志"),
            Self::Waveform => ("waveform", "波形"),
            Self::Onion => ("onion", "洋葱"),
            Self::Chart => ("chart", "图表"),
            Self::Streams => ("streams", "流"),
            Self::Compare => ("compare", "对照"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_is_found_by_its_name() {
        assert!(Panel::ALL.into_iter().all(|panel| Panel::named(panel.names().0) == Some(panel)));
        assert_eq!(Panel::named("x"), None);
    }
}
