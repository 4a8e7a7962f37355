DROP TABLE listing_media;
DROP FUNCTION listing_media_gone;
DROP TABLE media_objects;
DROP FUNCTION media_objects_step;
