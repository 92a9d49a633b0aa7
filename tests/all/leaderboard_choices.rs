//! What can be chosen about a leaderboard over HTTP, each choice against figures that are worked out here in another way
//! (a slow search for the maximum, a formula by hand), and what is said where there is no figure.

use empanel::judge::fake::{Action, Call, FakeOpenAi};
use serde_json::{Value, json};

use crate::main_job::scripted;
use crate::support::{Client, Home, NO_REVIEWS, Service, judge, panel};

/// Rating points per unit of log odds.
const POINTS: f64 = 400.0 / std::f64::consts::LN_10;

fn log_chance(odds: f64) -> f64 {
    -(-odds).exp().ln_1p()
}

/// The maximum of a function that is concave in each of its arguments, one argument at a time, by thirds.
fn maximum<const N: usize>(of: impl Fn([f64; N]) -> f64) -> [f64; N] {
    let mut now = [0.5; N];
    for _ in 0..3_000 {
        for at in 0..N {
            let (mut low, mut high) = (-8.0, 8.0);
            let value = |x: f64| {
                let mut here = now;
                here[at] = x;
                of(here)
            };
            for _ in 0..80 {
                let (left, right) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
                if value(left) < value(right) { low = left } else { high = right }
            }
            now[at] = f64::midpoint(low, high);
        }
    }
    now
}

/// How far a system stands above another.
fn lead(board: &Value, upper: &str, lower: &str) -> f64 {
    let rating = |system: &str| {
        let rows = board["boards"][0]["rows"].as_array().unwrap();
        let row = rows.iter().find(|row| row["system"] == system).unwrap_or_else(|| panic!("{system}: {board}"));
        row["rating"].as_f64().unwrap_or_else(|| panic!("{row}"))
    };
    rating(upper) - rating(lower)
}

fn notes(board: &Value) -> String {
    board["boards"][0]["notes"].to_string()
}

#[track_caller]
fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not {expected} within {within}");
}

/// Rows `model_a,model_b,winner,task_id,judge` of `x` and `y`: whether `x` won, by judge and task. `x` is first on every
/// second task.
fn rows(judge: &str, tasks: usize, x_wins: impl Fn(usize) -> bool) -> String {
    let row = |n: usize| {
        let (first, second) = if n.is_multiple_of(2) { ("x", "y") } else { ("y", "x") };
        let winner = if x_wins(n) == (first == "x") { "model_a" } else { "model_b" };
        format!("{first},{second},{winner},t{n},{judge}\n")
    };
    (0..tasks).map(row).collect()
}

async fn import(client: &Client, rows: &[String]) {
    let csv = format!("model_a,model_b,winner,task_id,judge\n{}", rows.concat());
    client.send("/v1/comparisons/import", "text/csv", csv, None).await.is(201);
}

async fn empty() -> (FakeOpenAi, Home, Service) {
    let (server, home) = scripted(|_| Action::answer("A")).await;
    let service = Service::start(&home).await;
    (server, home, service)
}

