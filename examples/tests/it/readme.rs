//! The list of the examples.

#[test]
fn the_list_has_every_example() {
    let manifest = include_str!("../../Cargo.toml");
    let list = include_str!("../../README.md");
    let paths = manifest.lines().filter_map(|line| {
        let path = line.strip_prefix("path = \"")?;
        path.strip_suffix('"')
    });
    let mut count = 0;
    for path in paths {
        assert!(list.contains(&format!("]({path})")), "{path} is not listed");
        count += 1;
    }
    let links = list.matches(".rs)").count();
    assert_eq!(
        links, count,
        "README.md lists a file that is not an example"
    );
}
