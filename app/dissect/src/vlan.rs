//! VLAN tags, IEEE 802.1Q; and the outer tag of 802.1ad.
//!
//! ```text
//! |PCP 3|DEI 1|    VLAN identifier 12    |        EtherType 16        |
//! ```

use crate::context::Context;
use crate::ethernet::{self, TYPES};
use crate::spec::{Form, Spec, specs};

specs! {
    PRIORITY = "vlan.priority", "优先级", Form::Decimal;
    DEI = "vlan.dei", "可丢弃 DEI", Form::Flag;
    ID = "vlan.id", "VLAN 编号", Form::Decimal;
    ETYPE = "vlan.etype", "上层协议", Form::HexNamed(4, TYPES);
    OUTER_PRIORITY = "ieee8021ad.priority", "优先级", Form::Decimal;
    OUTER_DEI = "ieee8021ad.dei", "可丢弃 DEI", Form::Flag;
    OUTER_ID = "ieee8021ad.id", "VLAN 编号", Form::Decimal;
    OUTER_ETYPE = "ieee8021ah.etype", "上层协议", Form::HexNamed(4, TYPES);
}

const HEADER: usize = 4;

/// `outer`: the tag was announced by EtherType 0x88a8 (802.1ad). Returns where the payload ends.
pub(crate) fn dissect(context: &mut Context<'_>, outer: bool, start: usize, end: usize) -> usize {
    let (protocol, name, specs): (_, _, [&'static Spec; 4]) = if outer {
        ("ieee8021ad", "802.1ad", [&OUTER_PRIORITY, &OUTER_DEI, &OUTER_ID, &OUTER_ETYPE])
    } else {
        ("vlan", "802.1Q", [&PRIORITY, &DEI, &ID, &ETYPE])
    };
    let mut fields = context.fields(start, end);
    let read = (|| {
        fields.add(specs[0], 0, 3)?;
        fields.add(specs[1], 3, 1)?;
        let id = fields.add(specs[2], 4, 12)?;
        Some((id, fields.add(specs[3], 16, 16)?))
    })();
    let title = read.map_or_else(|| name.to_owned(), |(id, _)| format!("{name} VLAN {id}"));
    context.summary(name, title.clone());
    context.layer(protocol, title, fields, HEADER);
    match read.and_then(|(_, kind)| u16::try_from(kind).ok()) {
        Some(kind) if kind >= 0x600 => ethernet::payload(context, kind, start + HEADER, end),
        _ => end,
    }
}
