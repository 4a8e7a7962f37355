//! The table of migration `sandbox`.

diesel::table! {
    sandbox_documents (key) {
        key -> Text,
        document -> Jsonb,
    }
}
