//! The OpenAPI document: every call of `routes`, every shape of `wire`, and what holds for all of them (keys,
//! problems, `Idempotency-Key`) said once here. A snapshot of it is kept, so that a change of the API is a diff.

use std::sync::LazyLock;

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Content, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder,
};
use utoipa::{OpenApi as _, PartialSchema, ToSchema};

use super::auth::COOKIE;
use super::problem::{CONTENT_TYPE, Code, FieldProblem, ProblemDocument};
use super::routes::Paths;

const TEXT: &str = "Grades real work products by a panel of judge models. Send `Authorization: Bearer <key>`; a service \
without keys serves its own machine only. Errors are problem documents (RFC 9457) with a stable `code`. Times are RFC 3339 \
in UTC, money is USD, unknown is null.";

const TAGS: [(&str, &str); 10] = [
    ("rubrics", "What is required, with points."),
    ("tasks", "What was asked."),
    ("submissions", "What a system made of it."),
    ("gradings", "One panel applied to one submission."),
    ("comparisons", "Two submissions side by side, and battles from elsewhere."),
    ("statistics", "Who is better, how sure, and how far judges agree."),
    ("reviews", "Questions for humans."),
    ("judges", "Who judges."),
    ("webhooks", "Who is told what happens."),
    ("service", "Whether it lives."),
];

/// POST calls that create something, and so take an `Idempotency-Key`.
const CREATING: [&str; 9] = [
    "/v1/rubrics",
    "/v1/tasks",
    "/v1/submissions",
    "/v1/gradings",
    "/v1/gradings/{id}/overrides",
    "/v1/comparisons",
    "/v1/comparisons/import",
    "/v1/webhooks",
    "/v1/webhooks/{id}/rotate",
];

/// The whole document.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = Paths::openapi();
    document.info =
        InfoBuilder::new().title("empanel").version(env!("CARGO_PKG_VERSION")).description(Some(TEXT)).build();
    let tags: Vec<_> =
        TAGS.iter().map(|(name, text)| TagBuilder::new().name(*name).description(Some(*text)).build()).collect();
    document.tags = Some(tags);
    let known = document.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let components = ComponentsBuilder::from(known)
        .schema(ProblemDocument::name(), ProblemDocument::schema())
        .schema(FieldProblem::name(), FieldProblem::schema())
        .response("Problem", problem("Something is wrong; `code` tells what"))
        .security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(COOKIE))))
        .build();
    document.components = Some(components);
    for (path, item) in &mut document.paths.paths {
        complete(path, item);
    }
    document
}

/// What holds for every call.
fn complete(path: &str, item: &mut PathItem) {
    let is_api = path.starts_with("/v1/");
    for operation in [&mut item.get, &mut item.post, &mut item.delete].into_iter().flatten() {
        operation.responses.responses.insert("default".to_owned(), RefOr::Ref(Ref::from_response_name("Problem")));
        if is_api {
            operation.security = Some(vec![
                SecurityRequirement::new::<_, _, &str>("bearer", []),
                SecurityRequirement::new::<_, _, &str>("cookie", []),
            ]);
        }
    }
    if let Some(post) = &mut item.post
        && CREATING.contains(&path)
    {
        add(post, idempotency_key());
        let used = "`idempotency_mismatch`: the key was used with another request; or another conflict";
        post.responses.responses.insert("409".to_owned(), RefOr::T(problem(used)));
    }
}

fn add(operation: &mut Operation, parameter: Parameter) {
    operation.parameters.get_or_insert_default().push(RefOr::T(parameter));
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "Yours, at most 255 bytes. The same key and request get the first answer again, also after a restart.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}

fn problem(text: &str) -> utoipa::openapi::Response {
    let schema = RefOr::Ref(Ref::from_schema_name(ProblemDocument::name()));
    ResponseBuilder::new().description(text).content(CONTENT_TYPE, Content::new(Some(schema))).build()
}

/// The document as JSON, with every `code` that a problem can have.
pub(super) fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        let mut value = serde_json::to_value(document()).unwrap_or_default();
        // The codes of stories stand beside them; these are the door's own.
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        value["components"]["schemas"]["Problem"]["properties"]["code"]["examples"] = serde_json::json!(codes);
        serde_json::to_string_pretty(&value).unwrap_or_default()
    });
    &JSON
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::http::routes::LIST;

    #[test]
    fn the_document_has_every_call_that_is_served_and_no_other() {
        let served: BTreeSet<(String, String)> = LIST.iter().map(|(m, p)| ((*m).to_owned(), (*p).to_owned())).collect();
        let mut told = BTreeSet::new();
        for (path, item) in &document().paths.paths {
            for (method, operation) in
                [("get", &item.get), ("post", &item.post), ("put", &item.put), ("delete", &item.delete)]
            {
                if operation.is_some() {
                    told.insert((method.to_owned(), path.clone()));
                }
            }
        }
        assert_eq!(served, told);
    }

    #[test]
    fn no_two_shapes_have_one_name() {
        let mut names = BTreeSet::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/wire")).unwrap() {
            let code = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for shape in code.split("ToSchema").skip(1) {
                // Up to the body of what it is derived for.
                let head = shape.split('{').next().unwrap_or_default();
                let renamed = head.split_once("schema(as = ").and_then(|(_, rest)| rest.split([')', ',']).next());
                let words: Vec<&str> = head.split_whitespace().collect();
                let own = words.windows(2).find(|pair| ["struct", "enum"].contains(&pair[0])).map(|pair| pair[1]);
                let Some(name) = renamed.or(own) else { continue };
                let name = name.split(['<', '(', ';']).next().unwrap_or(name);
                assert!(names.insert(name.to_owned()), "two shapes are called {name}: the document has one of them");
            }
        }
        assert!(names.len() > 100, "{names:?}");
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_call_says_what_it_does() {
        let value: serde_json::Value = serde_json::from_str(json()).unwrap();
        let mut open = vec![&value];
        while let Some(one) = open.pop() {
            if let Some(to) = one.get("$ref").and_then(|r| r.as_str()) {
                assert!(value.pointer(to.trim_start_matches('#')).is_some(), "{to} leads nowhere");
            }
            match one {
                serde_json::Value::Object(fields) => open.extend(fields.values()),
                serde_json::Value::Array(items) => open.extend(items),
                _ => {}
            }
        }
        for (path, methods) in value["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                assert!(operation["summary"].is_string(), "{method} {path} has no summary");
                assert!(operation["tags"][0].is_string(), "{method} {path} has no tag");
                let named = operation["parameters"].as_array().cloned().unwrap_or_default();
                for part in path.split('/').filter_map(|part| part.strip_prefix('{')) {
                    let name = part.split('}').next().unwrap();
                    assert!(named.iter().any(|p| p["name"] == name && p["in"] == "path"), "{method} {path}: {name}");
                }
            }
        }
    }

    #[test]
    fn the_api_is_what_it_was() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/http/openapi.json");
        let now = format!("{}\n", json());
        if std::env::var_os("EMPANEL_UPDATE_SNAPSHOTS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == now,
            "the API has changed: run with EMPANEL_UPDATE_SNAPSHOTS=1 and look at the diff of {}",
            path.display()
        );
    }
}
