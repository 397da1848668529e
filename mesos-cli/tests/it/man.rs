//! The manual pages in the folder `man`.

use std::collections::BTreeMap;
use std::path::Path;

use super::program::{mesos, run};

fn pages(dir: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let page = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap();
        (entry.file_name().into_string().unwrap(), text)
    };
    entries.map(page).collect()
}

#[test]
fn the_manual_pages_match_the_program() {
    let written = tempfile::tempdir().unwrap();
    run(mesos(written.path()).arg("man").arg(written.path())).ok();
    let written = pages(written.path());
    let kept = pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("man"));
    let names = |pages: &BTreeMap<String, String>| pages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&kept), names(&written), "run cargo xtask man");
    for (name, text) in written {
        assert_eq!(kept[&name], text, "{name}: run cargo xtask man");
    }
}
