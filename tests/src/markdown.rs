//! The commands of a document, and the output that it shows below them.

/// A block of commands, and the output that the document shows for it.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// The text of an `sh` block.
    pub commands: String,
    /// The following block, unless it is an `sh` block.
    pub shown: Option<String>,
}

/// Returns the section of a heading, such as `## A session`, up to the next heading of the same level.
pub fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let level = heading.split(' ').next().unwrap_or_default();
    let (_, after) = document.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading:?}"));
    after.split(&format!("\n{level} ")).next().unwrap_or_default()
}

/// Returns the steps of a document, in order.
pub fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    // Every other part is a fenced block, which begins with its language.
    for block in document.split("```").skip(1).step_by(2) {
        let (language, text) = block.split_once('\n').unwrap_or((block, ""));
        match (language, steps.last_mut()) {
            ("sh", _) => steps.push(Step { commands: text.to_owned(), shown: None }),
            (_, Some(step)) if step.shown.is_none() => step.shown = Some(text.to_owned()),
            (_, last) => panic!("a block shows an output without a command: {text:?}, after {last:?}"),
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_come_with_the_output_shown_below_them() {
        let document =
            "# A\n## B\none\n```sh\nls\n```\nsome files:\n```\na b\n```\n```sh\npwd\n```\n## C\n```sh\nrm\n```\n";
        let step = |commands: &str, shown: Option<&str>| Step {
            commands: commands.to_owned(),
            shown: shown.map(str::to_owned),
        };
        assert_eq!(steps(section(document, "## B")), [step("ls\n", Some("a b\n")), step("pwd\n", None)]);
    }
}