/// Two judges see `x` ahead on three of four tasks; the third throws a coin.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_judge_that_throws_a_coin_weighs_less_where_judges_are_told_apart() {
    const TASKS: usize = 160;
    let (_server, _home, service) = empty().await;
    let client = service.client();
    let ahead = |n: usize| n % 8 < 6;
    import(
        &client,
        &[rows("one", TASKS, ahead), rows("two", TASKS, ahead), rows("coin", TASKS, |n| (n / 2).is_multiple_of(2))],
    )
    .await;

    let pooled = client.get("/v1/leaderboard").await.is(200);
    // Two thirds of the battles: log odds of ln 2.
    near(lead(&pooled, "x", "y"), POINTS * 2.0_f64.ln(), 0.05);

    // The three judges share the weight 1 of a task. Nobody leans to the first place: each cell is even in both orders.
    let each = TASKS as f64 / 3.0;
    let share = |share: f64, odds: f64| each * (share * log_chance(odds) + (1.0 - share) * log_chance(-odds));
    let [gap, good, coin] = maximum(|[gap, good, coin]| {
        let prior = 4.0 * (good - 1.0_f64).powi(2) + 2.0 * (coin - 1.0_f64).powi(2);
        2.0 * share(0.75, good * gap) + share(0.5, coin * gap) - prior
    });
    for choice in ["on", "auto"] {
        let aware = client.get(&format!("/v1/leaderboard?judge_aware={choice}&detail=true")).await.is(200);
        near(lead(&aware, "x", "y"), POINTS * gap, 0.5);
        let judges = aware["boards"][0]["detail"]["judges"].as_array().unwrap();
        let of = |name: &str| judges.iter().find(|one| one["judge"] == name).unwrap();
        near(of("coin")["discrimination"].as_f64().unwrap(), coin, 0.005);
        near(of("one")["discrimination"].as_f64().unwrap(), good, 0.005);
        near(of("two")["first_place"].as_f64().unwrap(), 0.0, 0.005);
        assert!(coin < 0.5 && good > 1.0, "{coin} {good}");
        assert_eq!(of("coin")["battles"], TASKS);
        assert!(lead(&aware, "x", "y") > lead(&pooled, "x", "y") + 20.0, "the coin drags less");
        if choice == "auto" {
            assert!(notes(&aware).contains("told apart because that predicts better"), "{aware}");
        }
    }
    let without = client.get("/v1/leaderboard?without_judge=coin").await.is(200);
    near(lead(&without, "x", "y"), POINTS * 3.0_f64.ln(), 0.05);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn judges_that_are_alike_stay_pooled_and_those_without_a_name_cannot_be_told_apart() {
    let (_server, _home, service) = empty().await;
    let client = service.client();
    let ahead = |n: usize| n % 8 < 6;
    import(&client, &[rows("one", 40, ahead), rows("two", 40, ahead)]).await;
    let auto = client.get("/v1/leaderboard?judge_aware=auto&detail=true").await.is(200);
    assert!(notes(&auto).contains("judges are pooled: telling them apart does not predict better"), "{auto}");
    near(lead(&auto, "x", "y"), POINTS * 3.0_f64.ln(), 0.05);
    assert_eq!(auto["boards"][0]["detail"]["judges"], json!([]), "{auto}");
    import(&client, &[rows("", 1, ahead)]).await;
    client
        .get("/v1/leaderboard?judge_aware=on")
        .await
        .is_bad_field("/judge_aware", &["every battle must name its judge"]);
    client.get("/v1/leaderboard?judge_aware=perhaps").await.is_problem(400, "invalid_query", &["perhaps", "auto"]);
    let few = empty().await;
    let client = few.2.client();
    import(&client, &[rows("one", 9, ahead), rows("two", 9, ahead)]).await;
    let auto = client.get("/v1/leaderboard?judge_aware=auto").await.is(200);
    assert!(notes(&auto).contains("was not tried"), "nine tasks are too few for five folds: {auto}");
    let alone = empty().await;
    let client = alone.2.client();
    import(&client, &[rows("one", 20, ahead)]).await;
    client.get("/v1/leaderboard?judge_aware=on").await.is_bad_field("/judge_aware", &["two or more"]);
}

const LONG: usize = 2_000;
const SHORT: usize = 200;
/// Tasks on which `x` is the longer one, and those on which `y` is.
const LONGER: (usize, usize) = (50, 10);
/// Of these, so many `x` wins.
const WON: (usize, usize) = (35, 1);

fn work(system: &str, task: usize) -> String {
    let x_longer = task < LONGER.0;
    let characters = if (system == "x") == x_longer { LONG } else { SHORT };
    let text = format!("Work of {system}. ");
    let fill = characters - text.chars().count();
    text + &"z".repeat(fill)
}

fn x_won(task: usize) -> bool {
    if task < LONGER.0 { task < WON.0 } else { task - LONGER.0 < WON.1 }
}

