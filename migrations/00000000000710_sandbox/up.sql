-- What the embedded gateway of development knows: documents by key. Empty in production.
CREATE TABLE sandbox_documents (
    -- In the order of bytes, so that pages go by it whatever the database's language is.
    key      text COLLATE "C" PRIMARY KEY CHECK (length(key) BETWEEN 1 AND 600),
    document jsonb NOT NULL
);
