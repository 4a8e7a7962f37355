SET LOCAL lock_timeout = '2s';

-- How many bytes the files of an account have: the originals that are attached, whatever they
-- belong to, and those that a change waits with. Smaller copies are ours and do not count.
CREATE TABLE media_usage (
    account_id uuid PRIMARY KEY REFERENCES accounts (id),
    bytes      bigint NOT NULL CONSTRAINT media_usage_bytes CHECK (bytes >= 0)
) WITH (fillfactor = 50);

-- On whose account a file counts once it is attached; NULL for one that does not count.
ALTER TABLE media_objects ADD COLUMN account_id uuid;

-- However a file comes and goes, the sum follows in the same transaction.
CREATE FUNCTION media_objects_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media_usage (account_id, bytes)
    SELECT DISTINCT account_id, 0 FROM counted_after
    WHERE state = 'attached' AND account_id IS NOT NULL
    ORDER BY account_id
    ON CONFLICT DO NOTHING;
    UPDATE media_usage SET bytes = media_usage.bytes + change.bytes
    FROM (
        SELECT account_id, sum(bytes)::bigint AS bytes
        FROM (
            SELECT account_id, bytes FROM counted_after WHERE state = 'attached'
            UNION ALL
            SELECT account_id, -bytes FROM counted_before WHERE state = 'attached'
        ) both_sides
        WHERE account_id IS NOT NULL
        GROUP BY account_id
        HAVING sum(bytes) <> 0
    ) change
    WHERE media_usage.account_id = change.account_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER media_objects_count AFTER UPDATE ON media_objects
    REFERENCING OLD TABLE AS counted_before NEW TABLE AS counted_after
    FOR EACH STATEMENT EXECUTE FUNCTION media_objects_count();

-- What there is already. Files that a change waits with count when it is accepted.
UPDATE media_objects object SET account_id = owner.account_id
FROM listing_media item
JOIN listings listing ON listing.id = item.listing_id
JOIN providers owner ON owner.id = listing.provider_id
WHERE item.key = object.key AND object.state = 'attached';

UPDATE media_objects object SET account_id = coalesce(provider.account_id, review.author_id)
FROM pictures item
LEFT JOIN providers provider ON provider.id = item.provider_id
LEFT JOIN reviews review ON review.id = item.review_id
WHERE item.key = object.key AND object.state = 'attached';
