//! Keeps the hosts' routing tables complete as hosts and routers are added.

use super::{Entry, Shared};
use crate::host::routes::Target;
use crate::recorder::lock;
use crate::routing::{Node, default_router, routes};
use api::trace::HostId;

impl Shared {
    /// A new router concerns everybody, a new host only itself.
    pub(super) fn update_routes(&self, new: HostId, forwards: bool) -> anyhow::Result<()> {
        let hosts = lock(&self.hosts);
        let nodes: Vec<Node> = hosts
            .iter()
            .map(|entry| Node {
                segments: entry.interfaces.iter().map(|interface| interface.segment).collect(),
                forwards: entry.forwards,
            })
            .collect();
        for (index, entry) in hosts.iter().enumerate() {
            if !forwards && index != usize::from(new) {
                continue;
            }
            let Some(table) = &entry.routes else { continue };
            let on = |entry: &Entry, segment: u8| {
                entry.interfaces.iter().find(|interface| interface.segment == segment).cloned()
            };
            let hops = routes(&nodes, index);
            let hops = hops.iter().map(|hop| (Target::Segment(hop.segment), hop.router, hop.via));
            let default = default_router(&nodes, index);
            let default = default.map(|(router, via)| (Target::Everything, router, via));
            for (target, router, via) in hops.chain(default) {
                if let (Some(own), Some(gateway)) = (on(entry, via), on(&hosts[router], via)) {
                    table.add(&own, target, &gateway)?;
                }
            }
        }
        Ok(())
    }
}
