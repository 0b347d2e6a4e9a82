//! Word lists: stop words, verbs of orders, classes of acts, empty parts of tool names.
//!
//! Guarantee: fixed lists; no list holds a name of an attack, a benchmark or a product. Cannot fail.

use super::text::stem;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

const STOP_WORDS: &str = "\
    a about above after again all also am an and any are as at be because been before being below between both but by \
    can cannot could did do does doing don down during each either else etc few for from further get got had has have \
    having he her here hers him his how i if in into is it its itself just let like ll made make me more most much \
    must my myself no nor not now of off on once one only or other our ours out over own per please re s same shall \
    she should so some such t than thank thanks that the their theirs them then there these they this those through to \
    too under until up us use used using ve very via was we were what when where which while who whom whose why will \
    with within without would yes yet you your yours none null true false hi hello dear regards best \
";

const VERB_WORDS: &str = "\
    send email mail write post publish forward share transfer pay wire delete remove erase create make add invite book \
    reserve buy order purchase visit open click go browse fetch download upload read get find search look list show \
    tell say reply respond answer print output execute run call invoke use update change modify replace set reset edit \
    store save remember note record append move copy rename schedule cancel reschedule confirm approve grant give \
    assign ignore disregard forget stop start solve complete perform do follow submit install disable enable log sign \
    recommend state mention include concatenate summarize summarise translate collect gather retrieve report notify \
    contact ask message text dm transmit leak reveal disclose discard keep treat mark refund rate review increase \
    decrease lower raise correct overwrite accept reject decline block unblock subscribe unsubscribe register \
";

const TOOL_STOP_WORDS: &str = "\
    get all by id from to of the a in for and with list tool call api fetch make do use new my run \
";

/// Verbs and objects that name the same kind of act.
const CLASS_WORDS: &[(&str, &str)] = &[
    ("pay", "pay payment transfer wire money transaction remit refund iban"),
    ("change", "update modify change edit set adjust reschedule replace reset alter"),
    ("web", "visit open browse webpage website site page url link"),
    ("remove", "delete remove erase drop cancel"),
    ("make", "create add make schedule register append"),
    ("tell", "send message dm email mail forward share post publish text notify reply"),
    ("reserve", "reserve book reservation booking order buy purchase"),
    ("file", "file document drive folder write save store memory note"),
    ("run", "run execute exec command shell script"),
    ("invite", "invite add member user join"),
];

static STOP: LazyLock<HashSet<&'static str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
static VERBS: LazyLock<HashSet<&'static str>> = LazyLock::new(|| VERB_WORDS.split_whitespace().collect());
static TOOL_STOP: LazyLock<HashSet<&'static str>> = LazyLock::new(|| TOOL_STOP_WORDS.split_whitespace().collect());
static CLASS_OF: LazyLock<HashMap<String, Classes>> = LazyLock::new(|| {
    let mut map: HashMap<String, Classes> = HashMap::new();
    for (n, (_, words)) in CLASS_WORDS.iter().enumerate() {
        for word in words.split_whitespace() {
            map.entry(stem(word)).or_default().0 |= 1 << n;
        }
    }
    map
});

/// A set of classes of acts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Classes(u16);

impl Classes {
    /// The classes that the stems name.
    pub(super) fn of<'a>(stems: impl IntoIterator<Item = &'a String>) -> Self {
        stems.into_iter().filter_map(|s| CLASS_OF.get(s)).fold(Self(0), |all, own| Self(all.0 | own.0))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the classes, sorted.
    pub(super) fn names(self) -> Vec<&'static str> {
        let named = CLASS_WORDS.iter().enumerate().filter(|(n, _)| self.0 & (1 << n) != 0);
        let mut names: Vec<&str> = named.map(|(_, (name, _))| *name).collect();
        names.sort_unstable();
        names
    }
}

/// Whether a token says nothing.
pub(super) fn is_stop(token: &str) -> bool {
    STOP.contains(token)
}

/// Whether a token begins an order.
pub(super) fn is_verb(token: &str) -> bool {
    VERBS.contains(token)
}

/// Stems of the tokens that say something.
pub(super) fn telling_stems(tokens: &[String]) -> HashSet<String> {
    tokens.iter().filter(|t| !is_stop(t) && t.chars().nth(1).is_some()).map(|t| stem(t)).collect()
}

/// The telling stems of a tool's name: `send_money`, `sendMoney` and `SendMoney` have the same.
pub(super) fn tool_stems(name: &str) -> HashSet<String> {
    let parts = name_parts(name).into_iter().filter(|part| part.chars().nth(1).is_some());
    parts.map(|part| part.to_ascii_lowercase()).filter(|p| !TOOL_STOP.contains(p.as_str())).map(|p| stem(&p)).collect()
}

fn name_parts(name: &str) -> Vec<&str> {
    let bytes = name.as_bytes();
    let run = |from: usize, is: fn(&u8) -> bool| bytes[from..].iter().take_while(|b| is(b)).count();
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let upper = run(at, u8::is_ascii_uppercase);
        let lower = run(at + upper, u8::is_ascii_lowercase);
        let digits = run(at, u8::is_ascii_digit);
        let len = match (upper, lower) {
            (0, 0) => digits,
            (0 | 1, lower) if lower > 0 => upper + lower,
            (upper, 0) => upper,
            // The last capital begins the next word.
            (upper, _) => upper - 1,
        };
        if len > 0 {
            parts.push(&name[at..at + len]);
        }
        at += len.max(1);
        while at < bytes.len() && !name.is_char_boundary(at) {
            at += 1;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tools() {
        assert_eq!(name_parts("send_money"), ["send", "money"]);
        assert_eq!(name_parts("HTTPGetPage2é"), ["HTTP", "Get", "Page", "2"]);
        assert!(tool_stems("get_all").is_empty());
        assert_eq!(tool_stems("sendMoney"), tool_stems("send_money"));
    }

    #[test]
    fn classes_by_stem() {
        let stems = HashSet::from([stem("transfer")]);
        assert_eq!(Classes::of(&stems).names(), ["pay"]);
    }
}
