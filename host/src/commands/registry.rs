//! All commands by name.

use std::sync::LazyLock;

use serde_json::Value;

use super::analyze_complexity::AnalyzeComplexity;
use super::ast_statistics::AstStatistics;
use super::backup_database::BackupDatabase;
use super::change_project_id::ChangeProjectId;
use super::check_drift::CheckDrift;
use super::check_vectors::CheckVectors;
use super::cleanup_deleted_files::CleanupDeletedFiles;
use super::collapse_versions::CollapseVersions;
use super::command::Command;
use super::comprehensive_analysis::ComprehensiveAnalysis;
use super::context::Context;
use super::delete_project::DeleteProject;
use super::delete_unwatched_projects::DeleteUnwatchedProjects;
use super::error::{CommandError, ErrorCode};
use super::explore::Explore;
use super::export_graph::ExportGraph;
use super::find_classes::FindClasses;
use super::find_dependencies::FindDependencies;
use super::find_duplicates::FindDuplicates;
use super::find_usages::FindUsages;
use super::fulltext_search::FulltextSearch;
use super::get_ast::GetAst;
use super::get_class_hierarchy::GetClassHierarchy;
use super::get_code_entity_info::GetCodeEntityInfo;
use super::get_database_corruption_status::GetDatabaseCorruptionStatus;
use super::get_database_status::GetDatabaseStatus;
use super::get_drift_report::GetDriftReport;
use super::get_driver_status::GetDriverStatus;
use super::get_imports::GetImports;
use super::get_worker_status::GetWorkerStatus;
use super::help::Help;
use super::impact::Impact;
use super::list_backup_files::ListBackupFiles;
use super::list_class_methods::ListClassMethods;
use super::list_code_entities::ListCodeEntities;
use super::list_drivers::ListDrivers;
use super::list_errors_by_category::ListErrorsByCategory;
use super::list_long_files::ListLongFiles;
use super::list_project_files::ListProjectFiles;
use super::list_projects::ListProjects;
use super::list_worker_logs::ListWorkerLogs;
use super::operation::Access;
use super::prepared::Prepared;
use super::queue_add_job::QueueAddJob;
use super::queue_delete_job::QueueDeleteJob;
use super::queue_get_job_logs::QueueGetJobLogs;
use super::queue_get_job_status::QueueGetJobStatus;
use super::queue_health::QueueHealth;
use super::queue_list_jobs::QueueListJobs;
use super::queue_start_job::QueueStartJob;
use super::queue_stop_job::QueueStopJob;
use super::read_project_file::ReadProjectFile;
use super::rebuild_faiss::RebuildFaiss;
use super::repair_database::RepairDatabase;
use super::repair_sqlite_database::RepairSqliteDatabase;
use super::repair_worker_status::RepairWorkerStatus;
use super::restore_database::RestoreDatabase;
use super::revectorize::Revectorize;
use super::search_ast_nodes::SearchAstNodes;
use super::semantic_search::SemanticSearch;
use super::start_repair_worker::StartRepairWorker;
use super::start_worker::StartWorker;
use super::stop_repair_worker::StopRepairWorker;
use super::stop_worker::StopWorker;
use super::trace::Trace;
use super::unmark_deleted_file::UnmarkDeletedFile;
use super::update_indexes::UpdateIndexes;
use super::view_worker_logs::ViewWorkerLogs;
use crate::foundation::did_you_mean::nearest_names;

/// Most names that the error for an unknown one suggests.
const SUGGESTIONS: usize = 3;

/// All commands, by name.
pub struct Registry {
    commands: Vec<Command>,
}

