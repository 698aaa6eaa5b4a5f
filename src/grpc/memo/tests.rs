use std::future::pending;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::oneshot;

use super::*;
use crate::serve::{RawCache, RawServeConfig, ServeConfig};

const METHOD: usize = 0;

fn answers() -> Arc<Answers> {
    Arc::new(Answers::new(&RawCache::default()))
}

fn engine() -> Engine {
    let registry = crate::bundle::Registry::new("");
    Engine::new(
        ServeConfig::try_from(RawServeConfig::default()).unwrap(),
        registry,
    )
}

fn stamps() -> [crate::serve::Stamp; 2] {
    let engine = engine();
    let before = engine.stamp();
    engine.set_available("a", false).unwrap();
    [before, engine.stamp()]
}

/// After both of [`stamps`].
fn later_stamp() -> crate::serve::Stamp {
    let engine = engine();
    engine.set_available("a", false).unwrap();
    engine.set_available("a", true).unwrap();
    engine.stamp()
}

fn good(message: &'static [u8]) -> Answer {
    let (head, _) = Response::new(()).into_parts();
    Answer {
        is_good: true,
        head,
        message: bytes::Bytes::from_static(message),
        trailers: None,
    }
}

#[tokio::test]
async fn a_thousand_askers_of_one_question_wait_for_one_answer() {
    let (answers, [stamp, _]) = (answers(), stamps());
    let made = Arc::new(AtomicU64::new(0));
    let (release, gate) = oneshot::channel::<()>();
    let mut gate = Some(gate);
    let mut askers = Vec::new();
    for _ in 0..1000 {
        let (answers, made, gate) = (Arc::clone(&answers), Arc::clone(&made), gate.take());
        askers.push(tokio::spawn(async move {
            let make = async move {
                made.fetch_add(1, Ordering::Relaxed);
                if let Some(gate) = gate {
                    gate.await.unwrap();
                }
                good(b"it")
            };
            answers.make(METHOD, b"question", stamp, make).await.message
        }));
        tokio::task::yield_now().await;
    }
    release.send(()).unwrap();
    for asker in askers {
        assert_eq!(asker.await.unwrap(), b"it"[..]);
    }
    assert_eq!(made.load(Ordering::Relaxed), 1);
    let stats = answers.stats();
    assert_eq!((stats.made, stats.coalesced), (1, 999));
    assert_eq!(answers.get(METHOD, b"question", stamp).unwrap(), b"it"[..]);
}

/// Says when it is dropped.
struct Dropped(Option<oneshot::Sender<()>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            let _ = tell.send(());
        }
    }
}

#[tokio::test]
async fn an_answer_is_made_until_the_last_asker_hangs_up() {
    let (answers, [stamp, _]) = (answers(), stamps());
    let (tell, mut told) = oneshot::channel();
    let mut dropped = Some(Dropped(Some(tell)));
    let mut ask = || {
        let (answers, dropped) = (Arc::clone(&answers), dropped.take());
        tokio::spawn(async move {
            let make = async move {
                let _held = dropped;
                pending::<Answer>().await
            };
            answers.make(METHOD, b"question", stamp, make).await
        })
    };
    let (first, second) = (ask(), ask());
    tokio::task::yield_now().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert!(told.try_recv().is_err(), "somebody still waits");
    second.abort();
    assert!(second.await.unwrap_err().is_cancelled());
    told.await.unwrap();
    // Nothing is left of it: the next asker makes it.
    let made = answers
        .make(METHOD, b"question", stamp, async { good(b"again") })
        .await;
    assert_eq!(made.message, b"again"[..]);
}

#[tokio::test]
async fn what_changed_is_made_again_and_takes_the_place() {
    let (answers, [before, after]) = (answers(), stamps());
    answers.make(METHOD, b"q", before, async { good(b"old") }).await;
    assert_eq!(answers.get(METHOD, b"q", before).unwrap(), b"old"[..]);
    assert!(answers.get(METHOD, b"q", after).is_none());
    answers.make(METHOD, b"q", after, async { good(b"new") }).await;
    assert_eq!(answers.get(METHOD, b"q", after).unwrap(), b"new"[..]);
    assert!(answers.get(METHOD + 1, b"q", after).is_none(), "another method");
    let stats = answers.stats();
    assert_eq!((stats.hits, stats.stale, stats.made), (2, 1, 2));
}

/// Asks so often; the first time makes the answer.
async fn ask(answers: &Arc<Answers>, message: &[u8], stamp: crate::serve::Stamp, times: usize) {
    for _ in 0..times {
        if answers.get(METHOD, message, stamp).is_none() {
            answers.make(METHOD, message, stamp, async { good(b"old") }).await;
        }
    }
}

fn names(questions: &[Arc<answers::Question>]) -> Vec<&[u8]> {
    questions.iter().map(|question| &*question.message).collect()
}

