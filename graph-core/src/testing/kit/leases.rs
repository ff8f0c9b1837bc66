//! Of two that want to write to a thread, one has the lease (rule 5).

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::judge::{once_free, turn};
use super::model::{Model, entry, set};
use super::scene::{LONG, Scene};
use super::verdict::{Broken, Verdict, busy, equal, holds, stale};
use crate::checkpoint::{Checkpointer, Lease};
use crate::id::CheckpointId;

/// Shorter than anybody waits for.
const SHORT: Duration = Duration::from_millis(20);

pub async fn a_free_thread_is_leased_at_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let lease = scene.thread("t").claim(LONG).await?;
    equal("the head of a thread without checkpoints", lease.head, None)?;
    equal(
        "the head's token where there is no head",
        lease.head_token,
        0,
    )
}

pub async fn a_second_claim_is_told_how_long_the_lease_lasts<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    thread.claim(LONG).await?;
    let free_in = busy("a second claim", thread.claim(LONG).await)?;
    holds(free_in <= LONG, "`free_in` is longer than what was claimed")?;
    holds(
        free_in > LONG / 2,
        "`free_in` is much shorter than what is left of the lease",
    )
}

/// A store that draws the token first and looks then would take the lease
/// from the one who has it.
pub async fn a_claim_that_is_refused_changes_nothing<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut held = scene.written("t").await?;
    busy("a second claim", held.thread.claim(LONG).await)?;
    held.step(&[set("a", 1)]).await?;
    held.thread.renew(&held.lease, LONG).await?;
    held.check().await
}

pub async fn a_released_lease_is_free<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(LONG).await?;
    thread.release(&lease).await?;
    let next = thread.claim(LONG).await?;
    holds(next.token > lease.token, "the next token is not greater")
}

pub async fn releasing_a_lease_that_was_taken_over_does_nothing<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    let old = thread.claim(LONG).await?;
    let mut held = scene.thread("t").written_by(thread.take_over().await?);
    thread.release(&old).await?;
    busy("a claim of what another holds", thread.claim(LONG).await)?;
    held.step(&[set("a", 1)]).await?;
    held.check().await
}

pub async fn a_lease_ends_by_itself<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(SHORT).await?;
    let next = once_free(|| thread.claim(LONG)).await?;
    holds(next.token > lease.token, "the next token is not greater")?;
    busy("a claim of a lease that lasts", thread.claim(LONG).await)?;
    stale(
        "a renewal of a lease that ended and went to another",
        thread.renew(&lease, LONG).await,
    )
}

pub async fn a_lease_of_no_length_ends_at_once<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(Duration::ZERO).await?;
    let next = once_free(|| thread.claim(LONG)).await?;
    holds(next.token > lease.token, "the next token is not greater")
}

/// No clock reaches as far: the store takes what is furthest.
pub async fn a_lease_may_last_as_long_as_can_be_said<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut held = scene
        .thread("t")
        .written_by(scene.thread("t").claim(Duration::MAX).await?);
    let free_in = busy("a second claim", held.thread.claim(LONG).await)?;
    holds(free_in > LONG, "the lease is cut short")?;
    held.thread.renew(&held.lease, Duration::MAX).await?;
    busy("a claim of a renewed lease", held.thread.claim(LONG).await)?;
    held.step(&[set("a", 1)]).await?;
    held.check().await
}

/// The token decides and not the clock: a run that was held up goes on where
/// nobody came in between.
pub async fn a_lease_that_ran_out_writes_until_another_has_it<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(Duration::ZERO).await?;
    let mut late = thread.clone().written_by(lease);
    late.step(&[set("a", 1)]).await?;
    late.put(1, vec![entry("plan", "result", 1)]).await?;
    late.check().await?;
    once_free(|| thread.claim(LONG)).await?;
    let commit = late.model.step(&[set("a", 2)]);
    stale(
        "a commit under a lease that went to another",
        thread.commit(&lease, commit).await,
    )?;
    late.check().await
}

pub async fn a_lease_that_ran_out_can_be_renewed_until_another_has_it<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(Duration::ZERO).await?;
    thread.renew(&lease, LONG).await?;
    busy("a claim of a renewed lease", thread.claim(LONG).await)?;
    Ok(())
}

pub async fn a_renewed_lease_lasts_from_now_on<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(LONG / 10).await?;
    thread.renew(&lease, LONG).await?;
    let free_in = busy("a claim of a renewed lease", thread.claim(LONG).await)?;
    holds(
        free_in > LONG / 2,
        "the renewal did not make it last longer",
    )?;
    holds(free_in <= LONG, "it lasts longer than it was renewed for")?;
    thread.renew(&lease, LONG / 10).await?;
    let free_in = busy("a claim of a renewed lease", thread.claim(LONG).await)?;
    holds(
        free_in <= LONG / 10,
        "a renewal counts from now on, also where that is sooner",
    )
}

pub async fn renewing_is_refused_after_a_takeover<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let old = thread.claim(LONG).await?;
    let new = thread.take_over().await?;
    stale(
        "renewing what was taken over",
        thread.renew(&old, LONG).await,
    )?;
    thread.renew(&new, LONG).await?;
    Ok(())
}

