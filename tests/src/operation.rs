use reqwest::Method;
use serde_json::Value;

/// An operation of the API, as its OpenAPI document describes it.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The path with its parameters in braces, from the first `/`.
    pub path: String,
    /// The operation's id.
    pub id: String,
    /// The whole description.
    pub description: Value,
}

impl Operation {
    /// Every operation there is.
    pub fn all() -> Vec<Self> {
        let document = serde_json::to_value(mercato::http::openapi());
        let document = document.expect("the document is plain data");
        let paths = document["paths"].as_object().expect("a document has paths");
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, description) in item.as_object().into_iter().flatten() {
                let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else {
                    continue;
                };
                if description.get("responses").is_none() {
                    continue;
                }
                operations.push(Self {
                    method,
                    path: path.clone(),
                    id: description["operationId"].as_str().unwrap_or_default().to_owned(),
                    description: description.clone(),
                });
            }
        }
        operations
    }

    /// Whether it takes a body of this media type.
    pub fn takes(&self, media_type: &str) -> bool {
        self.description["requestBody"]["content"].get(media_type).is_some()
    }

    /// The names of its parameters that stand in `place`: `path`, `query` or `header`.
    pub fn parameters(&self, place: &str) -> Vec<&str> {
        let parameters = self.description["parameters"].as_array();
        let standing = parameters.into_iter().flatten().filter(|one| one["in"] == place);
        standing.filter_map(|one| one["name"].as_str()).collect()
    }

    /// Whether a status, or its class, is among the answers it documents.
    pub fn documents(&self, status: u16) -> bool {
        let class = format!("{}XX", status / 100);
        let responses = &self.description["responses"];
        responses.get(status.to_string()).or_else(|| responses.get(class)).is_some()
    }

    /// The path with every parameter replaced.
    pub fn path_with(&self, mut value: impl FnMut(&str) -> String) -> String {
        let mut path = self.path.clone();
        while let (Some(start), Some(end)) = (path.find('{'), path.find('}')) {
            let replaced = value(&path[start + 1..end]);
            path.replace_range(start..=end, &replaced);
        }
        path
    }
}
