//! What counts as a word, seen through searches.

use super::support::{ask, block, leaves, packed, searcher, small};

fn finds(texts: &[&str], query: &str) -> Vec<u64> {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    block(async {
        let searcher = searcher(&[packed(0, &texts, small())]).await;
        leaves(&searcher.search(&ask(query)).await.unwrap())
    })
}

fn refused(query: &str) -> String {
    block(async {
        let searcher = searcher(&[packed(0, &["text".to_owned()], small())]).await;
        match searcher.search(&ask(query)).await {
            Ok(answer) => panic!("{query:?} was not refused: {answer:?}"),
            Err(error) => error.to_string(),
        }
    })
}

#[test]
fn identifiers_are_found_whole_and_by_part() {
    let texts = ["let x = getUserName();", "SELECT user_id FROM t", "HTTPServer __init__", "the user name"];
    assert_eq!(finds(&texts, "getUserName"), [0]);
    assert_eq!(finds(&texts, "GETUSERNAME"), [0]);
    assert_eq!(finds(&texts, "user"), [0, 1, 3]);
    assert_eq!(finds(&texts, "\"user name\""), [0, 3]);
    assert_eq!(finds(&texts, "user_id"), [1]);
    assert_eq!(finds(&texts, "\"select user_id from\""), [1]);
    assert_eq!(finds(&texts, "server"), [2]);
    assert_eq!(finds(&texts, "init"), [2]);
    assert_eq!(finds(&texts, "__init__"), [2]);
}

#[test]
fn scripts_without_spaces_are_found_by_any_substring() {
    let texts = ["申请人的收入是三万元", "東京タワーに行く", "대출 승인을 거절했다", "สวัสดีครับ", "水"];
    assert_eq!(finds(&texts, "收入"), [0]);
    assert_eq!(finds(&texts, "的收入是三"), [0]);
    assert_eq!(finds(&texts, "元"), [0]);
    assert_eq!(finds(&texts, "人"), [0]);
    assert_eq!(finds(&texts, "入收"), Vec::<u64>::new());
    assert_eq!(finds(&texts, "タワー"), [1]);
    assert_eq!(finds(&texts, "승인"), [2]);
    assert_eq!(finds(&texts, "\"대출 승인을\""), [2]);
    assert_eq!(finds(&texts, "ดีค"), [3]);
    assert_eq!(finds(&texts, "水"), [4]);
}

#[test]
fn letters_are_folded() {
    let texts = ["Überweisung an Zoë", "cafe\u{301} olé", "ＦＵＬＬ width", "ПРИВЕТ мир", "naïve"];
    assert_eq!(finds(&texts, "überweisung"), [0]);
    assert_eq!(finds(&texts, "ZOË"), [0]);
    assert_eq!(finds(&texts, "café"), [1]);
    assert_eq!(finds(&texts, "full"), [2]);
    assert_eq!(finds(&texts, "привет"), [3]);
}

#[test]
fn long_words_are_found_whole_and_by_their_beginning() {
    let long: String = (0..100).map(|n| format!("K{n}z")).collect();
    let texts = [format!("data:{long} end"), format!("x{long}")];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(finds(&texts, &long), [0]);
    assert_eq!(finds(&texts, &format!("{}*", &long[..40])), [0]);
    assert_eq!(finds(&texts, "\"data end\""), Vec::<u64>::new());
}

#[test]
fn operators_prefixes_and_phrases() {
    let texts = ["approve the loan now", "deny the loan", "approve nothing", "approval of loans"];
    assert_eq!(finds(&texts, "approve AND loan"), [0]);
    assert_eq!(finds(&texts, "approve OR deny"), [0, 1, 2]);
    assert_eq!(finds(&texts, "approve -loan"), [2]);
    assert_eq!(finds(&texts, "approve NOT loan"), [2]);
    assert_eq!(finds(&texts, "(approve OR deny) AND loan"), [0, 1]);
    assert_eq!(finds(&texts, "approv*"), [0, 2, 3]);
    assert_eq!(finds(&texts, "approv* AND loan*"), [0, 3]);
    assert_eq!(finds(&texts, "\"the loan\""), [0, 1]);
    assert_eq!(finds(&texts, "\"the lo\"*"), [0, 1]);
    assert_eq!(finds(&texts, "\"approve loan\"~1"), [0]);
}

#[test]
fn what_is_not_supported_is_named() {
    assert!(refused("title:loan").contains("field \"title\""));
    assert!(refused("[a TO b]").contains("not supported"));
    assert!(refused("approve -- loan").contains("quotes"));
    assert!(refused("-loan").contains("not wanted"));
    assert!(refused("!!!").contains("search query"));
    assert!(refused("loan^2").contains("weights"));
    assert!(refused(&"a ".repeat(3_000)).contains("bytes found"));
    assert!(refused(&(0..100).map(|n| format!("w{n} ")).collect::<String>()).contains("words"));
    assert!(refused(&format!("{}a{}", "(".repeat(200), ")".repeat(200))).contains("nested"));
}
