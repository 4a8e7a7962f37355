//! The page with the last result: what people wrote stays, what stands between two marks is written anew.

use std::{fs, path::Path};

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- result -->\n";
const END: &str = "<!-- end of result -->";

pub(crate) fn write(path: &Path, result: &str) -> Result<()> {
    let page =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let page = replaced(&page, result)
        .with_context(|| format!("{} does not mark where the result goes", path.display()))?;
    Ok(fs::write(path, page)?)
}

fn replaced(page: &str, result: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{result}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_result_changes() {
        let page = "a\n<!-- result -->\nold\n<!-- end of result -->\nb\n";

        let new = replaced(page, "new\n").unwrap();

        assert_eq!(new, "a\n<!-- result -->\nnew\n<!-- end of result -->\nb\n");
    }
}
