//! Strategies: which of the suitable offers a task gets.

/// Which of the suitable agents a task gets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The first suitable agent, in the order of the offers.
    #[default]
    FirstFit,
}
