//! The faults of the fake.

use super::*;

const COMMENTS: &str = "/repos/octo-org/shop/issues/7/comments";

fn with_pull() -> FakeGitHub {
    let github = FakeGitHub::start();
    github.add(Issue::pull(7, HEAD));
    github
}

fn comment(github: &FakeGitHub) -> Answer {
    post(github, COMMENTS, json!({"body": "x"}))
}

#[test]
fn faults_meet_the_requests_they_are_for() {
    let github = with_pull();
    github.fault(On::call(Call::CreateComment).nth(2), Fault::forbidden());
    github.fault(
        On::path("GET", "/repos/*/*/issues/*/comments").first(1),
        Fault::not_found(),
    );
    github.fault(
        On::when(|request| request.path.ends_with("/pulls")),
        Fault::server_error(503),
    );
    github.fault(On::call(Call::GetPull).from(2), Fault::bad_credentials());
    assert_eq!([(); 3].map(|()| comment(&github).status), [201, 403, 201]);
    assert_eq!([(); 2].map(|()| get(&github, COMMENTS).status), [404, 200]);
    assert_eq!(
        [(); 2].map(|()| get(&github, "/repos/octo-org/shop/pulls").status),
        [503, 503]
    );
    assert_eq!(
        [(); 3].map(|()| get(&github, "/repos/octo-org/shop/pulls/7").status),
        [200, 401, 401]
    );
    assert_eq!(github.comments(7).len(), 2);
    github.clear_faults();
    assert_eq!(get(&github, "/repos/octo-org/shop/pulls").status, 200);
    assert_eq!(github.requests()[1].status, Some(403));
}

#[test]
fn limits_look_like_githubs() {
    let github = with_pull();
    let faults = [
        Fault::primary_limit(30),
        Fault::secondary_limit(Some(2)),
        Fault::secondary_limit(None),
        Fault::too_many_requests(3),
    ];
    for (index, fault) in faults.into_iter().enumerate() {
        github.fault(On::any().nth(index + 1), fault);
    }
    let answers = [(); 4].map(|()| comment(&github));
    assert_eq!(answers.each_ref().map(|answer| answer.status), [403, 403, 403, 429]);
    assert_eq!(answers[0].header("x-ratelimit-remaining"), Some("0"));
    let reset: u64 = answers[0].header("x-ratelimit-reset").unwrap().parse().unwrap();
    assert!(reset > fault::epoch() && reset <= fault::epoch() + 30);
    assert_eq!(
        [1, 2, 3].map(|index: usize| answers[index].header("retry-after")),
        [Some("2"), None, Some("3")]
    );
    assert!(
        answers[2].body["message"]
            .as_str()
            .unwrap()
            .contains("secondary rate limit")
    );
    let good = comment(&github);
    assert_eq!((good.status, good.header("x-ratelimit-limit")), (201, Some("1000")));
    assert_eq!(good.header("x-ratelimit-remaining"), Some("995"));
}

#[test]
fn an_answer_can_be_spoilt_after_the_write() {
    let github = with_pull();
    github.fault(
        On::call(Call::CreateComment).nth(1),
        Fault::html_bad_gateway().after_write(),
    );
    github.fault(On::call(Call::CreateComment).nth(2), Fault::html_bad_gateway());
    let answer = comment(&github);
    assert!(
        answer.status == 502 && answer.raw.starts_with("<html>"),
        "{}",
        answer.raw
    );
    assert_eq!(github.comments(7).len(), 1);
    assert_eq!(comment(&github).status, 502);
    assert_eq!(github.comments(7).len(), 1);
}

#[test]
fn connections_break_hang_and_answers_come_late() {
    let github = with_pull();
    github.fault(On::call(Call::CreateComment).nth(1), Fault::reset());
    github.fault(On::call(Call::CreateComment).nth(2), Fault::reset().after_write());
    github.fault(
        On::call(Call::CreateComment).nth(3),
        Fault::slow(Duration::from_millis(200)),
    );
    github.fault(On::call(Call::GetPull), Fault::hang());
    github.fault(On::call(Call::GetIssue), Fault::moved("https://elsewhere.example/x"));
    assert_eq!((comment(&github).status, github.comments(7).len()), (0, 0));
    assert_eq!((comment(&github).status, github.comments(7).len()), (0, 1));
    let begun = std::time::Instant::now();
    assert_eq!((comment(&github).status, github.comments(7).len()), (201, 2));
    assert!(begun.elapsed() >= Duration::from_millis(200));
    let answer = get(&github, "/repos/octo-org/shop/issues/7");
    assert_eq!(
        (answer.status, answer.header("location")),
        (301, Some("https://elsewhere.example/x"))
    );
    assert_eq!(
        github.requests().iter().map(|r| r.status).collect::<Vec<_>>(),
        [None, None, Some(201), Some(301)]
    );

    let mut hanging = TcpStream::connect(&github.url()["http://".len()..]).unwrap();
    let fields = format!(
        "Authorization: Bearer {}\r\nUser-Agent: t\r\nAccept: application/json",
        github.token()
    );
    hanging
        .write_all(format!("GET /repos/octo-org/shop/pulls/7 HTTP/1.1\r\n{fields}\r\n\r\n").as_bytes())
        .unwrap();
    github.wait_for(Call::GetPull, 1);
    // Others are still served.
    assert_eq!(comment(&github).status, 201);
    drop(github);
    // The end may be a reset, but it comes, and nothing before it.
    hanging.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    assert_eq!(hanging.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn a_fault_that_nothing_meets_is_told() {
    let github = FakeGitHub::start();
    github.fault(On::call(Call::GetUser), Fault::hang());
    github.fault(On::call(Call::GetPull).if_called(), Fault::hang());
    github.clear_faults();
    let violations = github.take_violations();
    assert_eq!(
        violations,
        ["the fault on GetUser was never played (0 matched, 0 to be skipped)"]
    );
}