#[tokio::test]
async fn the_next_models_answer_stands_beside_until_its_stamp_comes() {
    let (answers, [now, next]) = (answers(), stamps());
    ask(&answers, b"q", now, 2).await;
    let asked = answers.asked_lately(9);
    answers.warm(&asked[0], next, bytes::Bytes::from_static(b"new"), now);
    assert_eq!(answers.get(METHOD, b"q", now).unwrap(), b"old"[..]);
    assert_eq!(answers.get(METHOD, b"q", next).unwrap(), b"new"[..]);
    // The model after that one: what serves by then is kept, and what served before is not.
    let third = later_stamp();
    answers.warm(&asked[0], third, bytes::Bytes::from_static(b"newest"), next);
    assert!(answers.get(METHOD, b"q", now).is_none());
    assert_eq!(answers.get(METHOD, b"q", next).unwrap(), b"new"[..]);
    assert_eq!(answers.get(METHOD, b"q", third).unwrap(), b"newest"[..]);
    let stats = answers.stats();
    assert_eq!((stats.made, stats.warmed, stats.stale), (1, 2, 1));
}

#[tokio::test]
async fn what_changed_since_the_next_model_answered_is_made_again() {
    let (answers, [next, later]) = (answers(), stamps());
    ask(&answers, b"q", later, 1).await;
    let asked = answers.asked_lately(9);
    answers.warm(&asked[0], next, bytes::Bytes::from_static(b"new"), later);
    let newest = later_stamp();
    assert!(answers.get(METHOD, b"q", newest).is_none());
    // What takes its place is whole: the next model's is gone.
    answers
        .make(METHOD, b"q", newest, async { good(b"newest") })
        .await;
    assert!(answers.get(METHOD, b"q", next).is_none());
}

#[tokio::test]
async fn what_is_asked_most_often_of_late_comes_first() {
    let (answers, [now, next]) = (answers(), stamps());
    for (message, times) in [(&b"once"[..], 1), (b"often", 9), (b"twice", 2)] {
        ask(&answers, message, now, times).await;
    }
    let asked = answers.asked_lately(9);
    assert_eq!(names(&asked), [&b"often"[..], b"twice", b"once"]);
    assert_eq!(names(&answers.asked_lately(1)), [b"often"]);
    for question in &asked {
        answers.warm(question, next, bytes::Bytes::from_static(b"new"), now);
    }
    // Half as much counts from then on, and what nobody asks again is not warmed again.
    assert_eq!(names(&answers.asked_lately(9)), [&b"often"[..], b"twice"]);
    ask(&answers, b"once", next, 5).await;
    assert_eq!(
        names(&answers.asked_lately(9)),
        [&b"once"[..], b"often", b"twice"]
    );
}

#[tokio::test]
async fn who_asks_after_a_change_does_not_wait_for_the_answer_of_before() {
    let (answers, [before, after]) = (answers(), stamps());
    let slow = tokio::spawn({
        let answers = Arc::clone(&answers);
        async move { answers.make(METHOD, b"q", before, pending()).await }
    });
    tokio::task::yield_now().await;
    let made = answers.make(METHOD, b"q", after, async { good(b"new") }).await;
    assert_eq!(made.message, b"new"[..]);
    slow.abort();
}

#[tokio::test]
async fn a_refusal_is_told_and_not_remembered() {
    let (answers, [stamp, _]) = (answers(), stamps());
    let refusal = Answer {
        is_good: false,
        ..good(b"no")
    };
    let told = answers.make(METHOD, b"q", stamp, async { refusal }).await;
    assert_eq!(told.message, b"no"[..]);
    assert!(answers.get(METHOD, b"q", stamp).is_none());
}

#[tokio::test]
async fn a_remembered_answer_costs_no_allocation() {
    let (answers, [stamp, _]) = (answers(), stamps());
    answers.make(METHOD, b"q", stamp, async { good(b"it") }).await;
    let ask = || {
        for _ in 0..1000 {
            assert!(answers.get(METHOD, b"q", stamp).is_some());
        }
    };
    // The cache's own threads-local rooms are made by the first calls.
    ask();
    let info = allocation_counter::measure(ask);
    // The cache books a thousand reads in a few batches, whose rooms are its own.
    assert!(info.count_total <= 10, "{info:?}");
}

#[tokio::test]
async fn long_and_broken_bodies_come_through_whole() {
    let long = vec![7u8; MAX_QUESTION + 1];
    let mut body = Replayed::whole(long.clone().into());
    let Whole::TooLong(read) = body::read(&mut body, MAX_QUESTION).await else {
        panic!("it is too long");
    };
    let again = Replayed::with_rest(read, body)
        .collect()
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(again, long);
    let short = Replayed::whole(vec![0, 1, 2].into());
    let Whole::Bytes(bytes) = body::read(&mut { short }, MAX_QUESTION).await else {
        panic!("it is short");
    };
    assert_eq!(bytes, [0, 1, 2][..]);
}
