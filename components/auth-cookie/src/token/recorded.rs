//! Values that the real itsdangerous made, and what it said about them:
//! `tests/fixtures/itsdangerous/make.py` records them.

use serde::Deserialize;

use super::{Rejection, read};
use crate::payload::Principal;
use crate::settings::Settings;

const RECORDED: &str = include_str!("../../../../tests/fixtures/itsdangerous/values.json");

#[derive(Deserialize)]
struct Recorded {
    what: String,
    settings: Vec<(String, String)>,
    value: String,
    now_s: u64,
    said: Said,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Said {
    Admitted { user: String, roles: Vec<String> },
    Expired,
    Invalid,
}

impl From<Result<Principal, Rejection>> for Said {
    fn from(result: Result<Principal, Rejection>) -> Self {
        match result {
            Ok(Principal { user, roles }) => Self::Admitted { user, roles },
            Err(Rejection::Expired) => Self::Expired,
            Err(_) => Self::Invalid,
        }
    }
}

fn recorded() -> Vec<Recorded> {
    serde_json::from_str(RECORDED).expect("recorded values")
}

#[test]
fn every_value_is_read_as_itsdangerous_reads_it() {
    for Recorded { what, settings, value, now_s, said } in recorded() {
        let settings = Settings::read(&settings).expect("settings of the record");
        let (own, foreign) = (settings.own_signer(), settings.signer());
        for (likely, other) in [(own, foreign), (foreign, own)] {
            assert_eq!(Said::from(read(&settings, &value, likely, other, now_s)), said, "{what}");
        }
    }
}

#[test]
fn no_value_is_read_with_another_secret() {
    for Recorded { what, mut settings, value, now_s, .. } in recorded() {
        for (key, secret) in &mut settings {
            if key == "secret" {
                secret.push('x');
            }
        }
        let settings = Settings::read(&settings).expect("settings of the record");
        let read = read(&settings, &value, settings.signer(), settings.own_signer(), now_s);
        assert_eq!(Said::from(read), Said::Invalid, "{what}");
    }
}

#[test]
fn no_value_survives_a_change_of_any_of_its_characters() {
    let first = recorded().into_iter().next().expect("there is one");
    let settings = Settings::read(&first.settings).expect("settings of the record");
    for index in 0..first.value.len() {
        for replacement in ["A", "_", ".", "=", "+"] {
            let mut value = first.value.clone();
            value.replace_range(index..=index, replacement);
            if value != first.value {
                let read = read(&settings, &value, settings.signer(), settings.own_signer(), first.now_s);
                assert_eq!(Said::from(read), Said::Invalid, "{value}");
            }
        }
    }
}
