//! CI systems other than GitHub Actions: a table of their variables.
//!
//! Their values appear in reports, history and webhook. They are not sent to QA.tech: its `trigger: API` has no such fields.

use std::iter;

use url::Url;

use crate::context::variables::Variables;
use crate::report::Origin;

const MAX_TEXT: usize = 300;
const MAX_URL: usize = 2_000;

/// The meaning of a value, which determines how it is parsed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// The repository's path, such as `group/shop`.
    Repository,
    /// The URL of the Git repository, of which the path is used.
    RepositoryAddress,
    /// SHA of the commit.
    Commit,
    /// Name or full ref of the branch, with or without a remote (`origin/main`).
    Branch,
    /// The same for the default branch.
    DefaultBranch,
    /// The default branch, if the prefix is `true:`.
    PrimaryBranch,
    /// Number or URL of the pull request.
    PullRequest,
    Actor,
    /// URL of the job.
    Page,
    /// The commit's message.
    Message,
    Job,
    /// The job's name, which may end with the branch, and the branch on a second line.
    JobOfBranch,
    /// The job's attempt, counted from 1.
    Attempt,
    /// Number of retries of the job so far.
    Retries,
}

struct System {
    /// A variable that only this system sets.
    marker: &'static str,
    /// Meanings and templates with variables in `{}`. For each meaning, the first template whose variables are all set is used.
    table: &'static [(Meaning, &'static str)],
}

use Meaning::{
    Actor, Attempt, Branch, Commit, DefaultBranch, Job, JobOfBranch, Message, Page, PrimaryBranch, PullRequest,
    Repository, RepositoryAddress, Retries,
};

