//! Names, places and sentences of the demo marketplace. Nobody and nothing of it exists.

/// A city and where it lies.
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) latitude: f64,
    pub(super) longitude: f64,
}

pub(super) const CITIES: [City; 10] = [
    City { name: "Berlin", latitude: 52.520, longitude: 13.405 },
    City { name: "Hamburg", latitude: 53.551, longitude: 9.994 },
    City { name: "Munich", latitude: 48.137, longitude: 11.575 },
    City { name: "Vienna", latitude: 48.208, longitude: 16.373 },
    City { name: "Zurich", latitude: 47.377, longitude: 8.541 },
    City { name: "Paris", latitude: 48.857, longitude: 2.352 },
    City { name: "Lyon", latitude: 45.764, longitude: 4.836 },
    City { name: "Milan", latitude: 45.464, longitude: 9.190 },
    City { name: "Lisbon", latitude: 38.722, longitude: -9.139 },
    City { name: "Copenhagen", latitude: 55.676, longitude: 12.568 },
];

pub(super) const FIRST_NAMES: [&str; 32] = [
    "Ada", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla",
    "Leo", "Mara", "Nils", "Olga", "Paul", "Rosa", "Samir", "Tessa", "Umar", "Vera", "Wim", "Yara",
    "Zoe", "Anton", "Bianca", "Cem", "Dunja", "Emil", "Fatma", "Goran", "Hanna",
];

pub(super) const LAST_NAMES: [&str; 24] = [
    "Albers", "Bianchi", "Costa", "Dubois", "Engel", "Ferreira", "Gruber", "Hansen", "Ivanova",
    "Jansen", "Kaya", "Laurent", "Meyer", "Nowak", "Olsen", "Petrov", "Quint", "Rossi", "Schmidt",
    "Tanaka", "Urban", "Vogel", "Weber", "Zimmer",
];

/// What providers call themselves, after a name.
pub(super) const STUDIOS: [&str; 8] =
    ["Studio", "Atelier", "Workshop", "& Partners", "Collective", "Works", "Practice", "House"];

pub(super) const HEADLINES: [&str; 8] = [
    "Calm rooms for busy people",
    "Small spaces, well used",
    "Old houses, carefully mended",
    "Good light and honest materials",
    "On time, on budget, with a smile",
    "Patient with beginners and perfectionists",
    "Twenty years of practice, new ideas every week",
    "From the first sketch to the last screw",
];

/// Titles by category.
pub(super) const TITLES: [(&str, &[&str]); 15] = [
    (
        "interior-design",
        &["A flat that breathes", "Colours for a long corridor", "One room, three uses"],
    ),
    (
        "kitchens",
        &[
            "An oak kitchen for a family of five",
            "A galley with room to dance",
            "A kitchen around the table",
        ],
    ),
    (
        "bathrooms",
        &["A bathroom in terracotta", "A wet room under the roof", "Four square metres of calm"],
    ),
    (
        "living-spaces",
        &["A living room for books", "A loft with soft edges", "A fireplace and two armchairs"],
    ),
    ("architecture", &["A house on a slope", "A timber extension", "A barn becomes a home"]),
    (
        "renovation",
        &["A flat from 1911, put right", "New floors, old soul", "Warm walls before winter"],
    ),
    (
        "painting",
        &["Lime paint for a stairwell", "Seven rooms in six days", "A ceiling in one colour"],
    ),
    ("carpentry", &["Built-in shelves in ash", "A bed with drawers", "Windows, mended by hand"]),
    (
        "gardens",
        &["A garden for lazy gardeners", "A terrace above the roofs", "Fruit trees along the wall"],
    ),
    (
        "cleaning",
        &["A clean flat, every week", "Spring cleaning, all rooms", "Windows without streaks"],
    ),
    (
        "repairs",
        &["A dripping tap, gone today", "Furniture, put together", "Small repairs, one visit"],
    ),
    (
        "music-lessons",
        &["Piano for grown-up beginners", "Guitar, song by song", "Singing without fear"],
    ),
    ("language-lessons", &["Conversation in French", "German for work", "Spanish over coffee"]),
    ("massage", &["Deep tissue, an hour", "Back and shoulders", "Before and after the marathon"]),
    ("fitness", &["Strong after fifty", "Personal training outdoors", "Yoga at sunrise"]),
];

/// For a category that has no titles of its own.
pub(super) const OTHER_TITLES: [&str; 4] =
    ["Done with care", "A favourite of our clients", "New this season", "Made to measure"];

pub(super) const SENTENCES: [&str; 12] = [
    "We listened for an hour before we drew the first line.",
    "Everything that could be kept was kept; the rest was made in the neighbourhood.",
    "The budget was fixed from the start, and it held.",
    "Natural light decided where things went.",
    "The materials are meant to age well: wood, lime, wool, stone.",
    "You get one person to talk to, from the first call to the last day.",
    "We work quietly, clean up every evening and tell you before anything changes.",
    "Most of our clients come back, or send their friends.",
    "Storage was the puzzle here, and the part we are proud of.",
    "A plan with dates comes with the offer, in plain words.",
    "We bring what is needed and take the rest away with us.",
    "If something is not right, we come back and make it right.",
];

pub(super) const REQUESTS: [&str; 6] = [
    "Hello, we saw your work and would like to talk about something similar for our flat.",
    "We move in three months and would love to have this done before. Is that realistic?",
    "Could you come and have a look? Any evening next week suits us.",
    "Our budget is not endless, but we would rather do one thing well than three by halves.",
    "My sister recommended you. What would you suggest for about twenty square metres?",
    "We like how simple it looks. Do you work with clients who have no plan yet?",
];

pub(super) const REVIEWS: [(u8, &str); 8] = [
    (5, "Exactly what we hoped for, and finished a day early."),
    (5, "Friendly, precise and full of ideas. We would do it again at once."),
    (5, "They saw what the room needed before we did."),
    (4, "Very good work. The start slipped by a week, but we were told in time."),
    (4, "Lovely result and fair price; the dust took a while to go."),
    (4, "Good advice, clean work, clear bill."),
    (3, "The result is fine. Answers took longer than we would have liked."),
    (2, "The work itself is good, but two appointments were moved at short notice."),
];

pub(super) const REPLIES: [&str; 3] = [
    "Thank you! It was a pleasure to work with you.",
    "Thanks for the honest words; we have changed how we plan our weeks.",
    "We are glad it feels like home. Come by for coffee whenever you are near.",
];
