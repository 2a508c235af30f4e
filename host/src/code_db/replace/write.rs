//! Writes the rows of files in the order in which they refer to each other.

use driver_api::{Dialect, Result, ValueRef};

use super::batch::{Batch, Upsert};
use super::ids::{Ids, NextIds};
use super::plan::{ClassPlan, FilePlan, Plan};
use crate::code_db::dialect::quoted;
use crate::code_db::full_text::camel_case::CamelCase;
use crate::code_db::full_text::document::{Columns, document};
use crate::code_db::full_text::insert_words;
use crate::code_db::records::{ClassRecord, Destination, FileRecord};
use crate::code_db::registration::julian_now;
use crate::driver::session::Session;

/// The rows of `files`.
pub(super) fn files(
    session: &mut Session,
    dialect: Dialect,
    destination: &Destination,
    records: &[FileRecord],
    plan: &Plan,
) -> Result<()> {
    // `lines` is a reserved word of MySQL.
    let mut rows = Upsert::new(
        quoted(
            "INSERT INTO files(\"lines\", last_modified, has_docstring, deleted, updated_at, id, project_id, \
             dataset_id, path) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            dialect,
        ),
        quoted(
            "UPDATE files SET \"lines\" = ?, last_modified = ?, has_docstring = ?, deleted = ?, updated_at = ? \
             WHERE id = ?",
            dialect,
        ),
    );
    let now = ValueRef::from(julian_now());
    for (record, plan) in records.iter().zip(&plan.files) {
        let has_docstring = record.docstring.is_some().into();
        let values = [
            record.lines.into(),
            record.last_modified.into(),
            has_docstring,
            false.into(),
            now,
        ];
        let fixed = [
            &destination.project_id,
            &destination.dataset_id,
            &record.path,
        ]
        .map(Into::into);
        rows.add(session, plan.file, &values, &fixed)?;
    }
    rows.finish(session)
}

/// The rows of `file_states`.
pub(super) fn states(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Batch::new(
        "INSERT INTO file_states(file_id, size, mtime_ns, content_hash, language, parse_errors, analysis, unlinked) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (record, plan) in records.iter().zip(&plan.files) {
        let Some(file_id) = plan.file.id() else {
            continue;
        };
        let state = &record.state;
        let size = i64::try_from(state.size).unwrap_or(i64::MAX);
        rows.add(
            session,
            [
                file_id.into(),
                size.into(),
                state.mtime_ns.into(),
                (&state.content_hash).into(),
                (&state.language).into(),
                state.parse_errors.as_deref().into(),
                state.analysis.into(),
                plan.unlinked.into(),
            ],
        )?;
    }
    rows.finish(session)
}

/// The rows of `classes`.
pub(super) fn classes(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Upsert::new(
        "INSERT INTO classes(line, end_line, docstring, bases, id, file_id, name) VALUES (?, ?, ?, ?, ?, ?, ?)",
        "UPDATE classes SET line = ?, end_line = ?, docstring = ?, bases = ? WHERE id = ?",
    );
    for (class, plan, file_id) in class_rows(records, plan) {
        let bases = json(&class.bases);
        let values = [
            class.line.into(),
            class.end_line.into(),
            class.docstring.as_deref().into(),
            (&bases).into(),
        ];
        rows.add(
            session,
            plan.class,
            &values,
            &[file_id.into(), (&class.name).into()],
        )?;
    }
    rows.finish(session)
}

/// The rows of `methods`.
pub(super) fn methods(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Upsert::new(
        "INSERT INTO methods(line, end_line, args, docstring, complexity, is_abstract, has_pass, has_not_implemented, id, \
         class_id, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "UPDATE methods SET line = ?, end_line = ?, args = ?, docstring = ?, complexity = ?, is_abstract = ?, has_pass = ?, \
         has_not_implemented = ? WHERE id = ?",
    );
    for (class, plan, _) in class_rows(records, plan) {
        let Some(class_id) = plan.class.id() else {
            continue;
        };
        for (method, slot) in class.methods.iter().zip(&plan.methods) {
            let function = &method.function;
            let args = json(&function.args);
            let values = [
                function.line.into(),
                function.end_line.into(),
                (&args).into(),
                function.docstring.as_deref().into(),
                function.complexity.into(),
                method.is_abstract.into(),
                method.has_pass.into(),
                method.has_not_implemented.into(),
            ];
            rows.add(
                session,
                *slot,
                &values,
                &[class_id.into(), (&function.name).into()],
            )?;
        }
    }
    rows.finish(session)
}