const SYSTEMS: [System; 6] = [
    // <https://docs.gitlab.com/ci/variables/predefined_variables/>
    System {
        marker: "GITLAB_CI",
        table: &[
            (Repository, "{CI_PROJECT_PATH}"),
            // In pipelines for merged results, `CI_COMMIT_SHA` is the merge commit.
            (Commit, "{CI_MERGE_REQUEST_SOURCE_BRANCH_SHA}"),
            (Commit, "{CI_COMMIT_SHA}"),
            (Branch, "{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}"),
            (Branch, "{CI_COMMIT_BRANCH}"),
            (DefaultBranch, "{CI_DEFAULT_BRANCH}"),
            (PullRequest, "{CI_MERGE_REQUEST_IID}"),
            (Actor, "{GITLAB_USER_LOGIN}"),
            (Page, "{CI_JOB_URL}"),
            (Page, "{CI_PIPELINE_URL}"),
            (Message, "{CI_COMMIT_MESSAGE}"),
            (Job, "{CI_JOB_NAME}"),
        ],
    },
    // <https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables>, and a server's own `/env-vars.html`
    System {
        marker: "JENKINS_URL",
        table: &[
            (RepositoryAddress, "{GIT_URL}"),
            (Commit, "{GIT_COMMIT}"),
            // For a pull request, `BRANCH_NAME` is `PR-7`.
            (Branch, "{CHANGE_BRANCH}"),
            (Branch, "{BRANCH_NAME}"),
            (Branch, "{GIT_BRANCH}"),
            (PrimaryBranch, "{BRANCH_IS_PRIMARY}:{BRANCH_NAME}"),
            (PullRequest, "{CHANGE_ID}"),
            (Actor, "{CHANGE_AUTHOR}"),
            (Actor, "{BUILD_USER_ID}"),
            (Page, "{BUILD_URL}"),
            (JobOfBranch, "{JOB_NAME}\n{BRANCH_NAME}"),
            (Job, "{JOB_NAME}"),
        ],
    },
    // <https://circleci.com/docs/reference/variables/#built-in-environment-variables>
    System {
        marker: "CIRCLECI",
        table: &[
            (Repository, "{CIRCLE_PROJECT_USERNAME}/{CIRCLE_PROJECT_REPONAME}"),
            (RepositoryAddress, "{CIRCLE_REPOSITORY_URL}"),
            (Commit, "{CIRCLE_SHA1}"),
            (Branch, "{CIRCLE_BRANCH}"),
            (PullRequest, "{CIRCLE_PR_NUMBER}"),
            (PullRequest, "{CIRCLE_PULL_REQUEST}"),
            (Actor, "{CIRCLE_USERNAME}"),
            (Page, "{CIRCLE_BUILD_URL}"),
            (Job, "{CIRCLE_JOB}"),
        ],
    },
    // <https://learn.microsoft.com/azure/devops/pipelines/build/variables>
    System {
        marker: "TF_BUILD",
        table: &[
            (Repository, "{BUILD_REPOSITORY_NAME}"),
            // In builds of pull requests, `BUILD_SOURCEVERSION` is the merge commit.
            (Commit, "{SYSTEM_PULLREQUEST_SOURCECOMMITID}"),
            (Commit, "{BUILD_SOURCEVERSION}"),
            (Branch, "{SYSTEM_PULLREQUEST_SOURCEBRANCH}"),
            (Branch, "{BUILD_SOURCEBRANCH}"),
            // The number is GitHub's; the id is Azure's own.
            (PullRequest, "{SYSTEM_PULLREQUEST_PULLREQUESTNUMBER}"),
            (PullRequest, "{SYSTEM_PULLREQUEST_PULLREQUESTID}"),
            (Actor, "{BUILD_REQUESTEDFOR}"),
            (
                Page,
                "{SYSTEM_COLLECTIONURI}/{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
            ),
            (Message, "{BUILD_SOURCEVERSIONMESSAGE}"),
            (Job, "{SYSTEM_JOBNAME}"),
            (Job, "{SYSTEM_JOBDISPLAYNAME}"),
            (Attempt, "{SYSTEM_JOBATTEMPT}"),
        ],
    },
    // <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/>
    System {
        marker: "BITBUCKET_BUILD_NUMBER",
        table: &[
            (Repository, "{BITBUCKET_REPO_FULL_NAME}"),
            (Repository, "{BITBUCKET_WORKSPACE}/{BITBUCKET_REPO_SLUG}"),
            (Commit, "{BITBUCKET_COMMIT}"),
            (Branch, "{BITBUCKET_BRANCH}"),
            (PullRequest, "{BITBUCKET_PR_ID}"),
            (Actor, "{BITBUCKET_STEP_TRIGGERER_UUID}"),
            (
                Page,
                "https://bitbucket.org/{BITBUCKET_REPO_FULL_NAME}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
            ),
            (Attempt, "{BITBUCKET_STEP_RUN_NUMBER}"),
        ],
    },
    // <https://buildkite.com/docs/pipelines/configure/environment-variables>
    System {
        marker: "BUILDKITE",
        table: &[
            (RepositoryAddress, "{BUILDKITE_REPO}"),
            (Commit, "{BUILDKITE_COMMIT}"),
            (Branch, "{BUILDKITE_BRANCH}"),
            (DefaultBranch, "{BUILDKITE_PIPELINE_DEFAULT_BRANCH}"),
            (PullRequest, "{BUILDKITE_PULL_REQUEST}"),
            (Actor, "{BUILDKITE_BUILD_CREATOR}"),
            (Actor, "{BUILDKITE_BUILD_AUTHOR}"),
            (Page, "{BUILDKITE_BUILD_URL}"),
            (Message, "{BUILDKITE_MESSAGE}"),
            (Job, "{BUILDKITE_STEP_KEY}"),
            (Job, "{BUILDKITE_LABEL}"),
            (Retries, "{BUILDKITE_RETRY_COUNT}"),
        ],
    },
];

/// The variables in the table.
pub(super) fn variables() -> impl Iterator<Item = &'static str> {
    SYSTEMS.iter().flat_map(|system| {
        let templates = system.table.iter().flat_map(|(_, template)| variables_of(template));
        iter::once(system.marker).chain(templates)
    })
}

