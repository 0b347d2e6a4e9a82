//! Reads a query in the library's language, restricted to the text: words, "phrases", "phrases"~2, prefix*,
//! "open phra"*, AND, OR, NOT, +must, -not, parentheses. Fields, ranges, sets and patterns are refused by name.
//!
//! Limits: `QUERY_BYTES`, `QUERY_TERMS`, `QUERY_DEPTH`. A word that has no letter or digit is passed over.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{BooleanQuery, Occur, PhrasePrefixQuery, PhraseQuery, Query, RangeQuery, TermQuery};
use tantivy::query_grammar::{Delimiter, UserInputAst, UserInputLeaf, UserInputLiteral, parse_query};
use tantivy::schema::{Field, IndexRecordOption};

use super::limits::{PHRASE_PREFIX_TERMS, PREFIX_TERMS, QUERY_BYTES, QUERY_DEPTH, QUERY_TERMS};
use super::words::{self, Pieces, Purpose};
use crate::error::{Result, StoreError};

/// A query, ready to run.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) query: Box<dyn Query>,
    /// Prefixes and how many words each may stand for; checked against every run before the search.
    pub(super) prefixes: Vec<(String, usize)>,
}

/// Reads `query`; words without an operator between them are all needed when `every_word`.
pub(super) fn parse(query: &str, field: Field, every_word: bool) -> Result<Parsed> {
    if query.len() > QUERY_BYTES {
        return Err(refused(format!("{} bytes found, at most {QUERY_BYTES} allowed", query.len())));
    }
    if deepest(query) > QUERY_DEPTH {
        return Err(refused(format!("nested deeper than {QUERY_DEPTH} parentheses")));
    }
    let tree =
        parse_query(query).map_err(|_| refused("cannot be read; put quotes around text with signs".to_owned()))?;
    let unmarked = if every_word { Occur::Must } else { Occur::Should };
    let mut reader = Reader { field, unmarked, terms: 0, prefixes: Vec::new() };
    match reader.tree(tree)? {
        Some(query) => Ok(Parsed { query, prefixes: reader.prefixes }),
        None => Err(refused("holds no word; letters, digits and _ make words".to_owned())),
    }
}

fn refused(found: String) -> StoreError {
    StoreError::invalid("search query", found)
}

fn deepest(query: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in query.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

struct Reader {
    field: Field,
    unmarked: Occur,
    terms: usize,
    prefixes: Vec<(String, usize)>,
}

impl Reader {
    fn tree(&mut self, tree: UserInputAst) -> Result<Option<Box<dyn Query>>> {
        match tree {
            UserInputAst::Clause(clauses) => self.clauses(clauses),
            UserInputAst::Leaf(leaf) => self.leaf(*leaf),
            UserInputAst::Boost(..) => Err(refused("weights (^) are not supported".to_owned())),
        }
    }

    fn clauses(&mut self, clauses: Vec<(Option<Occur>, UserInputAst)>) -> Result<Option<Box<dyn Query>>> {
        let mut queries = Vec::with_capacity(clauses.len());
        for (occur, tree) in clauses {
            if let Some(query) = self.tree(tree)? {
                queries.push((occur.unwrap_or(self.unmarked), query));
            }
        }
        if queries.is_empty() {
            return Ok(None);
        }
        if queries.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            return Err(refused("only says what is not wanted; add a word to look for".to_owned()));
        }
        if queries.len() == 1 {
            return Ok(queries.pop().map(|(_, query)| query));
        }
        Ok(Some(Box::new(BooleanQuery::new(queries))))
    }

    fn leaf(&mut self, leaf: UserInputLeaf) -> Result<Option<Box<dyn Query>>> {
        match leaf {
            UserInputLeaf::Literal(literal) => self.literal(literal),
            UserInputLeaf::All => Err(refused("* alone is not supported; add a word to look for".to_owned())),
            UserInputLeaf::Range { .. } | UserInputLeaf::Set { .. } => {
                Err(refused("ranges and sets are not supported; put quotes around text with signs".to_owned()))
            }
            UserInputLeaf::Exists { .. } | UserInputLeaf::Regex { .. } => {
                Err(refused("patterns are not supported; use prefix* or quotes".to_owned()))
            }
        }
    }

    fn literal(&mut self, literal: UserInputLiteral) -> Result<Option<Box<dyn Query>>> {
        if let Some(field) = literal.field_name {
            return Err(refused(format!("field {field:?} cannot be searched; put quotes around text with colons")));
        }
        let open = literal.prefix || (literal.delimiter == Delimiter::None && literal.phrase.ends_with('*'));
        let (mut terms, lone) = self.terms_of(&literal.phrase);
        self.terms += terms.len();
        if self.terms > QUERY_TERMS {
            return Err(refused(format!("more than {QUERY_TERMS} words")));
        }
        let prefix = open || lone;
        match terms.len() {
            0 => Ok(None),
            1 if prefix => Ok(terms.pop().map(|(_, term)| self.starting_with(&term))),
            1 => Ok(terms.pop().map(|(_, term)| self.exactly(&term))),
            _ if prefix && literal.slop > 0 => Err(refused("a phrase has either ~ or *".to_owned())),
            _ => Ok(Some(self.phrase(terms, prefix, literal.slop))),
        }
    }

    /// Terms with their positions; and whether the last is a lone character of a script without spaces, which stands
    /// for every word that begins with it.
    fn terms_of(&self, text: &str) -> (Vec<(usize, String)>, bool) {
        let (mut terms, mut term) = (Vec::new(), String::new());
        let mut pieces = Pieces::new(text, Purpose::Query);
        while let Some(piece) = pieces.next() {
            words::fold(&text[piece.bytes.clone()], &mut term);
            terms.push((piece.position as usize, term.clone()));
        }
        (terms, pieces.ended_lone())
    }

    fn term(&self, text: &str) -> Term {
        Term::from_field_text(self.field, text)
    }

    fn exactly(&self, text: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(self.term(text), IndexRecordOption::WithFreqs))
    }

    fn starting_with(&mut self, text: &str) -> Box<dyn Query> {
        self.prefixes.push((text.to_owned(), PREFIX_TERMS));
        // No term holds U+10FFFF, so it ends every continuation of the prefix.
        let end = format!("{text}\u{10ffff}");
        Box::new(RangeQuery::new(Bound::Included(self.term(text)), Bound::Excluded(self.term(&end))))
    }

    fn phrase(&mut self, terms: Vec<(usize, String)>, open: bool, slop: u32) -> Box<dyn Query> {
        if let (true, Some((_, last))) = (open, terms.last()) {
            self.prefixes.push((last.clone(), PHRASE_PREFIX_TERMS));
        }
        let terms: Vec<(usize, Term)> = terms.into_iter().map(|(at, term)| (at, self.term(&term))).collect();
        if open {
            let mut query = PhrasePrefixQuery::new_with_offset(terms);
            query.set_max_expansions(PHRASE_PREFIX_TERMS as u32);
            return Box::new(query);
        }
        Box::new(PhraseQuery::new_with_offset_and_slop(terms, slop))
    }
}
