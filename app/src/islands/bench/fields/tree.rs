//! A dissection as the rows of a tree: flat, in reading order, each with its depth.

use dissect::{Dissection, Field, Layer, Part};
use std::collections::HashMap;

/// One row: a layer or a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// The same for the same field of every frame: remembers what the reader opened.
    pub(crate) key: String,
    /// Display-filter name: `tcp.flags.syn`, or a layer's protocol.
    pub(crate) name: &'static str,
    pub(crate) label: String,
    /// The value as shown; empty for a layer.
    pub(crate) text: String,
    /// What to type into Wireshark to find frames like this one.
    pub(crate) filter: String,
    /// From 0 for layers.
    pub(crate) depth: u8,
    pub(crate) parent: Option<usize>,
    pub(crate) has_children: bool,
    /// Bits from the start of the frame, half open; empty if no bytes of the frame are this.
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Where its bytes lie, in their order, if not all are in this frame.
    pub(crate) parts: Vec<Part>,
    /// Its bytes are ciphertext on the wire.
    pub(crate) decrypted: bool,
}

/// All rows of a dissection.
pub(crate) fn nodes(dissection: &Dissection) -> Vec<Node> {
    let mut nodes = Vec::new();
    for (index, layer) in dissection.layers.iter().enumerate() {
        let at = nodes.len();
        nodes.push(of_layer(layer, index));
        for field in &layer.fields {
            add(&mut nodes, field, at, 1);
        }
    }
    nodes
}

fn of_layer(layer: &Layer, index: usize) -> Node {
    Node {
        key: format!("{index}{}{}", if layer.quoted { "q" } else { "" }, layer.protocol),
        name: layer.protocol,
        label: if layer.quoted { format!("被引用的 {}", layer.title) } else { layer.title.clone() },
        text: String::new(),
        filter: layer.protocol.to_owned(),
        depth: 0,
        parent: None,
        has_children: !layer.fields.is_empty(),
        start: layer.start * 8,
        end: layer.end * 8,
        parts: layer.parts.clone(),
        decrypted: layer.decrypted,
    }
}

fn add(nodes: &mut Vec<Node>, field: &Field, parent: usize, depth: u8) {
    let at = nodes.len();
    nodes.push(Node {
        key: format!("{}/{}", nodes[parent].key, field.name),
        name: field.name,
        label: field.label.to_owned(),
        text: field.text.clone(),
        filter: filter(field),
        depth,
        parent: Some(parent),
        has_children: !field.children.is_empty(),
        start: field.start_bit,
        end: field.end_bit,
        parts: field.parts.clone(),
        decrypted: nodes[parent].decrypted,
    });
    for child in &field.children {
        add(nodes, child, at, depth.saturating_add(1));
    }
}

/// `tcp.port == 80` where the value is short and has one spelling, otherwise just the name.
fn filter(field: &Field) -> String {
    use dissect::Value::{Bool, Float, Ipv4, Ipv6, Mac, Signed, Unsigned};
    match &field.value {
        value @ (Unsigned(_) | Signed(_) | Float(_) | Bool(_) | Mac(_) | Ipv4(_) | Ipv6(_)) => {
            format!("{} == {value}", field.name)
        }
        _ => field.name.to_owned(),
    }
}

/// Indices of the rows on show. `opened`: what the reader opened or closed by hand.
pub(crate) fn visible(nodes: &[Node], opened: &HashMap<String, bool>) -> Vec<usize> {
    let mut shown = vec![false; nodes.len()];
    let mut visible = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        // Parents come before their children.
        shown[index] = node.parent.is_none_or(|parent| shown[parent] && is_open(nodes, parent, opened));
        if shown[index] {
            visible.push(index);
        }
    }
    visible
}

/// Unless the reader said otherwise, only the innermost protocol that has more than raw data is open.
pub(crate) fn is_open(nodes: &[Node], index: usize, opened: &HashMap<String, bool>) -> bool {
    let node = &nodes[index];
    opened.get(&node.key).copied().unwrap_or_else(|| {
        let told = nodes.iter().rposition(|node| node.depth == 0 && node.name != "data");
        node.depth == 0 && told.is_none_or(|told| index >= told)
    })
}

/// The smallest row that covers a bit. Of two alike, the inner one.
pub(crate) fn innermost(nodes: &[Node], bit: u32) -> Option<usize> {
    let covering = nodes.iter().enumerate().filter(|(_, node)| node.start <= bit && bit < node.end);
    covering.min_by_key(|(index, node)| (node.end - node.start, usize::MAX - index)).map(|(index, _)| index)
}

/// The row for a range of bits that was selected elsewhere.
pub(crate) fn with_range(nodes: &[Node], start: u32, end: u32) -> Option<usize> {
    nodes.iter().rposition(|node| node.start == start && node.end == end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dissect::Hints;

    /// An ARP request: every byte belongs to a field.
    fn arp() -> Vec<Node> {
        let mut frame = vec![0xff; 6];
        frame.extend([2, 0, 0, 0, 0, 1, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend([2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
        nodes(&dissect::dissect(&frame, &Hints::default()))
    }

    #[test]
    fn only_the_innermost_protocol_is_open_at_first() {
        let nodes = arp();
        let shown = visible(&nodes, &HashMap::new());
        let fields: Vec<&str> = shown.iter().map(|at| nodes[*at].name).collect();
        assert!(fields.contains(&"arp.opcode") && !fields.contains(&"eth.src"), "{fields:?}");
    }

    #[test]
    fn opening_and_closing_by_hand() {
        let nodes = arp();
        let eth = nodes.iter().position(|node| node.name == "eth").unwrap();
        let arp = nodes.iter().position(|node| node.name == "arp").unwrap();
        let opened = HashMap::from([(nodes[eth].key.clone(), true), (nodes[arp].key.clone(), false)]);
        let fields: Vec<&str> = visible(&nodes, &opened).iter().map(|at| nodes[*at].name).collect();
        assert!(!fields.contains(&"arp.opcode") && fields.contains(&"eth.src"), "{fields:?}");
    }

    #[test]
    fn a_byte_leads_to_its_innermost_field_and_back() {
        let nodes = arp();
        let at = innermost(&nodes, 21 * 8).unwrap();
        assert_eq!(nodes[at].name, "arp.opcode");
        assert_eq!(nodes[at].filter, "arp.opcode == 1");
        assert_eq!(with_range(&nodes, nodes[at].start, nodes[at].end), Some(at));
        assert_eq!(innermost(&nodes, 10_000), None);
    }
}