/// The values of the CI system's variables, if the program runs on a known system.
pub(super) fn origin(variables: &Variables) -> Origin {
    let mut origin = Origin::default();
    let Some(system) = SYSTEMS.iter().find(|system| variables.text(system.marker, 1).is_some()) else {
        return origin;
    };
    for (meaning, template) in system.table {
        if let Some(value) = filled(template, variables, longest(*meaning)) {
            set(&mut origin, *meaning, &value);
        }
    }
    origin
}

fn longest(meaning: Meaning) -> usize {
    match meaning {
        // It is cut after its secrets were removed.
        Message => usize::MAX,
        Page | RepositoryAddress => MAX_URL,
        Repository | Commit | Branch | DefaultBranch | PrimaryBranch | PullRequest | Actor | Job | JobOfBranch
        | Attempt | Retries => MAX_TEXT,
    }
}

/// Sets a value that can be parsed and is not set yet.
fn set(origin: &mut Origin, meaning: Meaning, value: &str) {
    fn first<T>(place: &mut Option<T>, value: Option<T>) {
        if place.is_none() {
            *place = value;
        }
    }
    let text = Some(value.to_owned());
    match meaning {
        Repository => first(&mut origin.repository, text),
        RepositoryAddress => first(&mut origin.repository, repository_path(value)),
        Commit => first(&mut origin.sha, is_commit(value).then(|| value.to_owned())),
        Branch => first(&mut origin.branch, branch(value)),
        DefaultBranch => first(&mut origin.default_branch, branch(value)),
        PrimaryBranch => first(&mut origin.default_branch, value.strip_prefix("true:").and_then(branch)),
        PullRequest => first(&mut origin.pull_request, pull_request(value)),
        Actor => first(&mut origin.actor, text),
        Page => first(&mut origin.ci_url, page(value)),
        Message => first(&mut origin.commit_message, text),
        Job => first(&mut origin.job, text),
        JobOfBranch => first(&mut origin.job, Some(job_of_branch(value))),
        Attempt => first(&mut origin.run_attempt, value.parse().ok()),
        Retries => first(
            &mut origin.run_attempt,
            value.parse().ok().and_then(|retries: u64| retries.checked_add(1)),
        ),
    }
}

/// The names in the braces of a template.
fn variables_of(template: &str) -> impl Iterator<Item = &str> {
    template
        .split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
}

/// Fills in a template; `None` if one of its variables is not set.
fn filled(template: &str, variables: &Variables, most: usize) -> Option<String> {
    let mut text = String::new();
    let mut parts = template.split('{');
    text.push_str(parts.next()?);
    for part in parts {
        let (name, after) = part.split_once('}')?;
        let value = variables.text(name, most)?;
        // `https://dev.azure.com/acme/` ends with the slash that follows it.
        text.push_str(if after.starts_with('/') {
            value.trim_end_matches('/')
        } else {
            &value
        });
        text.push_str(after);
    }
    Some(text)
}

/// Whether a text is a commit SHA. Buildkite sets `HEAD` if no commit was given.
fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0')
}

/// The name of a branch; `None` for a tag or the merge commit of a pull request.
fn branch(text: &str) -> Option<String> {
    let name = text.strip_prefix("refs/heads/").unwrap_or(text);
    let name = name
        .strip_prefix("refs/remotes/")
        .unwrap_or(name)
        .trim_start_matches("origin/");
    (!name.is_empty() && !name.starts_with("refs/") && name != "HEAD").then(|| name.to_owned())
}

/// The number in `7` or `https://github.com/acme/shop/pull/7`. Without a pull request, Jenkins and Buildkite set other values.
fn pull_request(text: &str) -> Option<u64> {
    let last = text.trim_end_matches('/').rsplit('/').next()?;
    last.parse().ok().filter(|number| *number > 0)
}

