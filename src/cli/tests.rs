//! The command line as clap sees it, and as a person may type it.

use clap::{CommandFactory as _, Parser as _};

use domain::integration::Provider;

use super::*;

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_option_has_an_environment_variable() {
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for option in command.get_arguments().filter(|argument| !argument.is_positional()) {
            let name = option.get_id().as_str();
            if matches!(name, "help" | "version") {
                continue;
            }
            let variable = option.get_env().and_then(|variable| variable.to_str()).unwrap_or_default();
            if name == "columns" {
                // The shell's own.
                assert_eq!(variable, "COLUMNS");
                continue;
            }
            assert!(variable.starts_with("CLOUD_BRIDGE_"), "--{name} of {} has {variable:?}", command.get_name());
        }
        commands.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn the_help_names_every_platform_whose_webhooks_are_received() {
    let help = Cli::command().render_long_help().to_string();
    for platform in providers::all().filter(|platform| platform.provider() != Provider::Generic) {
        assert!(help.contains(platform.name()), "{} in {help}", platform.name());
    }
}

#[test]
fn no_secret_is_shown_in_help() {
    let mut commands = vec![Cli::command()];
    while let Some(command) = commands.pop() {
        for argument in command.get_arguments() {
            if matches!(argument.get_id().as_str(), "api_key" | "secret" | "master_key" | "log" | "views") {
                assert!(argument.is_hide_env_values_set(), "{argument}");
            }
        }
        commands.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn an_environment_that_there_is_not_is_refused_with_those_that_there_are() {
    let refused = Cli::try_parse_from(["cloud-bridge", "serve", "--environment", "staging"]).unwrap_err().to_string();
    assert!(refused.contains("possible values: production, development"), "{refused}");
}

#[test]
fn what_the_documents_say_can_be_typed() {
    for line in [
        "serve --listen 127.0.0.1:8080 --data-dir DIR --log postgres://db --views sqlite:v.db --cortex-url http://c --public-url https://b --workers 0",
        "demo --exit",
        "sandbox --listen 127.0.0.1:0",
        "store-sandbox --listen 127.0.0.1:0",
        "migrate --log sqlite:log.db",
        "accounts create --name N --attempts-per-minute 6000 --credits 10 --json",
        "accounts list --first 10",
        "accounts show",
        "accounts show ID --json",
        "accounts grant ID 100",
        "accounts retention --days 90",
        "accounts retention --off --account ID",
        "products list --integration ID --since 20418 --deleted --json",
        "products alert --threshold 0",
        "products alert --off --account ID",
        "event-types",
        "event-types order.paid --schema",
        "event-types order.paid --sample",
        "data-requests --account ID --first 10",
        "export-personal-data --request ID --to FILE --reason because",
        "keys create --name N --role support --account ID",
        "keys list --json",
        "keys deactivate ID",
        "integrations list --first 5 --after C",
        "integrations create --provider woocommerce --name N --order-status processing,completed --account ID",
        "keys limit ID 1200 --account A --reason because",
        "backup --to DIR",
        "restore --from DIR --data-dir NEW",
        "integrations create --provider shopify --name N --secret-stdin",
        "integrations deactivate ID --yes",
        "integrations activate ID",
        "integrations set-secret ID",
        "integrations set-secret ID --overlap-hours 48",
        "integrations set-secret ID --at-once",
        "integrations rotate-secret ID --overlap-hours 0",
        "deliveries list --account ID",
        "webhooks list --outcome revised,stale",
        "mappings list ID",
        "mappings add ID --sku S --preset P",
        "mappings add ID --title T --capture C",
        "mappings remove ID M",
        "mappings import ID FILE",
        "mappings import ID",
        "mappings export ID",
        "credentials set --email a@b.c --password-stdin",
        "credentials set --email a@b.c --unchecked",
        "credentials show",
        "credentials check --account ID",
        "credentials delete --yes",
        "deliveries list --customer a@b.c --account ID --reason because --first 5",
        "--columns 80 deliveries list",
        "sign --provider woocommerce --secret S --url http://b",
        "deliveries list --status queued,running --code unknown --integration ID --search 10 --first 5 --after C",
        "deliveries show ID --server http://b --api-key K",
        "deliveries retry ID --username max",
        "deliveries cancel ID",
        "replay --integration I --status failed_permanent,completed --order 1 --delivery A --delivery B --yes --reason R --server http://b",
        "deliveries retry --status failed_permanent --code unknown --integration I --from 2h --to 2026-11-21 --yes",
        "replay --dry-run --integration I --from 2026-01-01T00:00:00Z --to 2026-02-01T00:00:00Z",
        "keys rotate-master --detach",
        "deliveries reveal ID --reason because",
        "audit actions --account A --key K --type retry_requested --stream S --since 2026-01-01T00:00:00Z",
        "erase --customer max@music.com --account ID --yes --reason R",
        "erase --order 1042",
        "export-personal-data --customer 77 --to FILE --reason R",
        "events show delivery ID",
        "events tail --follow --from 10",
        "events tail -f --type action_required --account ID",
        "events list --account A --integration I --order 1 --type asset_shared,completed --actor worker --first 5",
        "events list --aggregate delivery --since 2h --until 2026-11-21T10:00:00Z --oldest-first",
        "events list --aggregate delivery/ID --from 1 --to 10",
        "events export --output FILE --since 2026-11-21",
        "deliveries explain 1042",
        "deliveries show ID --as-of 2026-11-21",
        "projections status",
        "processes",
        "processes --data-dir DIR",
        "processes parked",
        "processes parked --process fixes",
        "processes retry",
        "processes retry fixes",
        "processes retry fixes 1042 --reason because",
        "audit verify --public-key 5866666666666666666666666666666666666666666666666666666666666666",
        "audit checkpoint",
        "audit key",
        "audit export --from 1 --to 10 --output FILE",
        "audit export --stream delivery/ID --stream account/ID --output FILE",
        "audit verify-bundle FILE --public-key 5866666666666666666666666666666666666666666666666666666666666666",
        "serve --checkpoint-every 15m",
        "projections rebuild delivery_log",
        "projections rebuild delivery_log --detach",
        "projections cancel delivery_log",
        "--log-level debug --json projections status",
    ] {
        let words = std::iter::once("cloud-bridge").chain(line.split(' '));
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_the_documents_say_of_endpoints_can_be_typed() {
    for line in [
        "endpoints list --account ID --deleted --json",
        "endpoints show ID",
        "endpoints create --url https://example.com/webhooks --event-type order.*,faq.approved --filter @.data.paid==true --account ID",
        "endpoints create --url https://example.com/webhooks --event-type * --profile clione --header-word Acme --secret-stdin",
        "endpoints update ID --rate off --concurrency 5 --ordered false --integration any --headers-file -",
        "endpoints update ID --profile cloud-elements --element-key shop --signature-key-file FILE",
        "dispatches list --endpoint ID --status dead_letter,retrying --type order.* --object 1042 --event ID --account ID --first 5 --after C",
        "dispatches show ID --json",
        "listen --port 4242 --forward http://127.0.0.1:3000/webhooks --types order.*,product.updated --json",
        "listen --account ID --server http://b --api-key-file FILE",
        "trigger order.paid",
        "trigger order.refunded --integration ID --secret-file FILE --json",
        "dispatches redrive ID ID --yes",
        "dispatches redrive --endpoint ID --status dead_letter --type order.paid --latest-per-object --dry-run",
        "endpoints pause ID",
        "endpoints resume ID",
        "endpoints rotate-secret ID --overlap-hours 0",
        "endpoints delete ID --yes",
        "endpoints test ID --type order.paid",
        "endpoints match ID --last 100 --filter @.data.paid==true",
        "accounts set-contact ops@example.com --account ID",
        "accounts remove-contact",
        "accounts set-default-secret --secret-stdin",
        "serve --allow-http-endpoints --allow-endpoint-range 10.20.0.0/16 --outbound-proxy http://proxy:3128",
        "serve --smtp-url-file FILE --mail-from hooks@example.com --max-endpoints 10",
    ] {
        let words = std::iter::once("cloud-bridge").chain(line.split(' '));
        if let Err(error) = Cli::try_parse_from(words) {
            panic!("{line}: {error}");
        }
    }
}

#[test]
fn what_makes_no_sense_cannot_be_typed() {
    for line in [
        "accounts create",
        "erase --yes",
        "erase --order 1 --customer 2",
        "accounts create --name N --attempts-per-minute 0",
        "deliveries list --status done",
        "deliveries retry",
        "deliveries retry --yes",
        "integrations update ID",
        "integrations update ID --order-status paid --every-status",
        "deliveries retry ID --status completed",
        "deliveries retry --status completed --username max",
        "replay --order 1",
        "replay --integration I --from yesterday",
        "deliveries list --first 101",
        "keys create --name N --role owner",
        "sign --provider magento --secret S",
        "integrations create --provider magento --name N",
        "integrations rotate-secret ID --overlap-hours 169",
        "integrations set-secret ID --overlap-hours 169",
        "integrations set-secret ID --overlap-hours 2 --at-once",
        "deliveries list --customer a@b.c --status queued",
        "mappings add ID --sku S",
        "mappings add ID --sku S --title T --preset P",
        "credentials set --email a@b.c --password secret",
        "projections rebuild everything",
        "processes parked --process everything",
        "processes retry everything",
        "processes retry fixes -1",
        "events tail --from -1",
        "events tail --follow --to 10",
        "events list --aggregate order",
        "events list --type shared",
        "events list --since yesterday",
        "events list --order 1 --aggregate delivery/ID",
        "events list --first 10001",
        "deliveries show ID --as-of soon",
        "audit export --from 0 --output FILE",
        "audit export --from 1",
        "audit export --stream delivery --output FILE",
        "serve --checkpoint-every soon",
        "dispatches list --status failed",
        "dispatches redrive",
        "dispatches redrive --latest-per-object",
        "dispatches redrive --status delivered",
        "dispatches redrive ID --status dead_letter",
        "dispatches redrive ID --dry-run",
    ] {
        let words = std::iter::once("cloud-bridge").chain(line.split(' '));
        assert!(Cli::try_parse_from(words).is_err(), "{line}");
    }
}

#[test]
fn a_reader_that_is_gone_is_no_error() {
    let broken = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    assert!(reader_went_away(&anyhow::Error::from(broken).context("printing")));
    assert!(!reader_went_away(&anyhow::anyhow!("something else")));
}
