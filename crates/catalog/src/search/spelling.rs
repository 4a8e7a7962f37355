//! Which word was meant.

/// The word among `known` that was most likely meant by `typed`; `None` if `typed` is one of them,
/// is too short to tell, or is like none of them.
pub(super) fn meant(typed: &str, known: &[String]) -> Option<String> {
    let typed = typed.to_lowercase();
    let most = match typed.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        _ => 2,
    };
    let (word, distance) = known
        .iter()
        .map(|word| (word, distance(&typed, word)))
        // The first of equals: the more similar one by its trigrams.
        .min_by_key(|(_, distance)| *distance)?;
    (1..=most).contains(&distance).then(|| word.clone())
}

/// How many letters must be changed, added, taken away or swapped with their neighbour (optimal
/// string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut last_but_one: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut fewest = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                fewest = fewest.min(last_but_one[j - 2] + 1);
            }
            row.push(fewest);
        }
        last_but_one = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_slip_of_the_finger_is_forgiven() {
        let words = known(&["table", "chair", "retriever"]);

        assert_eq!(meant("tabel", &words).as_deref(), Some("table"));
        assert_eq!(meant("chiar", &words).as_deref(), Some("chair"));
        assert_eq!(meant("Retreiver", &words).as_deref(), Some("retriever"));
        assert_eq!(meant("retrievr", &words).as_deref(), Some("retriever"));
    }

    #[test]
    fn another_word_is_another_word() {
        let words = known(&["table", "chair"]);

        assert_eq!(meant("table", &words), None);
        assert_eq!(meant("stable", &known(&["marble"])), None);
        assert_eq!(meant("ta", &words), None);
        assert_eq!(meant("sofa", &words), None);
    }
}
