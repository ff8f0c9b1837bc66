//! Questions that a text answers, from the grammar of its sentences: "X
//! launched Y in 1957" answers "When did X launch Y?". A sentence whose grammar
//! leaves a doubt asks nothing; a text with too few such sentences is asked
//! about its key terms.

use std::collections::BTreeSet;

use english::{English, Form, Number, Person, Tense};
use harper_brill::{
    Tagger,
    UPOS::{
        self, ADJ, ADP, ADV, AUX, CCONJ, DET, NOUN, NUM, PART, PRON, PROPN, PUNCT, SCONJ, SYM, VERB,
    },
    brill_tagger,
};

use super::analysts::{Word, is_capital, ranks, sentences, tag, terms};

/// At most `n` questions in the text's order: of several kinds, and from
/// sentences that matter. If there are few, some about the key terms.
pub(crate) fn questions(text: &str, n: usize) -> Vec<String> {
    let tagged: Vec<_> = sentences(text)
        .iter()
        .map(|sentence| tag(sentence))
        .collect();
    let words = tagged.iter().flatten().map(|(word, _)| word);
    let small = words.filter(|word| !is_capital(word)).cloned().collect();
    let ranks = ranks(&tagged);
    let mut found: Vec<(usize, Question)> = tagged
        .iter()
        .enumerate()
        .filter_map(|(i, words)| Some((i, Clause::parse(words)?.question(&small)?)))
        .collect();
    let worth = |(i, question): &(usize, Question)| question.worth + ranks[*i] * 10.0;
    found.sort_by(|a, b| worth(b).total_cmp(&worth(a)).then(a.0.cmp(&b.0)));

    let (mut kept, mut spare) = (Vec::new(), Vec::new());
    let (mut kinds, mut asked) = (Vec::new(), BTreeSet::new());
    for (i, Question { kind, text, .. }) in found {
        if asked.insert(text.clone()) {
            let n_alike = kinds.iter().filter(|other| **other == kind).count();
            kinds.push(kind);
            if n_alike < 2 { &mut kept } else { &mut spare }.push((i, text));
        }
    }
    kept.extend(spare);
    kept.truncate(n);
    kept.sort();
    let mut questions: Vec<String> = kept.into_iter().map(|(_, text)| text).collect();
    let n_missing = 3_usize.saturating_sub(questions.len());
    if n_missing > 0 {
        let terms = terms(text, 3).into_iter().take(n_missing);
        questions.extend(terms.map(|term| format!("What does the text say about \"{term}\"?")));
    }
    questions
}

/// A question, and how good it is.
struct Question {
    worth: f64,
    kind: Kind,
    text: String,
}

/// What a question asks for.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// "What is X?"
    Meaning,
    /// "Who did Y?"
    Doer,
    /// "When did X do Y?"
    Date,
}

/// A main clause, taken apart: "SUBJECT VERB OBJECT", perhaps with a date.
struct Clause<'a> {
    subject: &'a [Word],
    verb: &'a Word,
    /// What a question can repeat: up to the date, a comma or another clause.
    object: &'a [Word],
    /// Whether the sentence says when.
    is_dated: bool,
    /// Whether the object ends before the clause does.
    is_cut: bool,
    /// Whether the clause ends where a sentence could end.
    ends_well: bool,
    /// Whether another clause hides in this one, or the object is too long or
    /// has no end; then only "What is X?" can be asked.
    is_doubtful: bool,
}

impl<'a> Clause<'a> {
    /// The main clause of a sentence, if it has a subject that makes sense
    /// alone.
    fn parse(sentence: &'a [Word]) -> Option<Self> {
        let (opening_date, words) = without_opening(sentence)?;
        let at = words.iter().position(|w| is(w, &[VERB, AUX]))?;
        let (subject, verb, rest) = (&words[..at], &words[at], &words[at + 1..]);
        if !can_stand_alone(subject) {
            return None;
        }
        let end = clause_end(rest);
        let clause = &rest[..end];
        let date = date(clause);
        let comma = clause.iter().position(|w| w.0 == ",").unwrap_or(end);
        let cut = comma.min(date.map_or(end, |(start, _)| start));
        let object = &clause[..cut];

        let ends_well = |w: &Word| is(w, &[PUNCT, CCONJ]) && !is_in(w, "that");
        let opens_clause = |w: &Word| is(w, &[PRON, SCONJ]) || is_in(w, "that");
        let after_date = date.and_then(|(_, end)| rest.get(end));
        let dangles = |w: &Word| is(w, &[ADP, DET, CCONJ, AUX, PART, ADJ]);
        Some(Self {
            subject,
            verb,
            object,
            is_dated: opening_date || date.is_some(),
            is_cut: cut < end,
            ends_well: rest.get(end).is_none_or(ends_well),
            is_doubtful: object.len() > 12
                || object.last().is_some_and(dangles)
                || after_date.is_some_and(opens_clause)
                || has_reduced_clause(clause),
        })
    }

