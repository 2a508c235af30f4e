//! Commands: named, schema-checked operations on code data, the same through every door of the program.
//!
//! [`registry::Registry`] knows them all; each is an [`operation::Operation`] in a file of its own name. What they
//! run with is in [`context`], how far they are goes through [`job`], and what went wrong is a
//! [`error::CommandError`] with a stable code. A server runs long ones as [`jobs`].

mod analyze_complexity;
mod answer_budget;
mod backup_database;
mod change_project_id;
mod cleanup_deleted_files;
mod collapse_versions;
pub mod command;
pub mod context;
mod database_errors;
mod delete_project;
mod delete_unwatched_projects;
mod entity_choice;
pub mod error;
mod explore;
mod export_graph;
mod find_classes;
mod find_dependencies;
mod find_usages;
mod freshness;
mod fulltext_search;
mod get_class_hierarchy;
mod get_code_entity_info;
mod get_database_corruption_status;
mod get_database_status;
mod get_driver_status;
mod get_imports;
mod get_worker_status;
mod help;
mod impact;
mod index_totals;
pub mod job;
pub mod jobs;
mod list_backup_files;
mod list_class_methods;
mod list_code_entities;
pub mod list_drivers;
mod list_errors_by_category;
mod list_long_files;
mod list_project_files;
mod list_projects;
pub mod operation;
mod parameters;
pub mod prepared;
mod project_choice;
mod queue_add_job;
mod queue_delete_job;
mod queue_get_job_status;
mod queue_health;
mod queue_list_jobs;
mod queue_stop_job;
mod read_project_file;
pub mod registry;
mod repair_database;
mod repair_sqlite_database;
mod restore_database;
pub mod service;
mod trace;
mod unmark_deleted_file;
mod update_indexes;
mod view_worker_logs;
mod watching;
