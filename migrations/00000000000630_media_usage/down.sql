-- Loses how much of their room accounts have used; it can be counted again.
DROP TRIGGER media_objects_count ON media_objects;
DROP FUNCTION media_objects_count;
ALTER TABLE media_objects DROP COLUMN account_id;
DROP TABLE media_usage;
