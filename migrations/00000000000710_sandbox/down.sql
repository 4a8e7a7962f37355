DROP TABLE sandbox_documents;
