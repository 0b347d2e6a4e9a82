//! Tests of reports: nothing of the input becomes markup, every figure is there in every form.

mod figures;
mod hostile;
mod numbers;
mod sample;
