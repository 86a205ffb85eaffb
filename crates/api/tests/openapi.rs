//! The description that is checked in is the one that the code makes.

/// Writes the file instead of comparing it, for who changed a route.
const REMAKE: &str = "UPDATE_OPENAPI";

#[test]
fn the_openapi_description_is_as_it_was_reviewed() {
    // Tests run in their package's folder; what is compiled in is the folder of whichever checkout shares the build.
    let path = "../../docs/openapi.json";
    let made = tatum_api::openapi_json().unwrap();
    if std::env::var_os(REMAKE).is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(
        kept == made,
        "routes have changed: run `{REMAKE}=1 cargo nextest run -p tatum-api`, and read the difference"
    );
}

#[test]
fn every_operation_says_what_else_it_may_answer() {
    let described: serde_json::Value =
        serde_json::from_str(&tatum_api::openapi_json().unwrap()).unwrap();
    let mut operations = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let answers = operation["responses"].as_object().unwrap();
            let is_refusal = |status: &String| status.starts_with('4') || status == "503";
            assert!(answers.keys().any(is_refusal), "{method} {path}");
            assert!(operation["operationId"].is_string(), "{method} {path}");
            operations += 1;
        }
    }
    assert!(operations >= 15, "only {operations} operations are described");
}
