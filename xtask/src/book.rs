//! `cargo xtask book`: builds the guide as a book.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::cargo::cargo;
use crate::output::output;
use crate::skipped;

/// The folder of the book, from the workspace.
const BOOK: &str = "docs/guide";

/// Checks the links and the code of the guide, and builds the book into target/book.
///
/// # Errors
/// [`Skipped`](skipped::Skipped) if mdbook is not installed. A link or an example is wrong, or mdbook fails.
pub(crate) fn run(root: &Path) -> Result<()> {
    cargo(root, &["test", "-p", "mesos-guide"], &[])?;
    println!("the links and the code of the guide are correct");
    skipped::version(&["mdbook"], "mdbook")?;
    let mut build = Command::new("mdbook");
    build.current_dir(root).args(["build", BOOK]);
    output(&mut build)?;
    println!("{}", root.join("target/book/index.html").display());
    Ok(())
}
