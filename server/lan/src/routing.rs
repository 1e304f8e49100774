//! Who reaches which segment through whom. Pure.

use std::collections::VecDeque;

/// A host as far as routing is concerned.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Segments it is attached to, in the order of its interfaces.
    pub(crate) segments: Vec<u8>,
    pub(crate) forwards: bool,
}

/// One route: to `segment` through the node `router`, which is reached over the shared segment `via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) segment: u8,
    pub(crate) router: usize,
    pub(crate) via: u8,
}

/// Shortest routes from `nodes[from]` to every segment it is not attached to.
pub(crate) fn routes(nodes: &[Node], from: usize) -> Vec<Hop> {
    let mut reached = nodes[from].segments.clone();
    let mut found = Vec::new();
    // Segments to continue from, with the first hop that leads there.
    let mut open: VecDeque<(u8, Option<Hop>)> = reached.iter().map(|segment| (*segment, None)).collect();
    while let Some((segment, first)) = open.pop_front() {
        let routers = nodes
            .iter()
            .enumerate()
            .filter(|(index, node)| *index != from && node.forwards && node.segments.contains(&segment));
        for (router, node) in routers {
            for &next in &node.segments {
                if reached.contains(&next) {
                    continue;
                }
                reached.push(next);
                let (router, via) = first.map_or((router, segment), |first| (first.router, first.via));
                let hop = Hop { segment: next, router, via };
                found.push(hop);
                open.push_back((next, Some(hop)));
            }
        }
    }
    found
}

/// The router that a plain host sends everything else to: the first on its first segment that has one.
pub(crate) fn default_router(nodes: &[Node], from: usize) -> Option<(usize, u8)> {
    if nodes[from].forwards {
        return None;
    }
    nodes[from].segments.iter().find_map(|segment| {
        let router = nodes.iter().position(|node| node.forwards && node.segments.contains(segment))?;
        Some((router, *segment))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(segments: &[u8], forwards: bool) -> Node {
        Node { segments: segments.to_vec(), forwards }
    }

    #[test]
    fn a_chain_of_routers_is_crossed_hop_by_hop() {
        // client –0– r1 –1– r2 –2– server
        let nodes = [node(&[0], false), node(&[0, 1], true), node(&[1, 2], true), node(&[2], false)];
        let client = routes(&nodes, 0);
        assert_eq!(client, [Hop { segment: 1, router: 1, via: 0 }, Hop { segment: 2, router: 1, via: 0 }]);
        assert_eq!(routes(&nodes, 1), [Hop { segment: 2, router: 2, via: 1 }]);
        assert_eq!(default_router(&nodes, 0), Some((1, 0)));
        assert_eq!(default_router(&nodes, 3), Some((2, 2)));
        assert_eq!(default_router(&nodes, 1), None);
    }

    #[test]
    fn without_routers_there_are_no_routes() {
        let nodes = [node(&[0], false), node(&[0], false)];
        assert!(routes(&nodes, 0).is_empty());
        assert_eq!(default_router(&nodes, 0), None);
    }
}
