//! A repository of the fake, which tests fill and inspect.

use std::sync::{Arc, Mutex};

use super::model::{Annotation, CheckRun, Comment, Issue};
use super::world::{Repository, World};
use crate::http::lock;

/// A repository of a [`FakeGitHub`](super::FakeGitHub).
#[derive(Clone)]
pub struct Repo {
    pub(super) world: Arc<Mutex<World>>,
    pub(super) index: usize,
}

impl Repo {
    fn read<T>(&self, look: impl FnOnce(&Repository) -> T) -> T {
        look(&lock(&self.world).repositories[self.index])
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Repository) -> T) -> T {
        change(&mut lock(&self.world).repositories[self.index])
    }

    /// `owner/name`
    pub fn name(&self) -> String {
        self.read(|repository| repository.name.clone())
    }

    /// Makes the repository public, so that everyone can read it. By default it is private.
    pub fn make_public(&self) {
        self.change(|repository| repository.private = false);
    }

    /// Sets the commit at the head of a branch, for calls that take a branch's name.
    pub fn set_branch(&self, branch: &str, sha: &str) {
        self.change(|repository| repository.branches.insert(branch.to_owned(), sha.to_owned()));
    }

    /// Adds an issue or pull request and returns its number: its own if it has one, else the next.
    pub fn add(&self, mut issue: Issue) -> u64 {
        let mut world = lock(&self.world);
        let now = world.now();
        let repository = &mut world.repositories[self.index];
        if issue.number == 0 {
            issue.number = repository.next_number();
        }
        let number = issue.number;
        assert!(
            repository.issue(number).is_none(),
            "{} has #{number} already",
            repository.name
        );
        if let Some(pull) = issue.pull.as_mut().filter(|pull| pull.head_owner.is_empty()) {
            repository.owner().clone_into(&mut pull.head_owner);
        }
        if issue.state == "closed" {
            issue.closed_at = Some(now.clone());
        }
        (issue.created_at, issue.updated_at) = (now.clone(), now);
        repository.issues.push(issue);
        number
    }

    /// Changes an issue or pull request, for example its head after a push.
    pub fn edit(&self, number: u64, edit: impl FnOnce(&mut Issue)) {
        self.change(|repository| {
            let issue = repository.issues.iter_mut().find(|issue| issue.number == number);
            edit(issue.unwrap_or_else(|| panic!("there is no #{number}")));
        });
    }

    /// Adds a commit to a pull request, besides its head.
    pub fn add_commit_to_pull(&self, sha: &str, number: u64) {
        self.change(|repository| repository.commit_pulls.push((sha.to_owned(), number)));
    }

    /// Adds a comment to an issue or pull request and returns its id.
    pub fn add_comment(&self, number: u64, author: &str, body: &str) -> u64 {
        let mut world = lock(&self.world);
        let (id, now) = (world.next_id(), world.now());
        let comment = Comment::new(id, number, author, body, now);
        world.repositories[self.index].comments.push(comment);
        id
    }

    /// Deletes a comment.
    pub fn delete_comment(&self, id: u64) {
        self.change(|repository| repository.comments.retain(|comment| comment.id != id));
    }

    /// Adds a check run and returns its id.
    pub fn add_check_run(&self, mut run: CheckRun) -> u64 {
        let mut world = lock(&self.world);
        run.id = world.next_id();
        let id = run.id;
        world.repositories[self.index].check_runs.push(run);
        id
    }

    /// All check runs, oldest first.
    pub fn check_runs(&self) -> Vec<CheckRun> {
        self.read(|repository| repository.check_runs.clone())
    }

    /// The only check run.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn only_check_run(&self) -> CheckRun {
        only(self.check_runs(), "check run", |run| {
            format!("{:?} on {}", run.name, run.head_sha)
        })
    }

    /// The newest check run of a name.
    ///
    /// # Panics
    /// If there is none.
    pub fn check_run(&self, name: &str) -> CheckRun {
        let mut runs = self.check_runs();
        let names: Vec<String> = runs.iter().map(|run| run.name.clone()).collect();
        runs.retain(|run| run.name == name);
        runs.pop()
            .unwrap_or_else(|| panic!("no check run {name:?} among {names:?}"))
    }

    /// The annotations of all check runs, oldest run first, in order of arrival.
    pub fn annotations(&self) -> Vec<Annotation> {
        self.read(|repository| {
            repository
                .check_runs
                .iter()
                .flat_map(|run| run.annotations.clone())
                .collect()
        })
    }

    /// The comments on an issue or pull request, oldest first.
    pub fn comments(&self, number: u64) -> Vec<Comment> {
        self.read(|repository| {
            repository
                .comments
                .iter()
                .filter(|c| c.number == number)
                .cloned()
                .collect()
        })
    }

    /// The only comment on an issue or pull request.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn only_comment(&self, number: u64) -> Comment {
        only(self.comments(number), "comment", |comment| {
            format!("{}: {:?}", comment.author, comment.body)
        })
    }

    /// The comments of one author.
    pub fn comments_by(&self, number: u64, author: &str) -> Vec<Comment> {
        self.comments(number)
            .into_iter()
            .filter(|comment| comment.author == author)
            .collect()
    }

    /// All issues that are not pull requests, oldest first.
    pub fn issues(&self) -> Vec<Issue> {
        self.read(|repository| {
            repository
                .issues
                .iter()
                .filter(|issue| issue.pull.is_none())
                .cloned()
                .collect()
        })
    }

    /// The only issue.
    ///
    /// # Panics
    /// If there is none, or more than one.
    pub fn only_issue(&self) -> Issue {
        only(self.issues(), "issue", |issue| {
            format!("#{} {:?}", issue.number, issue.title)
        })
    }

    /// An issue or pull request.
    ///
    /// # Panics
    /// If there is none with that number.
    pub fn issue(&self, number: u64) -> Issue {
        self.read(|repository| repository.issue(number).cloned())
            .unwrap_or_else(|| panic!("there is no #{number}"))
    }
}

fn only<T>(mut found: Vec<T>, what: &str, show: impl Fn(&T) -> String) -> T {
    match (found.len(), found.pop()) {
        (1, Some(one)) => one,
        (count, last) => {
            found.extend(last);
            let shown: Vec<String> = found.iter().map(|one| show(one).chars().take(200).collect()).collect();
            panic!("expected one {what}, found {count}:\n{}", shown.join("\n"));
        }
    }
}
