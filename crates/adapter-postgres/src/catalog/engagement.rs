//! Favourites, views and daily figures.
