//! The handler as its users meet it: in a real server on loopback, with webhooks as the platforms sign them.

mod callbacks;
mod configuration;
mod draining;
mod events;
mod examples;
mod memories;
mod queues;
mod repeats;
mod responses;
mod server;
mod webhooks;
