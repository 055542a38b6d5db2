//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod api;
pub mod app;
pub mod audit;
pub mod cli;
pub mod demo;
pub mod ingest;
pub mod metrics;
pub mod ports;
pub mod processes;
pub mod projector;
pub mod replay;
mod runtimes;
pub mod sandbox;
pub mod service;
mod tasks;
mod worker;

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// Another engine may hold the events one day: what reads or writes them is in one crate.
    #[test]
    fn no_sql_names_the_events_outside_the_event_log() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = ["src", "projections/src", "storage/src"].map(|folder| root.join(folder)).to_vec();
        let (mut read, mut naming) = (0, vec![]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(&path).unwrap();
                read += 1;
                let names = ["FROM ", "INTO ", "JOIN ", "UPDATE "].map(|verb| format!("{verb}events"));
                if names.iter().any(|name| text.contains(name.as_str())) {
                    naming.push(path);
                }
            }
        }
        assert!(read > 100, "the sources are there");
        assert_eq!(naming, Vec::<std::path::PathBuf>::new());
    }
}