impl Registry {
    /// Every command of the program; made once in a process.
    pub fn all() -> &'static Self {
        static ALL: LazyLock<Registry> = LazyLock::new(Registry::new);
        &ALL
    }

    fn new() -> Self {
        let mut commands = vec![
            Command::of::<AnalyzeComplexity>(),
            Command::of::<AstStatistics>(),
            Command::of::<BackupDatabase>(),
            Command::of::<ChangeProjectId>(),
            Command::of::<CheckDrift>(),
            Command::of::<CheckVectors>(),
            Command::of::<CleanupDeletedFiles>(),
            Command::of::<CollapseVersions>(),
            Command::of::<ComprehensiveAnalysis>(),
            Command::of::<DeleteProject>(),
            Command::of::<DeleteUnwatchedProjects>(),
            Command::of::<Explore>(),
            Command::of::<ExportGraph>(),
            Command::of::<FindClasses>(),
            Command::of::<FindDependencies>(),
            Command::of::<FindDuplicates>(),
            Command::of::<FindUsages>(),
            Command::of::<FulltextSearch>(),
            Command::of::<GetAst>(),
            Command::of::<GetClassHierarchy>(),
            Command::of::<GetCodeEntityInfo>(),
            Command::of::<GetDatabaseCorruptionStatus>(),
            Command::of::<GetDatabaseStatus>(),
            Command::of::<GetDriftReport>(),
            Command::of::<GetDriverStatus>(),
            Command::of::<GetImports>(),
            Command::of::<GetWorkerStatus>(),
            Command::of::<Help>(),
            Command::of::<Impact>(),
            Command::of::<ListBackupFiles>(),
            Command::of::<ListClassMethods>(),
            Command::of::<ListCodeEntities>(),
            Command::of::<ListDrivers>(),
            Command::of::<ListErrorsByCategory>(),
            Command::of::<ListLongFiles>(),
            Command::of::<ListProjectFiles>(),
            Command::of::<ListProjects>(),
            Command::of::<ListWorkerLogs>(),
            Command::of::<QueueAddJob>(),
            Command::of::<QueueDeleteJob>(),
            Command::of::<QueueGetJobLogs>(),
            Command::of::<QueueGetJobStatus>(),
            Command::of::<QueueHealth>(),
            Command::of::<QueueListJobs>(),
            Command::of::<QueueStartJob>(),
            Command::of::<QueueStopJob>(),
            Command::of::<ReadProjectFile>(),
            Command::of::<RebuildFaiss>(),
            Command::of::<RepairDatabase>(),
            Command::of::<RepairSqliteDatabase>(),
            Command::of::<RepairWorkerStatus>(),
            Command::of::<RestoreDatabase>(),
            Command::of::<SearchAstNodes>(),
            Command::of::<StartRepairWorker>(),
            Command::of::<StartWorker>(),
            Command::of::<StopRepairWorker>(),
            Command::of::<StopWorker>(),
            Command::of::<Trace>(),
            Command::of::<Revectorize>(),
            Command::of::<SemanticSearch>(),
            Command::of::<UnmarkDeletedFile>(),
            Command::of::<UpdateIndexes>(),
            Command::of::<ViewWorkerLogs>(),
        ];
        commands.sort_by_key(Command::name);
        Self { commands }
    }

    /// The commands in the order of their names.
    pub fn commands(&self) -> &[Command] {
        &self.commands
    }

    /// The command of this name.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownCommand`] with the nearest names.
    pub fn find(&self, name: &str) -> Result<&Command, CommandError> {
        let place = self
            .commands
            .binary_search_by(|command| command.name().cmp(name))
            .ok();
        place
            .and_then(|place| self.commands.get(place))
            .ok_or_else(|| self.unknown(name))
    }

    /// The command of this name, ready to run.
    ///
    /// # Errors
    /// As [`find`](Self::find) and [`Command::check`].
    pub fn prepare(
        &'static self,
        name: &str,
        context: &Context,
        parameters: Value,
    ) -> Result<Prepared, CommandError> {
        let command = self.find(name)?;
        command.check(&parameters)?;
        let mut context = context.clone();
        Ok(Prepared {
            command: command.name().into(),
            is_long: command.is_long(),
            access: command.access(),
            work: Box::new(move |job| {
                if command.access() == Access::Read {
                    context.cancellation = Some(job.cancellation.clone());
                }
                command.run_checked(&context, parameters, job)
            }),
        })
    }

    fn unknown(&self, name: &str) -> CommandError {
        let nearest = nearest_names(name, self.commands.iter().map(Command::name), SUGGESTIONS);
        let advice = match nearest.as_slice() {
            [] => "see `code-analysis-host commands` for all of them".to_owned(),
            names => format!("did you mean {}?", names.join(", ")),
        };
        CommandError::new(
            ErrorCode::UnknownCommand,
            format!("there is no command `{name}`; {advice}"),
        )
        .with("did_you_mean", nearest)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_is_found_and_every_example_fits() {
        let registry = Registry::all();
        for command in registry.commands() {
            assert_eq!(
                registry.find(command.name()).unwrap().name(),
                command.name()
            );
            command.check(&command.example()).unwrap();
            assert!(
                !command.summary().is_empty() && !command.summary().ends_with('.'),
                "{}",
                command.name()
            );
        }
    }

    #[test]
    fn every_parameter_is_documented_and_unknown_ones_are_refused() {
        for command in Registry::all().commands() {
            let schema = command.schema().unwrap();
            assert_eq!(schema["type"], "object", "{}", command.name());
            let properties = schema["properties"]
                .as_object()
                .cloned()
                .unwrap_or_default();
            for (name, property) in properties {
                assert!(
                    property["description"].is_string(),
                    "{} {name}",
                    command.name()
                );
            }
            let error = command.check(&json!({"no_such_parameter": 1})).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("unknown key \"no_such_parameter\""),
                "{error}"
            );
        }
    }

    #[test]
    fn every_answer_is_an_object_with_named_fields() {
        for command in Registry::new().commands() {
            let schema = command.output_schema().unwrap();
            assert_eq!(schema["type"], "object", "{}", command.name());
            let fields = schema.get("properties").or(schema.get("anyOf"));
            assert!(fields.is_some(), "{}", command.name());
        }
    }

    #[test]
    fn every_list_is_paged() {
        for command in Registry::all().commands() {
            let name = command.name();
            let is_list = ["list_", "find_", "_list_", "_search"]
                .iter()
                .any(|part| name.contains(part));
            let properties = &command.schema().unwrap()["properties"];
            for parameter in ["limit", "offset", "cursor", "max_tokens"] {
                assert!(
                    !is_list || properties[parameter].is_object(),
                    "{name} {parameter}"
                );
            }
        }
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest_names() {
        let error = Registry::all().find("list_project").err().unwrap();
        assert_eq!(error.code(), ErrorCode::UnknownCommand);
        assert!(
            error.to_string().contains("did you mean list_projects"),
            "{error}"
        );
        assert_eq!(error.data().unwrap()["did_you_mean"][0], "list_projects");
        let error = Registry::all().find("quux").err().unwrap();
        assert!(
            error
                .to_string()
                .contains("see `code-analysis-host commands`"),
            "{error}"
        );
    }
}
