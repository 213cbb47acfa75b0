//! Tells which lines of the reference ran: `lines PROGRAM PROFILE FILE…` reads the profile that a program compiled with
//! `-C instrument-coverage` left, and prints a line of JSON for each FILE, the end of a path: `file`, and the numbers of
//! its lines that were `reached` and `unreached`. Lines without code are in neither list: comments, declarations, and
//! code that was not compiled, such as tests and what is for wasm only.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use llvm_profparser::coverage::SourceLocation;
use llvm_profparser::{CoverageMapping, merge_profiles};
use serde_json::json;

fn main() {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let (Some(program), Some(profile)) = (args.next(), args.next()) else {
        panic!("lines PROGRAM PROFILE FILE…");
    };
    let files: Vec<PathBuf> = args.collect();
    let is_wanted = |path: &Path| files.iter().any(|file| path.ends_with(file));
    let profile = merge_profiles(&[profile]).expect("a profile of an LLVM that llvm_profparser knows");
    let programs = [program];
    let mapping = CoverageMapping::new(&programs, &profile, false).expect("a program with a coverage map");
    let report = mapping
        .generate_subreport(|paths| paths.iter().any(|path| is_wanted(path)))
        .expect("a coverage map that llvm_profparser knows");
    for file in &files {
        let regions: Vec<_> = report
            .files
            .iter()
            .filter(|(path, _)| path.ends_with(file))
            .flat_map(|(_, result)| &result.hits)
            .collect();
        assert!(!regions.is_empty(), "{} has no code in this program", file.display());
        let lines = counts_of_lines(&regions);
        let with = |is_reached: bool| -> Vec<usize> {
            let lines = lines.iter().filter(|(_, count)| (**count > 0) == is_reached);
            lines.map(|(line, _)| *line).collect()
        };
        println!(
            "{}",
            json!({"file": file, "reached": with(true), "unreached": with(false)})
        );
    }
}

/// Returns how often each line ran, as llvm-cov counts. Two kinds of regions count for a line: those that begin on it, and
/// the innermost one that began before it. The line ran as often as the one of them that ran most.
fn counts_of_lines(regions: &[(&SourceLocation, &usize)]) -> BTreeMap<usize, usize> {
    let mut counts = BTreeMap::new();
    let last = regions.iter().map(|(region, _)| region.line_end).max().unwrap_or(0);
    for line in 1..=last {
        let begin = regions.iter().filter(|(region, _)| region.line_start == line);
        let around = regions
            .iter()
            .filter(|(region, _)| region.line_start < line && region.line_end >= line)
            .max_by_key(|(region, _)| (region.line_start, region.column_start));
        if let Some(count) = begin.chain(around).map(|(_, count)| **count).max() {
            counts.insert(line, count);
        }
    }
    counts
}
