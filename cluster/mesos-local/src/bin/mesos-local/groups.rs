//! The cgroups that agents with the Linux launcher make for their containers (cgroups version 1).

use std::fs;
use std::path::{Path, PathBuf};

/// Where the hierarchies of cgroups are.
const HIERARCHIES: &str = "/sys/fs/cgroup";

/// The cgroups of one cluster, one in each hierarchy that the agents use.
#[derive(Debug, Default)]
pub(crate) struct Groups(Vec<PathBuf>);

impl Groups {
    /// The cgroups of this name that exist.
    pub(crate) fn named(name: &str) -> Self {
        Self::below(Path::new(HIERARCHIES), name)
    }

    fn below(hierarchies: &Path, name: &str) -> Self {
        let groups = directories(hierarchies).map(|hierarchy| hierarchy.join(name));
        Self(groups.filter(|group| group.is_dir()).collect())
    }

    /// Continues all processes: a killed agent can have frozen the processes of a container, and they
    /// would not end before they continue.
    pub(crate) fn thaw(&self) {
        self.innermost_first(&mut |group| {
            // Only the freezer has this file.
            let state = group.join("freezer.state");
            if state.exists() {
                let _ = fs::write(state, "THAWED");
            }
        });
    }

    /// Removes the cgroups. One with a process stays.
    pub(crate) fn remove(&self) {
        self.innermost_first(&mut |group| {
            let _ = fs::remove_dir(group);
        });
    }

    fn innermost_first(&self, act: &mut impl FnMut(&Path)) {
        fn visit(group: &Path, act: &mut impl FnMut(&Path)) {
            for inner in directories(group) {
                visit(&inner, act);
            }
            act(group);
        }
        for group in &self.0 {
            visit(group, act);
        }
    }
}

fn directories(parent: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_groups_are_thawed_and_removed_and_others_stay() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("freezer/mine/container/nested")).unwrap();
        fs::create_dir_all(path("freezer/other")).unwrap();
        fs::create_dir_all(path("cpu")).unwrap();
        let state = path("freezer/mine/container/freezer.state");
        fs::write(&state, "FROZEN").unwrap();
        let groups = Groups::below(root.path(), "mine");
        groups.thaw();
        assert_eq!(fs::read_to_string(&state).unwrap(), "THAWED");
        // A cgroup has no files that have to be removed.
        fs::remove_file(state).unwrap();
        groups.remove();
        assert!(!path("freezer/mine").exists());
        assert!(path("freezer/other").exists());
    }
}