/// The rows of `functions`.
pub(super) fn functions(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Upsert::new(
        "INSERT INTO functions(line, end_line, args, docstring, complexity, id, file_id, name) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        "UPDATE functions SET line = ?, end_line = ?, args = ?, docstring = ?, complexity = ? WHERE id = ?",
    );
    for (record, plan) in records.iter().zip(&plan.files) {
        let Some(file_id) = plan.file.id() else {
            continue;
        };
        for (function, slot) in record.functions.iter().zip(&plan.functions) {
            let args = json(&function.args);
            let values = [
                function.line.into(),
                function.end_line.into(),
                (&args).into(),
                function.docstring.as_deref().into(),
                function.complexity.into(),
            ];
            rows.add(
                session,
                *slot,
                &values,
                &[file_id.into(), (&function.name).into()],
            )?;
        }
    }
    rows.finish(session)
}

/// The rows of `imports`.
pub(super) fn imports(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Batch::new(
        "INSERT INTO imports(file_id, name, module, import_type, line, alias, level) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    for (record, file_id) in with_ids(records, plan) {
        for import in &record.imports {
            let (name, module) = ((&import.name).into(), import.module.as_deref().into());
            rows.add(
                session,
                [
                    file_id.into(),
                    name,
                    module,
                    import.import_type.into(),
                    import.line.into(),
                    import.alias.as_deref().into(),
                    import.level.into(),
                ],
            )?;
        }
    }
    rows.finish(session)
}

/// The rows of `usages`.
pub(super) fn usages(session: &mut Session, records: &[FileRecord], plan: &Plan) -> Result<()> {
    let mut rows = Batch::new(
        "INSERT INTO usages(file_id, line, column_number, usage_type, target_type, target_class, target_name, \
         context, receiver) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    );
    for (record, file_id) in with_ids(records, plan) {
        for usage in &record.usages {
            rows.add(
                session,
                [
                    file_id.into(),
                    usage.line.into(),
                    usage.column.into(),
                    usage.usage_type.into(),
                    usage.target_type.into(),
                    usage.target_class.as_deref().into(),
                    (&usage.target_name).into(),
                    usage.context.as_deref().into(),
                    usage.receiver.as_deref().into(),
                ],
            )?;
        }
    }
    rows.finish(session)
}

/// The rows of `code_content`: one for the text outside entities, and one for each entity.
pub(super) fn texts(
    session: &mut Session,
    dialect: Dialect,
    records: &[FileRecord],
    plan: &Plan,
    ids: &mut NextIds,
) -> Result<()> {
    let mut texts = Texts {
        rows: Batch::new(INSERT_TEXT),
        words: insert_words(dialect).map(Batch::new),
        dialect,
        session,
        next: &mut ids.text,
    };
    for (record, plan) in records.iter().zip(&plan.files) {
        texts.add_file(record, plan)?;
    }
    texts.send()
}

const INSERT_TEXT: &str = "INSERT INTO code_content(id, file_id, entity_type, entity_id, entity_name, content, \
                           docstring, name_parts, text_parts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// The rows of `code_content` under construction.
struct Texts<'s> {
    rows: Batch,
    /// Their words, where the full-text index is given them.
    words: Option<Batch>,
    dialect: Dialect,
    session: &'s mut Session,
    next: &'s mut Ids,
}

/// What a text belongs to.
struct Owner<'a> {
    file_id: i64,
    kind: &'static str,
    id: Option<i64>,
    name: &'a str,
}

