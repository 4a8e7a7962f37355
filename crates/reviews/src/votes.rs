/// How a review stands with its readers, after one of them voted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelpfulState {
    /// Whether this reader finds it helpful.
    pub helpful: bool,
    /// How many do.
    pub count: u32,
}
