//! The API's document, and the same for reading: made from it, with nothing from elsewhere.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use serde_json::{Value, json};

use crate::http::openapi;
use crate::http::problem::Problem;

const TEMPLATE: &str = include_str!("docs.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service", responses((status = 200, body = serde_json::Value)))]
pub async fn openapi() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(openapi::json())
}

/// This document, for reading.
#[utoipa::path(get, path = "/docs", tag = "service", responses((status = 200, content_type = "text/html", body = String)))]
pub async fn docs() -> Result<HttpResponse, Problem> {
    static PAGE: LazyLock<Result<String, String>> = LazyLock::new(|| render().map_err(|e| e.to_string()));
    let page = PAGE.as_ref().map_err(|e| Problem::internal(format!("the API reference cannot be rendered: {e}")))?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(page.as_str()))
}

fn render() -> Result<String, minijinja::Error> {
    let document: Value = serde_json::from_str(openapi::json()).map_err(|e| {
        minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "the document is not JSON").with_source(e)
    })?;
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    engine.add_template("docs.html", TEMPLATE)?;
    engine.get_template("docs.html")?.render(minijinja::value::Serde(page(&document)))
}

/// The document as the template wants it: calls by tag, schemas with their fields.
fn page(document: &Value) -> Value {
    let empty = serde_json::Map::new();
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut tags: Vec<(String, Vec<Value>)> = vec![];
    for (path, methods) in document["paths"].as_object().unwrap_or(&empty) {
        for (method, operation) in object(methods) {
            let tag = operation["tags"][0].as_str().unwrap_or("other").to_owned();
            let call = json!({
                "method": method.to_uppercase(),
                "path": path,
                "text": text(&operation),
                "parameters": operation["parameters"].as_array().cloned().unwrap_or_default().iter().map(parameter).collect::<Vec<_>>(),
                "bodies": contents(&operation["requestBody"]),
                "answers": object(&operation["responses"]).iter().map(|(status, answer)| json!({
                    "status": status,
                    "text": answer["description"].as_str().unwrap_or_default(),
                    "bodies": contents(answer),
                })).collect::<Vec<_>>(),
            });
            match tags.iter_mut().find(|(known, _)| *known == tag) {
                Some((_, calls)) => calls.push(call),
                None => tags.push((tag, vec![call])),
            }
        }
    }
    let schemas = object(&document["components"]["schemas"]);
    let schemas = schemas.iter().map(|(name, schema)| {
        let required: Vec<&str> =
            schema["required"].as_array().map(|r| r.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
        json!({
            "name": name,
            "text": schema["description"].as_str().unwrap_or_default(),
            "fields": fields(schema).iter().map(|(field, of)| json!({
                "name": field,
                "type": kind(of),
                "link": link(of),
                "required": required.contains(&field.as_str()),
                "text": of["description"].as_str().unwrap_or_default(),
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "title": document["info"]["title"],
        "version": document["info"]["version"],
        "text": document["info"]["description"].as_str().unwrap_or_default(),
        "tags": tags.iter().map(|(tag, calls)| json!({"name": tag, "calls": calls})).collect::<Vec<_>>(),
        "schemas": schemas.collect::<Vec<_>>(),
    })
}

fn text(operation: &Value) -> String {
    let said = [&operation["summary"], &operation["description"]].map(|value| value.as_str().unwrap_or_default());
    said.join(" ").trim().to_owned()
}

fn parameter(parameter: &Value) -> Value {
    json!({
        "name": parameter["name"],
        "in": parameter["in"],
        "required": parameter["required"].as_bool().unwrap_or(false),
        "type": kind(&parameter["schema"]),
        "text": parameter["description"].as_str().unwrap_or_default(),
    })
}

/// Media types with the schema of each.
fn contents(of: &Value) -> Vec<Value> {
    let content = of["content"].as_object().cloned().unwrap_or_default();
    let one = |(media_type, body): (&String, &Value)| json!({"media_type": media_type, "type": kind(&body["schema"]), "link": link(&body["schema"])});
    content.iter().map(one).collect()
}

/// Own fields, and those of what it is composed of.
fn fields(schema: &Value) -> Vec<(String, Value)> {
    let mut all: Vec<(String, Value)> = schema["properties"]
        .as_object()
        .map(|p| p.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        .unwrap_or_default();
    for part in schema["allOf"].as_array().cloned().unwrap_or_default() {
        match part["$ref"].as_str() {
            Some(_) => all.push(("…".to_owned(), part)),
            None => all.extend(fields(&part)),
        }
    }
    all
}

/// The name of the schema that is meant, anywhere inside.
fn link(schema: &Value) -> Option<String> {
    let name = |reference: &str| reference.rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(reference) = schema["$ref"].as_str() {
        return Some(name(reference));
    }
    let inside =
        ["oneOf", "anyOf", "allOf"].iter().flat_map(|word| schema[*word].as_array().cloned().unwrap_or_default());
    inside.chain(schema.get("items").cloned()).find_map(|inner| link(&inner))
}

/// A schema in a word.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if let Some(any) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array()) {
        return any.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    let word = match &schema["type"] {
        Value::String(word) => word.clone(),
        Value::Array(words) => words.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    if word.starts_with("array") {
        return word.replacen("array", &format!("list of {}", kind(&schema["items"])), 1);
    }
    match schema["format"].as_str() {
        Some(format) if !format.starts_with("int") && format != "double" => format!("{word} ({format})"),
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_tells_every_call_and_needs_nothing_from_elsewhere() {
        let page = render().unwrap();
        for (_, path) in super::super::LIST {
            assert!(page.contains(&format!("<code>{path}</code>")), "{path} is missing");
        }
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("href=\"http"));
    }
}