/// The judge's answer by what was planted.
fn by_task(call: &Call) -> Action {
    let text = call.user_text();
    let task = text.split_once("report ").and_then(|(_, rest)| rest.split_once('.')).unwrap().0.parse().unwrap();
    let x_first = text.find("Work of x.") < text.find("Work of y.");
    Action::answer(if x_won(task) == x_first { "A" } else { "B" })
}

/// `x` wins more because it is mostly the longer one; at one length `y` is better.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leads_by_length_alone_loses_the_lead_where_length_is_held_equal() {
    let server = FakeOpenAi::start(by_task).await;
    let home = Home::new(&format!("{}{}", judge("anna", &server, ""), panel(&["anna"], NO_REVIEWS)));
    let service = Service::start(&home).await;
    let client = service.client();
    for task in 0..LONGER.0 + LONGER.1 {
        let name = format!("t{task}");
        client.post("/v1/tasks", &json!({"task_id": name, "prompt": format!("Write report {task}.")})).await.is(201);
        for system in ["x", "y"] {
            let body = json!({"task_id": name, "system": system, "text": work(system, task)});
            client.post("/v1/submissions", &body).await.is(201);
        }
    }
    let made = client.post("/v1/comparisons/plan", &json!({"plan": "all_pairs"})).await.is(202);
    for id in made["ids"].as_array().unwrap() {
        client.settled(&format!("/v1/comparisons/{}", id.as_str().unwrap())).await;
    }
    let plain = client.get("/v1/leaderboard").await.is(200);
    near(lead(&plain, "x", "y"), POINTS * (36.0_f64 / 24.0).ln(), 0.05);

    let (long, short) = (LONG as f64, SHORT as f64);
    let by = (long - short) / (long + short);
    let [gap, effect] = maximum(|[gap, effect]| {
        let (x_longer, y_longer) = (gap + effect * by, gap - effect * by);
        let told =
            |won: usize, of: usize, odds: f64| won as f64 * log_chance(odds) + (of - won) as f64 * log_chance(-odds);
        // The control's prior is of precision 1.
        told(WON.0, LONGER.0, x_longer) + told(WON.1, LONGER.1, y_longer) - effect * effect / 2.0
    });
    assert!(gap < -0.3 && effect > 1.0, "the design is as meant: {gap} {effect}");
    let held = client.get("/v1/leaderboard?control=length&detail=true").await.is(200);
    near(lead(&held, "x", "y"), POINTS * gap, 0.5);
    assert_eq!(held["boards"][0]["rows"][0]["system"], "y", "{held}");
    let control = &held["boards"][0]["detail"]["controls"][0];
    assert_eq!((&control["control"], &control["ridge"]), (&json!("length"), &json!(1.0)));
    near(control["effect"].as_f64().unwrap(), effect, 0.005);
    assert!(control["interval"]["low"].as_f64().unwrap() > 0.0, "longer wins, beyond chance: {control}");
    assert!(notes(&held).contains("characters of the final message"), "{held}");

    let refused = client.get("/v1/leaderboard?control=length&method=davidson").await;
    refused.is_bad_field("/control", &["bradley_terry only"]);
    client.get("/v1/leaderboard?control=weight").await.is_problem(400, "invalid_query", &["weight", "length"]);
    import(&client, &[rows("one", 3, |_| true)]).await;
    let mixed = client.get("/v1/leaderboard?control=length").await.is(200);
    assert!(notes(&mixed).contains("3 battles without the lengths of both works left out"), "{mixed}");
    near(lead(&mixed, "x", "y"), POINTS * gap, 0.5);
    let none = client.get("/v1/leaderboard?control=length&source=imported").await;
    none.is_bad_field("/control", &["no battle has the lengths"]);
}

