//! The command line: what can be asked of `cloud-bridge`, and where each answer is written.

mod accounts;
mod acting;
mod audit;
mod backup;
mod client;
mod credentials;
mod data_requests;
mod databases;
mod deliveries;
mod demo;
mod developing;
mod dispatches;
mod endpoints;
mod erase;
mod event_types;
mod events;
mod export_personal_data;
mod identifiers;
mod input;
mod instances;
mod integrations;
mod keys;
mod listen;
mod logging;
mod mappings;
mod moments;
pub(crate) mod output;
mod owners;
mod paging;
mod processes;
mod products;
mod projections;
mod replay;
mod sandbox;
mod seen;
mod serve;
mod shutdown;
mod sign;
mod store_sandbox;
mod stores;
#[cfg(test)]
mod tests;
mod trigger;
mod webhooks;

use clap::builder::{FalseyValueParser, PossibleValuesParser};
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub(crate) use client::{Client, understood};
pub(crate) use databases::admin_key_file;
pub(crate) use deliveries::status_cell;
pub(crate) use listen::event_line;
pub(crate) use serve::{bind, keep, own_url};
pub(crate) use shutdown::asked_to_stop;
pub(crate) use sign::curl;

use logging::Level;

/// Receives a store's signed webhooks, keeps every one as an event, and sees each order through until it is delivered
#[derive(Debug, Parser)]
#[command(name = "cloud-bridge", version, long_about = LONG_ABOUT, after_long_help = EXAMPLES, max_term_width = 110)]
#[command(propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
    /// Of secrets that were typed where others can see them.
    #[arg(skip)]
    warnings: Vec<&'static str>,
}

const LONG_ABOUT: &str = "\
Cloud Bridge receives the signed webhooks of Shopify, WooCommerce, BigCommerce, Square and your own stores, keeps every one as an event in a \
log that cannot be changed unnoticed, and shares what was bought with the customer on Cortex Cloud.

Commands that change something, and those that list deliveries and accounts, ask a running server with an API key. \
`events`, `audit` and `projections status` read the event log themselves, and also work while no server runs.

Every option may also be given as an environment variable, whose name its help shows.";

const EXAMPLES: &str = "\
Examples:
  Watch orders of every kind arrive and be delivered:
      cloud-bridge demo
  Start a server, whose first start prints the administrator's key; then open an account:
      cloud-bridge serve
      cloud-bridge accounts create --name 'Storm Audio'
  See what needs a merchant, and everything that ever happened to one order:
      cloud-bridge deliveries list --status action_required
      cloud-bridge events show delivery ID
  Build a receiver beside the demo: print every event once it was verified, and make one happen:
      cloud-bridge listen
      cloud-bridge trigger order.paid
  Prove that the log was not changed, and hand the proof to others:
      cloud-bridge audit verify
      cloud-bridge audit export --output log.bundle";

#[derive(Args, Debug)]
struct Common {
    /// Print JSON, for scripts
    #[arg(long, global = true, env = "CLOUD_BRIDGE_JSON", value_parser = FalseyValueParser::new())]
    json: bool,
    /// What is logged to standard error: error, warn, info, debug, trace, or a filter such as `info,cloud_bridge=debug`
    #[arg(long, global = true, env = "CLOUD_BRIDGE_LOG_LEVEL", value_name = "FILTER")]
    log_level: Option<String>,
    /// How wide what is printed may be [default: the terminal's width; in a file or a pipe as wide as it is]
    #[arg(long, global = true, env = "COLUMNS", value_name = "N", hide_env_values = true)]
    columns: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Box<serve::Serve>),
    Demo(demo::Demo),
    Sandbox(sandbox::Sandbox),
    StoreSandbox(store_sandbox::StoreSandbox),
    Migrate(databases::Migrate),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Replay(Box<replay::Replay>),
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    Integrations(integrations::Integrations),
    #[command(subcommand)]
    Stores(stores::Stores),
    #[command(subcommand)]
    Instances(instances::Instances),
    #[command(subcommand)]
    Mappings(mappings::Mappings),
    #[command(subcommand)]
    Credentials(credentials::Credentials),
    Sign(sign::Sign),
    #[command(subcommand)]
    Deliveries(deliveries::Deliveries),
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    #[command(subcommand)]
    Products(products::Products),
    EventTypes(event_types::EventTypes),
    #[command(subcommand)]
    Endpoints(Box<endpoints::Endpoints>),
    #[command(subcommand)]
    Dispatches(Box<dispatches::Dispatches>),
    Listen(Box<listen::Listen>),
    Trigger(Box<trigger::Trigger>),
    Erase(erase::Erase),
    ExportPersonalData(export_personal_data::ExportPersonalData),
    DataRequests(data_requests::DataRequests),
    #[command(subcommand)]
    Events(events::Events),
    #[command(subcommand)]
    Projections(projections::Projections),
    Processes(Box<processes::Processes>),
    #[command(subcommand)]
    Audit(audit::Audit),
}

