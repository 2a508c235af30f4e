//! Foundations that every other module may use and that import nothing of ours.

pub mod cancellation;
pub mod control;
pub mod control_channel;
pub mod core_dumps;
pub mod db_worker_hello;
pub mod descriptor_limit;
pub mod did_you_mean;
pub mod endpoint_file;
pub mod identifiers;
pub mod ids;
pub mod json_pointer;
pub mod json_schema;
pub mod log_file;
pub mod owner_lock;
pub mod paths;
pub mod peer;
pub mod plugin_image;
pub mod progress;
pub mod quarantine;
pub mod redaction;
pub mod shutdown_signal;
pub mod telemetry;
pub mod vector;