    /// The best question that the clause answers; none, if its grammar leaves
    /// a doubt. `small` are the words that the text has in small letters.
    fn question(&self, small: &BTreeSet<String>) -> Option<Question> {
        let article = self
            .object
            .first()
            .is_some_and(|w| is_in(w, "a an the one"));
        let unique = |w: &Word| is_in(w, "first only largest oldest busiest main");
        let unique = self.object.iter().any(unique);
        let be = is_in(self.verb, "is was");
        let aux = is(self.verb, &[AUX]);
        let (named, person) = (self.has_name(), self.is_person());
        let mut worth = if named { 1.0 } else { 0.0 };
        if self.subject.len() > 2 || person {
            worth += 0.5;
        }
        let ask = if person { "Who" } else { "What" };
        let (subject, verb, object) = (self.subject_inside(small), &self.verb.0, join(self.object));

        let adjective = self.subject.iter().any(|w| is(w, &[ADJ]));
        if be && article && !unique && (named || !adjective) {
            let text = format!("{ask} {verb} {subject}?");
            return Some(Question {
                worth: worth + 1.2,
                kind: Kind::Meaning,
                text,
            });
        }
        if self.is_doubtful {
            return None;
        }
        let mut found = Vec::new();
        if self.object.len() > 3 && self.ends_well && article && (person && !aux || unique && be) {
            let worth = worth + if unique { 1.8 } else { 0.8 };
            let text = format!("{ask} {verb} {object}?");
            found.push(Question {
                worth,
                kind: Kind::Doer,
                text,
            });
        }
        if self.is_dated && (self.is_cut || self.ends_well) {
            let passive = is_in(self.verb, "was were") && !self.object.is_empty();
            let when = if passive {
                Some(format!("When {verb} {subject} {object}"))
            } else {
                let plain = plain_form(verb).filter(|_| !aux);
                plain.map(|plain| format!("When did {subject} {plain} {object}"))
            };
            found.extend(when.map(|when| Question {
                worth: worth + 1.0,
                kind: Kind::Date,
                text: format!("{}?", when.trim_end()),
            }));
        }
        found.into_iter().max_by(|a, b| a.worth.total_cmp(&b.worth))
    }

    /// Whether the subject holds a name.
    fn has_name(&self) -> bool {
        let is_name = |w: &Word| is(w, &[PROPN]) || w.1.is_none() && is_capital(&w.0);
        self.subject.iter().any(is_name)
    }

    /// Whether the subject looks like the name of a person: two or three words
    /// with capitals, and not those of a place.
    fn is_person(&self) -> bool {
        const PLACE: &str = "new north south east west saint san los hong mount lake great";
        let is_name = |w: &Word| is_capital(&w.0) && !is(w, &[DET, NUM, ADJ]);
        (2..4).contains(&self.subject.len())
            && self.subject.iter().all(is_name)
            && !is_in(&self.subject[0], PLACE)
    }

    /// The subject as it is written inside a sentence: with a small first
    /// letter, unless it is a name.
    fn subject_inside(&self, small: &BTreeSet<String>) -> String {
        let first = &self.subject[0];
        let lower = first.0.to_lowercase();
        let is_plural = self.subject.len() > 1 || first.0.ends_with('s');
        let is_plain = is(first, &[DET, NUM]) || is(first, &[NOUN]) && is_plural;
        let first = if is_plain || small.contains(&lower) {
            &lower
        } else {
            &first.0
        };
        [first.clone(), join(&self.subject[1..])]
            .join(" ")
            .trim_end()
            .to_owned()
    }
}

/// The sentence without what stands before its subject, and whether that was a
/// date: "In 1903" and anything else from a preposition up to a comma.
fn without_opening(words: &[Word]) -> Option<(bool, &[Word])> {
    if let Some((0, end)) = date(&words[..words.len().min(4)]) {
        let comma = words.get(end).is_some_and(|w| w.0 == ",");
        return Some((true, &words[end + usize::from(comma)..]));
    }
    if words.first().is_some_and(|w| is(w, &[ADP])) {
        let comma = words.iter().position(|w| w.0 == ",")?;
        return Some((false, &words[comma + 1..]));
    }
    Some((false, words))
}

