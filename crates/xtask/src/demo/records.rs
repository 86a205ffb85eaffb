//! The records that are published: real data sets from npm `vega-datasets`, one stream each.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_test_utils::testnet::RecordedStream;

/// The demo publishes at least this many records.
const LEAST_RECORDS: usize = 20_000;

/// The streams of the demo.
pub(crate) fn streams(repository: &Path) -> anyhow::Result<Vec<RecordedStream>> {
    let data = repository.join("node_modules/vega-datasets/data");
    let mut weather = csv(&data.join("seattle-weather-hourly-normals.csv"))?;
    weather.extend(csv(&data.join("weather.csv"))?);
    let flights = json(&data.join("flights-10k.json"))?;
    let total = weather.len() + flights.len();
    ensure!(total >= LEAST_RECORDS, "only {total} records in {}", data.display());
    Ok(vec![RecordedStream::new("weather", weather)?, RecordedStream::new("flights", flights)?])
}

/// The lines of a CSV file as JSON objects.
fn csv(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = read(path)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let object = |line: &str| {
        let values = line.split(',').map(|value| Value::String(value.to_owned()));
        let fields = names.iter().map(|name| (*name).to_owned()).zip(values);
        Value::Object(fields.collect()).to_string()
    };
    Ok(lines.filter(|line| !line.is_empty()).map(object).collect())
}

/// The elements of a JSON array.
fn json(path: &Path) -> anyhow::Result<Vec<String>> {
    let values: Vec<Value> = serde_json::from_str(&read(path)?)
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(values.iter().map(Value::to_string).collect())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| {
        format!("reading {}; scripts/setup installs vega-datasets", path.display())
    })
}