/// The path `acme/shop` in `https://host/acme/shop.git`, `ssh://git@host:22/acme/shop` or `git@host:acme/shop.git`.
fn repository_path(address: &str) -> Option<String> {
    let path = match address.split_once("://") {
        Some(_) => Url::parse(address).ok()?.path().to_owned(),
        None => address.split_once(':')?.1.to_owned(),
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    (!path.is_empty()).then(|| path.chars().take(MAX_TEXT).collect())
}

/// The URL of a page, without credentials and with special characters encoded.
fn page(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    let has_host = matches!(url.scheme(), "https" | "http") && url.host_str().is_some();
    // Neither call fails for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    has_host.then(|| url.into())
}

/// Removes the branch from the name of a job. A multibranch project has a job for each branch, such as `shop/feature%2Fx`, and
/// results are compared across branches.
fn job_of_branch(text: &str) -> String {
    let (job, branch) = text.split_once('\n').unwrap_or((text, ""));
    match job.rsplit_once('/') {
        Some((project, last)) if last.replace("%2F", "/") == branch => project.to_owned(),
        Some(_) | None => job.to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Origin {
        let all = pairs
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        origin(&Variables::new(all, |name| variables().any(|known| known == name)))
    }

    fn text(value: &str) -> Option<String> {
        Some(value.to_owned())
    }

    const SHA: &str = "2222222222222222222222222222222222222222";
    const MERGE: &str = "1111111111111111111111111111111111111111";

    /// From <https://docs.gitlab.com/ci/variables/predefined_variables/>: a pipeline for merged results.
    const GITLAB: &[(&str, &str)] = &[
        ("GITLAB_CI", "true"),
        ("CI", "true"),
        ("CI_PROJECT_PATH", "acme/web/shop"),
        ("CI_COMMIT_SHA", MERGE),
        ("CI_COMMIT_REF_NAME", "feature/x"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_MERGE_REQUEST_IID", "7"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "feature/x"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", SHA),
        ("GITLAB_USER_LOGIN", "mona"),
        ("CI_JOB_URL", "https://gitlab.example/acme/web/shop/-/jobs/12"),
        ("CI_PIPELINE_URL", "https://gitlab.example/acme/web/shop/-/pipelines/3"),
        ("CI_COMMIT_MESSAGE", "Add a basket\n\nWith a lid"),
        ("CI_JOB_NAME", "e2e"),
    ];

    /// From `/env-vars.html` of a Jenkins server: a pull request of a multibranch project.
    const JENKINS: &[(&str, &str)] = &[
        ("JENKINS_URL", "https://jenkins.example/"),
        ("BRANCH_NAME", "PR-7"),
        ("CHANGE_ID", "7"),
        ("CHANGE_BRANCH", "feature/x"),
        ("CHANGE_TARGET", "main"),
        ("CHANGE_AUTHOR", "mona"),
        ("GIT_COMMIT", SHA),
        ("GIT_BRANCH", "PR-7"),
        ("GIT_URL", "https://bot:s3cret@git.example/acme/shop.git"),
        ("JOB_NAME", "shop/PR-7"),
        ("BUILD_NUMBER", "153"),
        ("BUILD_URL", "https://jenkins.example/job/shop/job/PR-7/153/"),
    ];

    /// From <https://circleci.com/docs/reference/variables/>.
    const CIRCLECI: &[(&str, &str)] = &[
        ("CIRCLECI", "true"),
        ("CIRCLE_PROJECT_USERNAME", "acme"),
        ("CIRCLE_PROJECT_REPONAME", "shop"),
        ("CIRCLE_REPOSITORY_URL", "git@github.com:acme/shop.git"),
        ("CIRCLE_SHA1", SHA),
        ("CIRCLE_BRANCH", "feature/x"),
        ("CIRCLE_PULL_REQUEST", "https://github.com/acme/shop/pull/7"),
        ("CIRCLE_USERNAME", "mona"),
        ("CIRCLE_BUILD_URL", "https://circleci.com/gh/acme/shop/12"),
        ("CIRCLE_JOB", "e2e"),
    ];

    /// From <https://learn.microsoft.com/azure/devops/pipelines/build/variables>: a pull request at GitHub.
    const AZURE: &[(&str, &str)] = &[
        ("TF_BUILD", "True"),
        ("BUILD_REPOSITORY_NAME", "acme/shop"),
        ("BUILD_SOURCEVERSION", MERGE),
        ("BUILD_SOURCEBRANCH", "refs/pull/7/merge"),
        ("SYSTEM_PULLREQUEST_SOURCECOMMITID", SHA),
        ("SYSTEM_PULLREQUEST_SOURCEBRANCH", "refs/heads/feature/x"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTID", "4711"),
        ("SYSTEM_PULLREQUEST_PULLREQUESTNUMBER", "7"),
        ("BUILD_REQUESTEDFOR", "Mona Lisa"),
        ("SYSTEM_COLLECTIONURI", "https://dev.azure.com/acme/"),
        ("SYSTEM_TEAMPROJECT", "Web shop"),
        ("BUILD_BUILDID", "33"),
        ("BUILD_SOURCEVERSIONMESSAGE", "Add a basket"),
        ("SYSTEM_JOBNAME", "e2e"),
        ("SYSTEM_JOBATTEMPT", "2"),
    ];

    /// From <https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/>.
    const BITBUCKET: &[(&str, &str)] = &[
        ("BITBUCKET_BUILD_NUMBER", "33"),
        ("BITBUCKET_REPO_FULL_NAME", "acme/shop"),
        ("BITBUCKET_COMMIT", SHA),
        ("BITBUCKET_BRANCH", "feature/x"),
        ("BITBUCKET_PR_ID", "7"),
        (
            "BITBUCKET_STEP_TRIGGERER_UUID",
            "{8a1e0000-0000-4000-8000-000000000000}",
        ),
        ("BITBUCKET_STEP_RUN_NUMBER", "2"),
    ];

    /// From <https://buildkite.com/docs/pipelines/configure/environment-variables>.
    const BUILDKITE: &[(&str, &str)] = &[
        ("BUILDKITE", "true"),
        ("BUILDKITE_REPO", "git@github.com:acme/shop.git"),
        ("BUILDKITE_COMMIT", SHA),
        ("BUILDKITE_BRANCH", "feature/x"),
        ("BUILDKITE_PIPELINE_DEFAULT_BRANCH", "main"),
        ("BUILDKITE_PULL_REQUEST", "7"),
        ("BUILDKITE_BUILD_CREATOR", "Mona Lisa"),
        ("BUILDKITE_BUILD_URL", "https://buildkite.com/acme/shop/builds/1514"),
        ("BUILDKITE_MESSAGE", "Add a basket"),
        ("BUILDKITE_STEP_KEY", "e2e"),
        ("BUILDKITE_RETRY_COUNT", "1"),
    ];

    #[test]
    fn the_documented_variables_of_each_system_are_used() {
        let base = Origin {
            repository: text("acme/shop"),
            sha: text(SHA),
            branch: text("feature/x"),
            pull_request: Some(7),
            actor: text("mona"),
            job: text("e2e"),
            ..Origin::default()
        };
        for (pairs, expected) in [
            (
                GITLAB,
                Origin {
                    repository: text("acme/web/shop"),
                    default_branch: text("main"),
                    ci_url: text("https://gitlab.example/acme/web/shop/-/jobs/12"),
                    commit_message: text("Add a basket\n\nWith a lid"),
                    ..base.clone()
                },
            ),
            (
                JENKINS,
                Origin {
                    ci_url: text("https://jenkins.example/job/shop/job/PR-7/153/"),
                    job: text("shop"),
                    ..base.clone()
                },
            ),
            (
                CIRCLECI,
                Origin {
                    ci_url: text("https://circleci.com/gh/acme/shop/12"),
                    ..base.clone()
                },
            ),
            (
                AZURE,
                Origin {
                    actor: text("Mona Lisa"),
                    ci_url: text("https://dev.azure.com/acme/Web%20shop/_build/results?buildId=33"),
                    commit_message: text("Add a basket"),
                    run_attempt: Some(2),
                    ..base.clone()
                },
            ),
            (
                BITBUCKET,
                Origin {
                    actor: text("{8a1e0000-0000-4000-8000-000000000000}"),
                    ci_url: text("https://bitbucket.org/acme/shop/pipelines/results/33"),
                    job: None,
                    run_attempt: Some(2),
                    ..base.clone()
                },
            ),
            (
                BUILDKITE,
                Origin {
                    default_branch: text("main"),
                    actor: text("Mona Lisa"),
                    ci_url: text("https://buildkite.com/acme/shop/builds/1514"),
                    commit_message: text("Add a basket"),
                    run_attempt: Some(2),
                    ..base.clone()
                },
            ),
        ] {
            assert_eq!(read(pairs), expected, "{}", pairs[0].0);
        }
    }

    #[test]
    fn branches_without_a_pull_request() {
        for (pairs, expected) in [
            (&[("GITLAB_CI", "true"), ("CI_COMMIT_BRANCH", "main")][..], Some("main")),
            (
                &[("JENKINS_URL", "x"), ("GIT_BRANCH", "origin/release/1.0")],
                Some("release/1.0"),
            ),
            (
                &[("TF_BUILD", "True"), ("BUILD_SOURCEBRANCH", "refs/heads/a/b")],
                Some("a/b"),
            ),
            (&[("TF_BUILD", "True"), ("BUILD_SOURCEBRANCH", "refs/tags/v1")], None),
            (
                &[("TF_BUILD", "True"), ("BUILD_SOURCEBRANCH", "refs/pull/7/merge")],
                None,
            ),
        ] {
            assert_eq!(read(pairs).branch.as_deref(), expected, "{pairs:?}");
        }
        let primary = [
            ("JENKINS_URL", "x"),
            ("BRANCH_NAME", "trunk"),
            ("BRANCH_IS_PRIMARY", "true"),
            ("JOB_NAME", "team/shop/trunk"),
        ];
        let origin = read(&primary);
        assert_eq!((origin.default_branch, origin.job), (text("trunk"), text("team/shop")));
    }

    #[test]
    fn invalid_values_are_ignored() {
        let origin = read(&[
            ("BUILDKITE", "true"),
            ("BUILDKITE_COMMIT", "HEAD"),
            ("BUILDKITE_PULL_REQUEST", "false"),
            ("BUILDKITE_RETRY_COUNT", "often"),
            ("BUILDKITE_BUILD_URL", "javascript:alert(1)"),
            ("BUILDKITE_BRANCH", "  "),
            ("BUILDKITE_REPO", "shop"),
        ]);
        assert_eq!(origin, Origin::default());
        assert_eq!(read(&[("CI", "true"), ("CI_COMMIT_SHA", SHA)]), Origin::default());
    }

    #[test]
    fn urls_lose_their_credentials_and_long_texts_are_cut() {
        let long = "x".repeat(10_000);
        let origin = read(&[
            ("GITLAB_CI", "true"),
            ("CI_JOB_URL", "https://me:s3cret@gitlab.example/1"),
            ("CI_COMMIT_MESSAGE", &long),
            ("CI_JOB_NAME", &long),
        ]);
        assert_eq!(origin.ci_url, text("https://gitlab.example/1"));
        assert_eq!(origin.commit_message.unwrap().len(), long.len());
        assert_eq!(origin.job.unwrap().len(), MAX_TEXT);
        for (address, path) in [
            ("ssh://git@host:22/acme/shop", "acme/shop"),
            ("https://t0ken@host/a/b/c.git", "a/b/c"),
            ("git@host:acme/shop.git", "acme/shop"),
        ] {
            assert_eq!(repository_path(address), text(path));
        }
    }
}
