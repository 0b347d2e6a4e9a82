//! The text index from outside: what is found, what merging keeps, what damage says.

mod damage;
mod merging;
mod scan;
mod similar;
mod support;
mod words;
