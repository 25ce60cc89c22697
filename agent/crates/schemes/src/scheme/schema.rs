//! The JSON Schema of a scheme's file, for editors and for head-ends that write schemes.

use super::form::{Fields, Form, Key, Part, Parts, Value};
use super::page_form::Document;
use metering::scheme::Scheme;
use serde_json::{Map, Value as Json, json};

/// The published schema, `docs/schemas/scheme.schema.json`.
pub fn json_schema() -> String {
    let mut schema = object(&mut Document::of(Scheme::default()));
    if let Some(map) = schema.as_object_mut() {
        let draft = "https://json-schema.org/draft/2020-12/schema";
        map.insert("$schema".to_owned(), json!(draft));
        map.insert(
            "title".to_owned(),
            json!("A scheme, as its TOML file says it"),
        );
    }
    format!("{schema:#}\n")
}

fn object(form: &mut dyn Form) -> Json {
    let mut page = Page::default();
    form.fields(&mut page);
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema.insert("properties".to_owned(), Json::Object(page.properties));
    if !page.needed.is_empty() {
        schema.insert("required".to_owned(), json!(page.needed));
    }
    Json::Object(schema)
}

#[derive(Default)]
struct Page {
    properties: Map<String, Json>,
    needed: Vec<&'static str>,
}

impl Page {
    fn put(&mut self, key: Key, mut schema: Json) {
        if let Some(map) = schema.as_object_mut() {
            map.insert("description".to_owned(), json!(key.about));
        }
        self.properties.insert(key.name.to_owned(), schema);
        if key.is_needed {
            self.needed.push(key.name);
        }
    }
}

impl Fields for Page {
    fn value(&mut self, key: Key, slot: &mut dyn Value) {
        self.put(key, slot.schema());
    }

    fn table(&mut self, key: Key, slot: &mut dyn Part) {
        self.put(key, object(slot.create()));
    }

    fn tables(&mut self, key: Key, slot: &mut dyn Parts) {
        if let Some(form) = slot.create() {
            let items = object(form);
            self.put(
                key,
                json!({ "type": "array", "maxItems": key.most, "items": items }),
            );
        }
    }
}
