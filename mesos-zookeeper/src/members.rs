//! The nodes under the masters' path: which of them leads, and how its data is
//! written. Pure.
//!
//! The rules are those of `GroupProcess::cache` in src/zookeeper/group.cpp.

/// How a master describes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// `MasterInfo` in JSON.
    Json,
    /// `MasterInfo` in protobuf.
    Protobuf,
    /// `master@ip:port`.
    Pid,
    /// Not a master's.
    Foreign,
}

/// The node that leads, if there is one.
pub(super) fn leading(nodes: &[String]) -> Option<(&str, Format)> {
    nodes
        .iter()
        .filter_map(|node| member(node).map(|(sequence, format)| (sequence, node, format)))
        // The name decides between the same number with two labels, which
        // ZooKeeper never gives out.
        .min_by_key(|&(sequence, node, _)| (sequence, node))
        .map(|(_, node, format)| (node.as_str(), format))
}

/// The number of a node, if it has one.
fn member(node: &str) -> Option<(i32, Format)> {
    let (label, sequence) = match node.rsplit_once('_') {
        Some((label, sequence)) => (Some(label), sequence),
        None => (None, node),
    };
    // ZooKeeper counts in an i32, and goes on below zero after its end.
    let sequence = sequence.parse().ok()?;
    let format = match label {
        Some("json.info") => Format::Json,
        Some("info") => Format::Protobuf,
        None => Format::Pid,
        Some(_) => Format::Foreign,
    };
    Some((sequence, format))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leading(nodes: &[&str]) -> Option<(String, Format)> {
        let nodes: Vec<String> = nodes.iter().map(|&node| node.to_owned()).collect();
        super::leading(&nodes).map(|(node, format)| (node.to_owned(), format))
    }

    #[test]
    fn the_smallest_number_leads_whatever_the_label() {
        for (nodes, leader, format) in [
            (
                &[
                    "json.info_0000000010",
                    "log_replicas",
                    "info_0000000011",
                    "json.info_0000000009",
                ][..],
                "json.info_0000000009",
                Format::Json,
            ),
            (
                &["json.info_0000000002", "info_0000000001"],
                "info_0000000001",
                Format::Protobuf,
            ),
            (
                &["0000000003", "info_0000000004"],
                "0000000003",
                Format::Pid,
            ),
            // As text, 10 would come before 9.
            (
                &["json.info_10", "json.info_9"],
                "json.info_9",
                Format::Json,
            ),
            (
                &["json.info_-2147483648", "json.info_2147483647"],
                "json.info_-2147483648",
                Format::Json,
            ),
        ] {
            assert_eq!(leading(nodes), Some((leader.to_owned(), format)));
        }
    }

    #[test]
    fn nodes_without_a_number_that_fits_are_passed_over() {
        for nodes in [
            &[][..],
            &["log_replicas", "info_", "_", "json.info", ""],
            &["json.info_2147483648", "json.info_12a", "json.info_ 1"],
        ] {
            assert_eq!(leading(nodes), None);
        }
    }

    #[test]
    fn a_foreign_node_with_the_smallest_number_is_not_passed_over() {
        assert_eq!(
            leading(&["lock_0000000001", "json.info_0000000002"]),
            Some(("lock_0000000001".to_owned(), Format::Foreign))
        );
    }
}