impl Cli {
    /// What was typed. Ends the process where that is no command, or asks for help.
    pub fn read() -> Self {
        let matches = Self::command().get_matches();
        let mut cli = Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        cli.warnings = seen::warnings(&matches);
        cli
    }

    pub async fn run(self) -> anyhow::Result<()> {
        let level = match &self.command {
            Command::Serve(_) | Command::Sandbox(_) | Command::StoreSandbox(_) => Level::Info,
            Command::Demo(_) => Level::Error,
            Command::Migrate(_)
            | Command::Backup(_)
            | Command::Restore(_)
            | Command::Replay(_)
            | Command::Accounts(_)
            | Command::Keys(_)
            | Command::Integrations(_)
            | Command::Mappings(_)
            | Command::Stores(_)
            | Command::Instances(_)
            | Command::Credentials(_)
            | Command::Sign(_)
            | Command::Deliveries(_)
            | Command::Webhooks(_)
            | Command::Products(_)
            | Command::EventTypes(_)
            | Command::Endpoints(_)
            | Command::Dispatches(_)
            | Command::Listen(_)
            | Command::Trigger(_)
            | Command::Erase(_)
            | Command::ExportPersonalData(_)
            | Command::DataRequests(_)
            | Command::Events(_)
            | Command::Projections(_)
            | Command::Processes(_)
            | Command::Audit(_) => Level::Warn,
        };
        output::set_width(self.common.columns.as_deref());
        logging::start(self.common.log_level.as_deref(), level)?;
        for warning in &self.warnings {
            input::note(&format!("warning: {warning}"))?;
        }
        let json = self.common.json;
        match self.command {
            Command::Serve(command) => command.run(json).await,
            Command::Demo(command) => command.run(json).await,
            Command::Sandbox(command) => command.run(json).await,
            Command::StoreSandbox(command) => command.run(json).await,
            Command::Migrate(command) => command.run(json).await,
            Command::Backup(command) => command.run(json).await,
            Command::Restore(command) => command.run(json),
            Command::Replay(command) => command.run(json).await,
            Command::Accounts(command) => command.run(json).await,
            Command::Keys(command) => command.run(json).await,
            Command::Integrations(command) => command.run(json).await,
            Command::Stores(command) => command.run(json).await,
            Command::Instances(command) => command.run(json).await,
            Command::Mappings(command) => command.run(json).await,
            Command::Credentials(command) => command.run(json).await,
            Command::Sign(command) => command.run(json),
            Command::Deliveries(command) => command.run(json).await,
            Command::Webhooks(command) => command.run(json).await,
            Command::Products(command) => command.run(json).await,
            Command::Endpoints(command) => command.run(json).await,
            Command::Dispatches(command) => command.run(json).await,
            Command::EventTypes(command) => command.run(json),
            Command::Listen(command) => command.run(json).await,
            Command::Trigger(command) => command.run(json).await,
            Command::Erase(command) => command.run(json).await,
            Command::ExportPersonalData(command) => command.run(json).await,
            Command::DataRequests(command) => command.run(json).await,
            Command::Events(command) => command.run(json).await,
            Command::Projections(command) => command.run(json).await,
            Command::Processes(command) => command.run(json).await,
            Command::Audit(command) => command.run(json).await,
        }
    }
}

/// The kinds of stores that webhooks are taken of, by their stored names.
fn provider_names() -> PossibleValuesParser {
    PossibleValuesParser::new(providers::all().map(|platform| platform.provider().as_str()))
}

/// Whether all that went wrong is that the reader is gone, as in `cloud-bridge events tail | head`.
pub fn reader_went_away(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
