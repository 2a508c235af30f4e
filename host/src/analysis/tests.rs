//! What the tests of all languages share: analyses as lists of lines, and texts that are hard to survive.

mod dependencies;
mod hostile;
mod legacy;

use super::*;

/// Analyses `source` with a fresh analyzer.
pub(super) fn analyze(language: Language, source: &str) -> FileAnalysis {
    Analyzer::new().analyze(language, source)
}

/// Classes, their methods and functions, a line each.
pub(super) fn entities(analysis: &FileAnalysis) -> Vec<String> {
    let mut lines = Vec::new();
    for class in &analysis.classes {
        let (name, bases) = (&class.name, class.bases.join(", "));
        let doc = quoted(&class.docstring);
        lines.push(format!(
            "{}-{} class {name}({bases}){doc}",
            class.line, class.end_line
        ));
        lines.extend(
            class
                .methods
                .iter()
                .map(|method| describe(&format!("method {name}."), method)),
        );
    }
    lines.extend(
        analysis
            .functions
            .iter()
            .map(|function| describe("function ", function)),
    );
    lines
}

fn describe(kind: &str, function: &Function) -> String {
    let flag = |set: bool, name: &'static str| if set { name } else { "" };
    format!(
        "{}-{} {kind}{}({}) {}{}{}{}{}",
        function.line,
        function.end_line,
        function.name,
        function.params.join(", "),
        function.complexity,
        flag(function.is_abstract, " abstract"),
        flag(function.has_pass, " pass"),
        flag(function.has_not_implemented, " not-implemented"),
        quoted(&function.docstring),
    )
}

fn quoted(docstring: &Option<String>) -> String {
    docstring
        .as_ref()
        .map(|text| format!(" {text:?}"))
        .unwrap_or_default()
}

/// Imports, a line each.
pub(super) fn imports(analysis: &FileAnalysis) -> Vec<String> {
    let line = |import: &Import| {
        let module = import
            .module
            .as_ref()
            .map(|module| format!(" from {module:?}"))
            .unwrap_or_default();
        format!(
            "{} {} {}{module}",
            import.line,
            import.kind.as_str(),
            import.name
        )
    };
    analysis.imports.iter().map(line).collect()
}

/// Usages, a line each.
pub(super) fn usages(analysis: &FileAnalysis) -> Vec<String> {
    let line = |usage: &Usage| {
        let class = usage
            .target_class
            .as_ref()
            .map(|class| format!("{class}."))
            .unwrap_or_default();
        let context = usage
            .context
            .as_ref()
            .map(|context| format!(" in {context}"))
            .unwrap_or_default();
        let (usage_type, target) = (usage.usage_type.as_str(), usage.target_type.as_str());
        let at = format!("{}:{}", usage.line, usage.column);
        format!(
            "{at} {usage_type} {target} {class}{}{context}",
            usage.target_name
        )
    };
    analysis.usages.iter().map(line).collect()
}

/// The text of each definition's span, by name.
pub(super) fn spans<'s>(analysis: &FileAnalysis, source: &'s str) -> Vec<(String, &'s str)> {
    let classes = analysis.classes.iter();
    let mut spans: Vec<_> = classes
        .clone()
        .map(|class| (class.name.clone(), &source[class.span.clone()]))
        .collect();
    let functions = classes
        .flat_map(|class| &class.methods)
        .chain(&analysis.functions);
    spans.extend(functions.map(|function| (function.name.clone(), &source[function.span.clone()])));
    spans
}

/// The text of the span of the first definition of this name.
pub(super) fn span_text<'s>(
    analysis: &FileAnalysis,
    source: &'s str,
    name: &str,
) -> Option<&'s str> {
    let spans = spans(analysis, source);
    let found = spans.into_iter().find(|(found, _)| found == name);
    found.map(|(_, text)| text)
}
