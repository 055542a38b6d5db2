//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod audit;
pub mod backup;
pub mod changes;
pub mod cli;
pub mod cortex;
pub mod demo;
mod disks;
pub mod erasure;
pub mod graphql;
pub mod http;
pub mod ingest;
pub mod integrations;
pub mod keys;
pub mod limits;
pub mod master_keys;
pub mod metrics;
pub mod operations;
pub mod personal_data;
pub mod processes;
pub mod projector;
pub mod rates;
pub mod replay;
pub mod retention;
mod runtimes;
pub mod sandbox;
pub mod service;
pub mod summary;
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