/// Where "in 1957", "on 4 October 1957" and the like stand in the words.
fn date(words: &[Word]) -> Option<(usize, usize)> {
    let is_year =
        |w: &Word| w.0.len() == 4 && w.0.parse().is_ok_and(|y: u16| (1000..2100).contains(&y));
    let is_inner = |w: &Word| w.1 != Some(DET) && (w.0.parse::<u8>().is_ok() || is_capital(&w.0));
    let year = words.iter().position(is_year)?;
    let start = (year.saturating_sub(3)..year)
        .rev()
        .find(|&i| is_in(&words[i], "in on around"))?;
    words[start + 1..year]
        .iter()
        .all(is_inner)
        .then_some((start, year + 1))
}

/// Whether a subject tells what it is about without the sentences before it.
fn can_stand_alone(subject: &[Word]) -> bool {
    const VAGUE: &str =
        "this that these those each both another such same other others none later few";
    let is_odd = |w: &Word| {
        is(w, &[PRON, PUNCT, SYM, SCONJ, PART, ADV]) || is_in(w, VAGUE) || w.0.ends_with("n't")
    };
    let (Some(first), Some(last)) = (subject.first(), subject.last()) else {
        return false;
    };
    let is_bare = subject.len() == 2 && is_in(first, "the") && is(last, &[NOUN]);
    let ends_well = last.1.is_none() || is(last, &[NOUN, PROPN, NUM]);
    let is_wild = subject.len() > 8 || subject.iter().any(is_odd) || date(subject).is_some();
    !is_wild && !is_bare && ends_well && !is(first, &[ADP, CCONJ])
}

/// Where the clause after the verb ends, because another one begins.
fn clause_end(rest: &[Word]) -> usize {
    const JOINTS: &str = "when where but while before after until than that which who because if";
    let opens = |w: &Word| is(w, &[CCONJ, SCONJ, PRON, VERB, AUX, ADV, PART]);
    let is_joint = |(i, w): (usize, &Word)| {
        let links = w.0 == "," || is(w, &[CCONJ]);
        is(w, &[SCONJ, PRON, SYM])
            || is_in(w, JOINTS)
            || w.0 != "," && is(w, &[PUNCT])
            || links && rest.get(i + 1).is_none_or(opens)
    };
    rest.iter()
        .enumerate()
        .position(is_joint)
        .unwrap_or(rest.len())
}

/// Whether a clause without a joint hides in this one ("the press Hoe built"),
/// or its verb is a passive without "was".
fn has_reduced_clause(clause: &[Word]) -> bool {
    let is_verb_alone = |pair: &[Word]| {
        let belongs = is(&pair[0], &[AUX, PART, ADP, DET, ADJ, ADV]) || pair[1].0.ends_with("ing");
        is(&pair[1], &[VERB, AUX]) && !belongs
    };
    clause.windows(2).any(is_verb_alone) || clause.first().is_some_and(|w| is_in(w, "by"))
}

/// The plain form of a past tense ("launched": "launch"), if the word is one.
fn plain_form(past: &str) -> Option<String> {
    if let Some(verb) = IRREGULAR.split(' ').find(|verb| past_tense(verb) == past) {
        return Some(verb.to_owned());
    }
    let stem = past
        .strip_suffix("ed")
        .filter(|stem| stem.len() > 1 && stem.is_ascii())?;
    let with_y = stem.strip_suffix('i').map(|stem| format!("{stem}y"));
    let undoubled = stem[..stem.len() - 1].to_owned();
    let is_known = |verb: &String| {
        let tags = brill_tagger().tag_sentence(std::slice::from_ref(verb));
        matches!(tags[..], [Some(VERB | NOUN | ADJ)]) && past_tense(verb) == past
    };
    let guesses = with_y
        .into_iter()
        .chain([format!("{stem}e"), stem.to_owned(), undoubled]);
    guesses.into_iter().find(is_known)
}

/// The verbs whose past tense no rule gives.
const IRREGULAR: &str = "become begin break bring build buy catch choose come cost cut draw drive \
    eat fall feel fight find fly get give go grow have hold keep know lay lead leave lose make mean \
    meet pay put read rise run say see sell send set shoot sink speak spend spread stand steal strike \
    take teach tell think throw understand win write";

/// The past tense of a verb.
fn past_tense(verb: &str) -> String {
    English::verb(
        verb,
        &Person::Third,
        &Number::Singular,
        &Tense::Past,
        &Form::Finite,
    )
}

/// Whether the word is one of these parts of speech.
fn is((_, tag): &Word, tags: &[UPOS]) -> bool {
    tag.is_some_and(|tag| tags.contains(&tag))
}

/// Whether the word is in a list of words.
fn is_in((word, _): &Word, list: &str) -> bool {
    list.split(' ')
        .any(|other| other.eq_ignore_ascii_case(word))
}

/// The words as text.
fn join(words: &[Word]) -> String {
    words
        .iter()
        .map(|(word, _)| word.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}
