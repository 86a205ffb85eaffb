//! A guide's page as the blocks of commands in it.

use anyhow::{Context, bail};

/// Commands, and what the page says of them to a test.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// The line at which it begins, for errors.
    pub(super) line: usize,
    pub(super) commands: String,
    pub(super) background: Option<String>,
    pub(super) retry: bool,
    pub(super) exit: i32,
    pub(super) coin_for: Vec<String>,
    pub(super) data_for: Vec<String>,
    pub(super) ids: Vec<(String, String)>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) not_run: bool,
}

impl Block {
    fn told(&mut self, directive: &str) -> anyhow::Result<()> {
        let directive = directive.trim();
        if let Some(text) = directive.strip_prefix("background until ") {
            self.background = Some(text.to_owned());
        } else if let Some(file) = directive.strip_prefix("coin for ") {
            self.coin_for.push(file.to_owned());
        } else if let Some(file) = directive.strip_prefix("DATA for ") {
            self.data_for.push(file.to_owned());
        } else if let Some(code) = directive.strip_prefix("exit ") {
            self.exit = code.parse().context("the exit code")?;
        } else if let Some((name, file)) = directive.split_once(" is ") {
            self.ids.push((name.to_owned(), file.to_owned()));
        } else if let Some((name, value)) = directive.split_once('=') {
            self.variables.push((name.to_owned(), value.to_owned()));
        } else if directive == "retry" {
            self.retry = true;
        } else if directive.starts_with("not run: ") {
            self.not_run = true;
        } else {
            bail!("no test knows what {directive:?} means");
        }
        Ok(())
    }
}

/// The blocks of a page. All of them have to be marked as commands, so that none is forgotten.
pub(super) fn blocks(page: &str) -> anyhow::Result<Vec<Block>> {
    let (mut blocks, mut next) = (Vec::new(), Block::default());
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let text = line.trim();
        if let Some(told) = text.strip_prefix("<!-- test: ") {
            let told = told.strip_suffix(" -->").context("a comment that does not end")?;
            told.split(';').try_for_each(|directive| next.told(directive))?;
        } else if let Some(language) = text.strip_prefix("```") {
            let at = number + 1;
            anyhow::ensure!(language == "sh", "line {at}: a block that no test runs");
            let inside = lines.by_ref().map(|(_, line)| line.trim());
            let commands: Vec<&str> = inside.take_while(|line| *line != "```").collect();
            blocks.push(Block {
                line: at,
                commands: commands.join("\n"),
                ..std::mem::take(&mut next)
            });
        }
    }
    Ok(blocks)
}

#[test]
fn a_page_is_its_blocks_with_what_is_said_before_them() -> anyhow::Result<()> {
    let page = "# Page\n\n   <!-- test: retry; 0xA is a.json; X=1 -->\n   ```sh\n   one \\\n      two\n   ```\n\n```sh\nthree\n```\n";
    let blocks = blocks(page)?;
    assert_eq!(blocks.len(), 2);
    assert_eq!((blocks[0].line, blocks[0].commands.as_str()), (4, "one \\\ntwo"));
    assert!(blocks[0].retry && !blocks[1].retry);
    assert_eq!(blocks[0].ids, [("0xA".to_owned(), "a.json".to_owned())]);
    assert_eq!(blocks[0].variables, [("X".to_owned(), "1".to_owned())]);
    assert!(super::page::blocks("```\nnot marked\n```\n").is_err());
    assert!(super::page::blocks("<!-- test: whatever -->\n```sh\n```\n").is_err());
    Ok(())
}
