//! What customers of the demonstration buy.

use providers::Product;

pub(super) const LEAD: Product = Product { sku: "STORM-LEAD-V2", title: "Storm Drive Lead Preset" };
pub(super) const DRIVE: Product = Product { sku: "", title: "Storm Drive" };
pub(super) const CLEAN: Product = Product { sku: "GLASS-CLEAN", title: "Glass Clean" };
pub(super) const EDGE: Product = Product { sku: "PLEXI-EDGE", title: "Plexi on the Edge" };
pub(super) const STRAP: Product = Product { sku: "STRAP-01", title: "Guitar Strap" };