/// Judges say that `x` wins 45 of 60; of the 30 that an expert saw as well the expert gives it 12, the judges 24.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn human_answers_on_some_pairs_correct_what_judges_say_on_all() {
    const TASKS: usize = 60;
    const SEEN: usize = 30;
    let (_server, _home, service) = empty().await;
    let client = service.client();
    let by_judge = |n: usize| n < 24 || (SEEN..SEEN + 21).contains(&n);
    let by_expert = |n: usize| (6..18).contains(&n);
    import(&client, &[rows("model", TASKS, by_judge), rows("expert", SEEN, by_expert)]).await;

    let judges = client.get("/v1/leaderboard?without_judge=expert").await.is(200);
    near(lead(&judges, "x", "y"), POINTS * (45.0_f64 / 15.0).ln(), 0.05);
    let humans = client.get("/v1/leaderboard?judge=expert").await.is(200);
    near(lead(&humans, "x", "y"), POINTS * (12.0_f64 / 18.0).ln(), 0.05);

    let corrected = client.get("/v1/leaderboard?humans=expert").await.is(200);
    let told = notes(&corrected);
    assert!(
        told.contains("corrected by human answers on 30 of 60 pairs") && told.contains("drawn at random"),
        "{told}"
    );
    let lambda: f64 = told.split("lambda = ").nth(1).unwrap()[..3].parse().unwrap();
    // Each answer stands for two pairs and takes away what the judge said there.
    let stands_for = TASKS as f64 / SEEN as f64;
    let count = |of: &dyn Fn(usize) -> f64| (0..TASKS).map(of).sum::<f64>();
    let bit = |yes: bool| f64::from(u8::from(yes));
    let won = |lambda: f64| {
        count(&|n| {
            let answered = if n < SEEN { stands_for * (bit(by_expert(n)) - lambda * bit(by_judge(n))) } else { 0.0 };
            lambda * bit(by_judge(n)) + answered
        })
    };
    let share = won(lambda) / TASKS as f64;
    near(lead(&corrected, "x", "y"), POINTS * (share / (1.0 - share)).ln(), 0.1);
    assert!(lead(&corrected, "x", "y") < lead(&judges, "x", "y") - 100.0, "far from what judges alone say");

    client.get("/v1/leaderboard?humans=nobody").await.is_bad_field("/humans", &["30"]);
    let few = empty().await;
    let client = few.2.client();
    import(&client, &[rows("model", TASKS, by_judge), rows("expert", SEEN - 1, by_expert)]).await;
    client.get("/v1/leaderboard?humans=expert").await.is_bad_field("/humans", &["29", "30"]);
    let noted = client.get("/v1/leaderboard?humans=expert&method=win_rate").await.is(200);
    assert!(notes(&noted).contains("enter bradley_terry only"), "{noted}");
}

