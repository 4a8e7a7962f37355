//! What happens around listings and providers: favourites, views, figures.
