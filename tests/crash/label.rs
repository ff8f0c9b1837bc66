//! What bodies are called by what they are and where they run.

/// `leaf-3@1.2` is task `leaf-3` in round 2 of the first run, and
/// `same/0/4/leaf@1.2` is `leaf` in superstep 4 of the graph that is `same`.
pub(crate) type Label = String;

/// A label, taken apart.
pub(crate) struct Parts<'l> {
    /// The graphs around it: `same/0`, as in the id of a question.
    pub(crate) around: String,
    /// The superstep of each of them.
    pub(crate) supersteps: Vec<u64>,
    pub(crate) node: &'l str,
    pub(crate) send: Option<&'l str>,
    /// The run and the round.
    pub(crate) place: &'l str,
}

impl<'l> Parts<'l> {
    pub(crate) fn of(label: &'l str) -> Self {
        let (path, place) = label.split_once('@').expect("a label has a place");
        let mut rest: Vec<&str> = path.split('/').collect();
        let (mut around, mut supersteps) = (Vec::new(), Vec::new());
        while rest.len() > 2 {
            let inside = rest.split_off(3);
            supersteps.push(rest[2].parse().expect("a superstep is a number"));
            around.extend([rest[0], rest[1]]);
            rest = inside;
        }
        Self {
            around: around.join("/"),
            supersteps,
            node: rest[0],
            send: rest.get(1).copied(),
            place,
        }
    }

    pub(crate) fn is_inside(&self) -> bool {
        !self.supersteps.is_empty()
    }

    /// The run of a graph that it is inside of, and the superstep of that.
    pub(crate) fn inside(&self) -> Option<(String, u64)> {
        let (&superstep, around) = self.supersteps.split_last()?;
        let graph = format!("{} {around:?} {}", self.around, self.place);
        Some((graph, superstep))
    }

    /// The same, but for the supersteps inside: those who wait for it do not
    /// know when that was.
    pub(crate) fn known_as(&self) -> String {
        let Self {
            around,
            node,
            place,
            ..
        } = self;
        match self.send {
            None => format!("{around}:{node}@{place}"),
            Some(send) => format!("{around}:{node}/{send}@{place}"),
        }
    }

    /// Another task of the same graph and round, as it is known.
    pub(crate) fn beside(&self, task: &str) -> String {
        format!("{}:{task}@{}", self.around, self.place)
    }

    /// The superstep in which it runs: the run, the round, and where in it.
    pub(crate) fn moment(&self) -> (u64, u64, u64) {
        let (run, round) = self.place.split_once('.').expect("a place has a round");
        let number = |text: &str| text.parse::<u64>().expect("it is a number");
        let (within, round) = match self.node {
            _ if self.is_inside() => (1, number(round)),
            "tick" => (0, number(round) + 1),
            "then" | "pick" | "count" | "race-b" | "race-c" | "demand" | "due" | "stumble" => {
                (2, number(round))
            }
            "decide" | "far" => (3, number(round)),
            "sum" => (4, number(round)),
            "work" => (9, number(round)),
            _ => (1, number(round)),
        };
        (number(run), round, within)
    }
}

/// A question by its id and where it is asked: `same/0/ask/0/sure@1.2`.
pub(crate) fn asked(label: &str, question: &str) -> String {
    let parts = Parts::of(label);
    let Parts { node, place, .. } = parts;
    let send = parts.send.unwrap_or("0");
    match parts.around.as_str() {
        "" => format!("{node}/{send}/{question}@{place}"),
        around => format!("{around}/{node}/{send}/{question}@{place}"),
    }
}
