//! `tocsin config show`

use serde_json::json;

use super::table;
use crate::arguments::Output;
use crate::config::Layers;

/// Prints every setting, its value and where that comes from.
pub(crate) fn show_config(layers: &Layers, output: Output) {
    let settings = layers.show();
    match output {
        Output::Text => {
            let rows: Vec<_> =
                settings.into_iter().map(|(setting, value, source)| [setting, value, source]).collect();
            println!("{}", table::render(["SETTING", "VALUE", "FROM"], &rows));
        },
        Output::Json => {
            let entry =
                |(setting, value, source)| json!({"setting": setting, "value": value, "from": source});
            println!("{}", json!(settings.into_iter().map(entry).collect::<Vec<_>>()));
        },
    }
}