impl Texts<'_> {
    fn add_file(&mut self, record: &FileRecord, plan: &FilePlan) -> Result<()> {
        let Some(file_id) = plan.file.id() else {
            return Ok(());
        };
        let name = &record.name;
        self.add(
            &Owner {
                file_id,
                kind: "file",
                id: Some(file_id),
                name,
            },
            &record.content,
            &record.docstring,
        )?;
        for (class, plan) in record.classes.iter().zip(&plan.classes) {
            self.add_class(file_id, class, plan)?;
        }
        for (function, slot) in record.functions.iter().zip(&plan.functions) {
            let owner = Owner {
                file_id,
                kind: "function",
                id: slot.id(),
                name: &function.name,
            };
            self.add(&owner, &function.content, &function.docstring)?;
        }
        Ok(())
    }

    fn add_class(&mut self, file_id: i64, class: &ClassRecord, plan: &ClassPlan) -> Result<()> {
        let owner = Owner {
            file_id,
            kind: "class",
            id: plan.class.id(),
            name: &class.name,
        };
        self.add(&owner, &class.content, &class.docstring)?;
        for (method, slot) in class.methods.iter().zip(&plan.methods) {
            let function = &method.function;
            let name = format!("{}.{}", class.name, function.name);
            let owner = Owner {
                file_id,
                kind: "method",
                id: slot.id(),
                name: &name,
            };
            self.add(&owner, &function.content, &function.docstring)?;
        }
        Ok(())
    }

    /// Entities without an id have no text either: their record is dropped.
    fn add(&mut self, owner: &Owner<'_>, content: &str, docstring: &Option<String>) -> Result<()> {
        let Some(entity_id) = owner.id else {
            return Ok(());
        };
        let id = ValueRef::from(self.next.take());
        let docstring = docstring.as_deref();
        let camel_case = CamelCase::of(owner.name, content, docstring);
        let name_parts = camel_case.name_parts.as_deref();
        let text_parts = camel_case.text_parts.as_deref();
        self.rows.push([
            id,
            owner.file_id.into(),
            owner.kind.into(),
            entity_id.into(),
            owner.name.into(),
            content.into(),
            docstring.into(),
            name_parts.into(),
            text_parts.into(),
        ]);
        if let Some(rows) = &mut self.words {
            let columns = Columns {
                entity_type: owner.kind,
                entity_name: Some(owner.name),
                content,
                docstring,
                name_parts,
                text_parts,
            };
            rows.push([id, document(columns, self.dialect).as_str().into()]);
        }
        if self.rows.is_full() || self.words.as_ref().is_some_and(Batch::is_full) {
            self.send()?;
        }
        Ok(())
    }

    /// Rows of words refer to their texts, which go first.
    fn send(&mut self) -> Result<()> {
        self.rows.send(self.session)?;
        match &mut self.words {
            Some(rows) => rows.send(self.session),
            None => Ok(()),
        }
    }
}

/// The records that are stored, with the ids of their files.
fn with_ids<'a>(
    records: &'a [FileRecord],
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a FileRecord, i64)> {
    records
        .iter()
        .zip(&plan.files)
        .filter_map(|(record, plan)| Some((record, plan.file.id()?)))
}

/// Every class with its plan and the id of its file.
fn class_rows<'a>(
    records: &'a [FileRecord],
    plan: &'a Plan,
) -> impl Iterator<Item = (&'a ClassRecord, &'a ClassPlan, i64)> {
    records.iter().zip(&plan.files).flat_map(|(record, plan)| {
        let file_id = plan.file.id();
        let classes = record.classes.iter().zip(&plan.classes);
        classes.filter_map(move |(class, plan)| Some((class, plan, file_id?)))
    })
}

/// A list of names, as the older program stored it.
fn json(names: &[String]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| serde_json::Value::from(name.as_str()).to_string())
        .collect();
    format!("[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn lists_are_stored_as_the_older_program_did() {
        assert_eq!(
            json(&["item".into(), "qu\"ote".into()]),
            r#"["item", "qu\"ote"]"#
        );
        assert_eq!(json(&[]), "[]");
    }
}
