-- Loses the pictures of providers and reviews: their rows here, and their files with the next sweep.
UPDATE providers SET avatar_media_id = NULL WHERE avatar_media_id IS NOT NULL;
DELETE FROM pictures;
DROP TABLE pictures;
