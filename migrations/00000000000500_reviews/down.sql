DROP TABLE review_ratings, review_reports, review_votes, review_confirmations, reviews;
