//! The optional interface `migration`: what the project's own limiters answer, and a small limiter that
//! takes over the cells of `limit-window`; and what the host gives a limiter of a cell.

use overlord::capability::state::Cell;
use overlord::domain::{Instant, Principal, Verdict};
use overlord::sandbox::hooks::Load;
use overlord::sandbox::{Broken, Limit, Policy, Terms};
use wasmtime::component::Component;

use crate::forge::{limiter_of_form, second_form};
use crate::raw;
use crate::stage::{built, forgetful_loader, made_up, policy, sandbox};

/// The generated types of a limiter that migrates cells.
mod adapter {
    #![allow(missing_docs, unreachable_pub, clippy::pedantic)] // what the bindings generator writes
    wasmtime::component::bindgen!({
        path: "../wit",
        world: "limit-policy-migrating",
        exports: { default: async },
    });
}

/// Says the form of a component's cells, and what becomes of one of another form.
async fn migrated(bytes: &[u8], form: &str, cell: &[u8]) -> (String, Result<Vec<u8>, String>) {
    let engine = sandbox().engine().clone();
    let component = Component::new(&engine, bytes).expect("it is a component");
    let mut store = raw::store(&engine, ());
    let linker = raw::linker(&engine);
    let limiter = adapter::LimitPolicyMigrating::instantiate_async(&mut store, &component, &linker)
        .await
        .expect("it migrates");
    let migration = limiter.overlord_policy_migration();
    let own = migration.call_form(&mut store).await.expect("it has a form");
    let mut store = raw::store(&engine, ());
    let limiter = adapter::LimitPolicyMigrating::instantiate_async(&mut store, &component, &linker)
        .await
        .expect("it migrates");
    let migration = limiter.overlord_policy_migration();
    let taken = migration.call_migrate(&mut store, &Vec::new(), form, cell).await.expect("it does not break");
    (own, taken.map_err(|fault| fault.message))
}

fn alice() -> Principal {
    Principal { user: "alice".to_owned(), roles: Vec::new() }
}

#[tokio::test]
async fn a_limiter_of_another_form_takes_over_what_limit_window_remembers() {
    let window: Policy<Limit> = policy("limit-window", &[]).await;
    let now = Instant(1_700_000_000_000);
    let (_, cell) = window.admit(&alice(), now, Load::default(), &[]).await.expect("it decides");
    let cell = cell.expect("it remembers");
    let (form, taken) = migrated(&second_form(), "", &cell).await;
    let taken = taken.expect("it takes it over");
    assert_eq!((form.as_str(), taken[0], &taken[1..]), ("2", 2, &cell[1..]));
    let second: Policy<Limit> = made_up(&second_form(), Terms::default()).await;
    let (verdict, _) = second.admit(&alice(), now, Load::default(), &taken).await.expect("it decides");
    assert_eq!(verdict, Verdict::Admit);
    assert!(
        second.admit(&alice(), now, Load::default(), &cell).await.is_err(),
        "the old cell is none of its own"
    );
}

#[tokio::test]
async fn a_cell_that_cannot_be_taken_over_is_a_fault() {
    for (form, cell) in [("", &[7, 7][..]), ("", &[]), ("bucket-1", &[1, 0])] {
        let (_, taken) = migrated(&second_form(), form, cell).await;
        assert_eq!(taken, Err("not my own one".to_owned()), "{form} {cell:?}");
    }
}

#[tokio::test]
async fn the_projects_limiters_say_their_form_and_take_no_others() {
    for (name, own) in [("limit-bucket", "bucket-1"), ("limit-quota", "quota-1")] {
        let (form, taken) = migrated(&built(name), "", &[1, 64, 66, 15, 0, 0, 0, 0, 0]).await;
        assert_eq!(form, own);
        let fault = taken.expect_err("it is limit-window's");
        assert!(fault.contains("taking over a cell of the form ''") && fault.contains(own), "{fault}");
        assert_eq!(migrated(&built(name), own, &[1, 2]).await.1, Ok(vec![1, 2]));
    }
}

fn cell(form: &str, bytes: &[u8]) -> Cell {
    Cell { form: form.to_owned(), bytes: bytes.to_vec() }
}

#[tokio::test]
async fn a_limiter_is_given_cells_of_its_own_form_and_no_others() {
    let second: Policy<Limit> = made_up(&second_form(), Terms::default()).await;
    assert_eq!(second.form(), "2");
    assert_eq!(&*second.understood(None).await.expect("there is nothing"), b"");
    assert_eq!(&*second.understood(Some(&cell("2", &[2, 9]))).await.expect("its own"), [2, 9]);
    assert_eq!(&*second.understood(Some(&cell("", &[1, 9]))).await.expect("taken over"), [2, 9]);
    let refused = second.understood(Some(&cell("bucket-1", &[1, 9]))).await.expect_err("another's");
    assert!(matches!(&refused, Broken::Fault(why) if why == "not my own one"), "{refused}");
    // One that says nothing of forms is given none that has one.
    let window: Policy<Limit> = policy("limit-window", &[]).await;
    assert_eq!(&*window.understood(Some(&cell("", &[1]))).await.expect("its own"), [1]);
    let refused = window.understood(Some(&cell("2", &[2]))).await.expect_err("another's");
    assert!(matches!(&refused, Broken::Fault(why) if why.contains("has the form \"2\"")), "{refused}");
}

#[tokio::test]
async fn the_name_of_a_form_has_bounds() {
    let named = async |name: &str| {
        let loaded =
            forgetful_loader().prepare::<Limit>("made-up", &limiter_of_form(name), Terms::default()).await;
        loaded.map(|policy| policy.form().to_owned()).map_err(|error| error.to_string())
    };
    let longest = "x".repeat(64);
    assert_eq!(named(&longest).await, Ok(longest.clone()));
    for name in ["", "a\nb", &format!("{longest}x")] {
        let refused = named(name).await.expect_err("no name");
        assert!(refused.contains("the name of a form must have 1 to 64 bytes"), "{refused}");
    }
}
