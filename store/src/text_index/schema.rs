//! The fields of the index and how text enters it. One schema per `FORMAT`; a run of another format is rebuilt.

use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::store::Compressor;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Index, IndexSettings};

use super::words::{self, Pieces, Purpose};

/// Raised whenever terms, fields or fingerprints change: runs of another format are not read.
pub(super) const FORMAT: u32 = 1;

const TOKENIZER: &str = "hansard_words";

/// The fields, in the order of the schema.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// Words with positions.
    pub(super) text: Field,
    /// Fingerprints, documents only.
    pub(super) prints: Field,
    /// Leaf of the event.
    pub(super) leaf: Field,
    /// Position of the content in its event.
    pub(super) position: Field,
    /// Time of the event in microseconds.
    pub(super) time: Field,
}

/// Names of the columns.
pub(super) const LEAF: &str = "leaf";
/// Position of the content in its event.
pub(super) const POSITION: &str = "position";
/// Time in microseconds.
pub(super) const TIME: &str = "time";

/// The schema and its fields.
pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let words = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_fieldnorms(true)
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let fields = Fields {
        text: builder.add_text_field("text", TextOptions::default().set_indexing_options(words)),
        prints: builder.add_u64_field("prints", INDEXED),
        leaf: builder.add_u64_field(LEAF, FAST),
        position: builder.add_u64_field(POSITION, FAST),
        time: builder.add_i64_field(TIME, FAST),
    };
    (builder.build(), fields)
}

/// Nothing is stored and nothing runs on threads of its own.
pub(super) fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// The tokenizers that the schema names.
pub(super) fn tokenizers() -> TokenizerManager {
    // The library asks for its own default even for fields without text.
    let manager = TokenizerManager::default();
    manager.register(TOKENIZER, WordTokenizer::default());
    manager
}

/// Makes the tokenizers known to an opened index.
pub(super) fn equip(index: &mut Index) {
    index.set_tokenizers(tokenizers());
}

/// `words` in the library's terms.
#[derive(Clone, Debug, Default)]
struct WordTokenizer {
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { text, pieces: Pieces::new(text, Purpose::Index), token: &mut self.token }
    }
}

#[derive(Debug)]
struct WordStream<'a> {
    text: &'a str,
    pieces: Pieces<'a>,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(piece) = self.pieces.next() else { return false };
        self.token.position = piece.position as usize;
        self.token.offset_from = piece.bytes.start;
        self.token.offset_to = piece.bytes.end;
        words::fold(&self.text[piece.bytes.clone()], &mut self.token.text);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