async fn submit_form(client: &Client, body: &str) -> crate::support::Answer {
    client.send("/leaderboard/keep", "application/x-www-form-urlencoded", body.to_owned(), None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_form_keeps_what_the_page_shows_and_sets_it_against_what_comes_later() {
    let (_server, _home, service) = empty().await;
    let client = service.client();
    import(&client, &[rows("one", 40, |n| n % 5 < 3)]).await;
    let shown = client.get("/v1/leaderboard?method=win_rate&without_judge=two").await.is(200);
    let page = client.get("/leaderboard?method=win_rate&without=judge:two").await;
    assert!(page.text().contains("action=\"/leaderboard/keep\""), "{}", page.text());

    let form = "method=win_rate&overrides=with&by=&source=&without=judge%3Atwo&held=&label=+before+the+fair+";
    let kept = submit_form(&client, form).await;
    assert_eq!(kept.status, 303, "{}", kept.text());
    let listed = client.all("/v1/leaderboard/snapshots").await;
    assert_eq!((listed.len(), &listed[0]["label"]), (1, &json!("before the fair")));
    let id = listed[0]["id"].as_str().unwrap();
    let location = kept.header("location").to_owned();
    assert!(location.contains("method=win_rate") && location.ends_with(&format!("against={id}")), "{location}");
    let whole = client.get(&format!("/v1/leaderboard/snapshots/{id}")).await.is(200);
    // x won 24 of 40.
    near(whole["boards"][0]["rows"][0]["rating"].as_f64().unwrap(), 0.6, 1e-9);
    assert_eq!(whole["boards"][0]["rows"][0]["rating"], shown["boards"][0]["rows"][0]["rating"]);

    let later: String = rows("one", 340, |_| false).lines().skip(40).map(|row| format!("{row}\n")).collect();
    import(&client, &[later]).await;
    let page = client.get(&location).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.text().contains("before the fair"), "{}", page.text());
    let path = format!("/v1/leaderboard?method=win_rate&without_judge=two&against={id}");
    let against = client.get(&path).await.is(200);
    let changes = against["boards"][0]["changes"]["rows"].as_array().unwrap();
    let x = changes.iter().find(|row| row["system"] == "x").unwrap();
    assert_eq!(x["verdict"], "worse", "24 of 340: {x}");

    let before = client.all("/v1/leaderboard/snapshots").await;
    for (bad, says) in
        [("held=weight", "weight"), ("method=magic", "magic"), ("by=moon", "moon"), ("without=him", "him")]
    {
        let refused = submit_form(&client, bad).await;
        assert!((400..500).contains(&refused.status), "{bad}: {}", refused.text());
        assert!(refused.text().contains(says), "{bad}: {}", refused.text());
    }
    assert_eq!(client.all("/v1/leaderboard/snapshots").await, before, "what is refused keeps nothing");
}

/// GDPval's gpt-5: w = .39; a human costs 474 times as much and takes 90 times as long. Published: trying once saves
/// 1.176 and 1.122 times, trying until it is right 1.623 and 1.388 times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gdpvals_published_ratios_of_gpt_5_come_out_of_its_wins_or_ties() {
    let (_server, _home, service) = empty().await;
    let client = service.client();
    let costs = json!({"cost_usd": 361.0 / 474.0, "duration_s": 404.0 * 60.0 / 90.0});
    let mut csv = String::from("model_a,model_b,winner,task_id\n");
    for n in 0..100 {
        let name = format!("t{n}");
        client.post("/v1/tasks", &json!({"task_id": name, "prompt": "Do it."})).await.is(201);
        let mut body = json!({"task_id": name, "system": "gpt-5", "text": "Done."});
        body.as_object_mut().unwrap().extend(costs.as_object().unwrap().clone());
        client.post("/v1/submissions", &body).await.is(201);
        // 30 won, 9 tied, 61 lost.
        let winner = if n < 30 {
            "model_a"
        } else if n < 39 {
            "tie"
        } else {
            "model_b"
        };
        csv += &format!("gpt-5,human,{winner},{name}\n");
    }
    client.send("/v1/comparisons/import", "text/csv", csv, None).await.is(201);
    let found = client.get("/v1/systems?accept=human").await.is(200);
    let own = found["systems"].as_array().unwrap().iter().find(|one| one["system"] == "gpt-5").unwrap();
    near(own["accepted"]["value"].as_f64().unwrap(), 0.39, 1e-12);
    let goldens = [
        ("usd", "ratio_once", 1.176),
        ("usd", "ratio_without_end", 1.623),
        ("minutes", "ratio_once", 1.122),
        ("minutes", "ratio_without_end", 1.388),
    ];
    for (of, ratio, published) in goldens {
        near(own[of][ratio].as_f64().unwrap(), published, 0.000_51);
    }
    // Twice, then a human: (M + R)(1 - (1-w)^2)/w + (1-w)^2 H, by hand.
    let (model, human, review, left) = (361.0 / 474.0, 361.0, 86.0, 0.61_f64 * 0.61);
    let twice = client.get("/v1/systems?accept=human&tries=2").await.is(200);
    let own = twice["systems"].as_array().unwrap().iter().find(|one| one["system"] == "gpt-5").unwrap();
    near(own["usd"]["try_n"].as_f64().unwrap(), (model + review) * (1.0 - left) / 0.39 + left * human, 1e-9);
}
