//! A page that is not in the table of contents is not part of the book, and a page without a module
//! is not tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The pages with their texts, by their paths below `pages`.
fn pages() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("pages"),
        "",
        &mut pages,
    );
    pages
}

fn read(folder: &Path, prefix: &str, pages: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let entry = entry.expect("the folder can be read");
        let name = entry.file_name().into_string().expect("the name is text");
        if entry.path().is_dir() {
            read(&entry.path(), &format!("{prefix}{name}/"), pages);
        } else if name.ends_with(".md") {
            let text = fs::read_to_string(entry.path()).expect("the page is text");
            pages.insert(format!("{prefix}{name}"), text);
        }
    }
}

/// The targets of the links of a page, without those to other sites and those in code.
fn links(text: &str) -> Vec<&str> {
    let prose = text.split("```").step_by(2);
    prose
        .flat_map(|prose| prose.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target)
        .filter(|target| !target.contains("://"))
        .collect()
}

/// The anchor of a heading, as mdBook writes it.
fn anchor(heading: &str) -> String {
    let words = heading.trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_page_is_in_the_table_of_contents_and_is_tested() {
    let source = include_str!("lib.rs");
    let pages = pages();
    let summary = &pages["SUMMARY.md"];
    for page in pages.keys().filter(|page| *page != "SUMMARY.md") {
        assert!(
            summary.contains(&format!("({page})")),
            "{page} is not in SUMMARY.md"
        );
        assert!(
            source.contains(&format!("\"pages/{page}\"")),
            "{page} is not in lib.rs"
        );
    }
}

#[test]
fn every_link_leads_to_a_page_and_a_heading() {
    let pages = pages();
    for (page, text) in &pages {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(text) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match (file, file.strip_prefix("../")) {
                ("", _) => page.clone(),
                (_, Some(above)) => above.to_owned(),
                _ if folder.is_empty() => file.to_owned(),
                _ => format!("{folder}/{file}"),
            };
            if target.ends_with(".svg") || target.ends_with(".json") {
                let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("pages")
                    .join(&target);
                assert!(
                    file.is_file(),
                    "{page} has a link to {link}, which is not a file"
                );
                continue;
            }
            let Some(target) = pages.get(&target) else {
                panic!("{page} has a link to {link}, which is not a page");
            };
            let headings = target.lines().filter(|line| line.starts_with('#'));
            let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#')));
            assert!(
                heading.is_empty() || anchors.any(|anchor| anchor == heading),
                "{page} has a link to {link}, which has no such heading"
            );
        }
    }
}

#[test]
fn the_readme_shows_the_first_example_as_it_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("the file is text");
    let example = read("examples/hello_scheduler.rs");
    let code = example.split_once("\n\n").expect("a header").1;
    assert!(read("README.md").contains(&format!("```rust\n{code}```")));
}

#[test]
fn the_links_of_the_readme_lead_to_files_of_the_repository() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = fs::read_to_string(root.join("README.md")).expect("the file is text");
    for link in links(&readme) {
        let path = link.split('#').next().unwrap_or_default();
        assert!(path.is_empty() || root.join(path).exists(), "{link}");
    }
}

/// The names of metrics in a text.
fn metric_names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_name =
        |word: &&str| word.starts_with("mesos_scheduler_") || word.starts_with("mesos_framework_");
    words.filter(is_name).collect()
}

#[test]
fn the_dashboard_shows_metrics_that_exist_and_all_metrics_of_the_driver_that_deserve_an_alert() {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages");
    let read = |path: &Path| fs::read_to_string(path).expect("the file is text");
    let dashboard = read(&pages.join("dashboard.json"));
    let json: serde_json::Value = serde_json::from_str(&dashboard).expect("JSON");
    assert!(
        json["panels"]
            .as_array()
            .is_some_and(|panels| !panels.is_empty())
    );
    let root = pages.join("../../..");
    let driver = read(&root.join("mesos-core/src/metrics.rs"));
    // The status page adds the prefix, and the library that writes the format adds `_total`.
    let page = read(&root.join("mesos-status/src/metrics.rs"));
    let shown = metric_names(&dashboard);
    for name in &shown {
        let exists = match name.strip_prefix("mesos_framework_") {
            Some(name) => {
                let name = name.strip_suffix("_total").unwrap_or(name);
                page.contains(&format!("\"{name}\""))
            }
            None => driver.contains(&format!("\"{name}\"")),
        };
        assert!(exists, "the metric {name} does not exist");
    }
    let alerts = read(&pages.join("operating.md"));
    for name in metric_names(&alerts) {
        let is_shown = shown.contains(name) || name.starts_with("mesos_framework_");
        assert!(is_shown, "the dashboard does not show {name}");
    }
}