pub async fn a_claim_can_take_the_lease_over<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut old = scene.written("t").await?;
    old.step(&[set("a", 1)]).await?;
    let new = old.thread.take_over().await?;
    holds(
        new.token > old.lease.token,
        "the token of who took over is not greater",
    )?;
    equal("the head", new.head, Some(CheckpointId::from(1)))?;
    busy("a claim after a takeover", old.thread.claim(LONG).await)?;
    let commit = old.model.step(&[set("a", 2)]);
    stale(
        "a commit of who had the lease before",
        old.thread.commit(&old.lease, commit).await,
    )?;
    old.check().await
}

pub async fn tokens_grow_with_every_lease<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let mut last = 0;
    for _ in 0..5 {
        let claimed = thread.claim(LONG).await?;
        let taken = thread.take_over().await?;
        holds(claimed.token > last, "a claim's token is not greater")?;
        holds(taken.token > claimed.token, "a takeover's is not greater")?;
        thread.release(&taken).await?;
        last = taken.token;
    }
    Ok(())
}

pub async fn tokens_grow_whatever_other_threads_do<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let threads = [scene.thread("a"), scene.thread("b"), scene.thread("c")];
    let mut last = [0_u64; 3];
    for round in 0..9 {
        let which = round * round % threads.len();
        for thread in [which, 2] {
            let lease = threads[thread].take_over().await?;
            holds(lease.token > last[thread], "a token is not greater")?;
            last[thread] = lease.token;
        }
    }
    Ok(())
}

pub async fn tokens_grow_beyond_a_delete<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut before = scene.written("t").await?;
    before.step(&[set("a", 1)]).await?;
    let old = before.thread.take_over().await?;
    before.thread.delete(&old).await?;
    let after = before.thread.claim(LONG).await?;
    holds(
        after.token > old.token,
        "the token after a delete is not greater than those before",
    )?;
    for lease in [old, before.lease] {
        let commit = Model::default().step(&[set("a", 2)]);
        stale(
            "a commit under a lease from before the delete",
            before.thread.commit(&lease, commit).await,
        )?;
    }
    equal("the head", before.thread.head().await?, None)
}

pub async fn a_lease_knows_the_head_and_who_wrote_it<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let mut first = scene.written("t").await?;
    first.step(&[set("a", 1)]).await?;
    first.step(&[set("a", 2)]).await?;
    let second = first.thread.take_over().await?;
    equal("the head", second.head, Some(CheckpointId::from(2)))?;
    let what = "the token under which the head was written";
    equal(what, second.head_token, first.lease.token)?;
    let third = first.thread.take_over().await?;
    equal(what, third.head_token, first.lease.token)?;
    let commit = first.model.step(&[]);
    first.thread.commit(&third, commit).await?;
    let fourth = first.thread.take_over().await?;
    equal("the head", fourth.head, Some(CheckpointId::from(3)))?;
    equal(what, fourth.head_token, third.token)
}

pub async fn abandoning_leaves_anothers_lease_alone<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let old = thread.claim(LONG).await?;
    let mut held = thread.clone().written_by(thread.take_over().await?);
    thread.abandon(&old);
    // What it may have begun in the background comes to its end.
    for _ in 0..20 {
        turn().await;
        busy("a claim of what another holds", thread.claim(LONG).await)?;
    }
    held.step(&[set("a", 1)]).await?;
    held.check().await
}

pub async fn an_abandoned_lease_ends_by_itself<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(SHORT).await?;
    thread.abandon(&lease);
    let next = once_free(|| thread.claim(LONG)).await?;
    holds(next.token > lease.token, "the next token is not greater")
}

/// A run is dropped wherever its owner is, also when the runtime is gone.
pub async fn abandoning_neither_blocks_nor_needs_a_runtime<K: Checkpointer>(
    scene: Scene<K>,
) -> Verdict {
    let thread = scene.thread("t");
    let lease = thread.claim(LONG).await?;
    let (tell, told) = mpsc::channel();
    let abandoned = thread.clone();
    thread::spawn(move || {
        abandoned.abandon(&lease);
        // Nobody listens where it took too long.
        let _ = tell.send(());
    });
    let ended = told.recv_timeout(Duration::from_secs(10));
    ended.map_err(|error| match error {
        mpsc::RecvTimeoutError::Timeout => Broken::new("`abandon` blocks"),
        mpsc::RecvTimeoutError::Disconnected => {
            Broken::new("`abandon` panics where there is no runtime")
        }
    })?;
    let next = thread.take_over().await?;
    holds(next.token > lease.token, "the next token is not greater")
}

pub async fn a_lease_that_was_never_given_is_refused<K: Checkpointer>(scene: Scene<K>) -> Verdict {
    let made_up = Lease {
        token: 7,
        head: None,
        head_token: 0,
    };
    let thread = scene.thread("t");
    let model = Model::default();
    stale(
        "a commit where nobody ever had a lease",
        thread.commit(&made_up, model.step(&[])).await,
    )?;
    stale(
        "entries where nobody ever had a lease",
        thread.put(&made_up, 1, vec![]).await,
    )?;
    thread.is(&model).await
}
