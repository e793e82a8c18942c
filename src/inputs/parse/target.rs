//! What to run: runs that exist or new ones, and what goes with a start.

use crate::inputs::table::Raw;
use crate::inputs::values::Parser;
use crate::inputs::{ApplicationOverride, Target, overrides};

impl Parser {
    pub(super) fn target(&mut self, raw: &Raw) -> Target {
        for (name, given) in [
            ("test_plan_short_id", raw.test_plan_short_id.is_some()),
            ("applications_config", raw.applications_config.is_some()),
            ("environments", raw.environments.is_some()),
            ("notifications_config", raw.notifications_config.is_some()),
        ] {
            if given && raw.run_short_id.is_some() {
                self.problems.push(format!(
                    "`run_short_id` attaches to runs that exist, so `{name}` can have no effect; remove one of them"
                ));
            }
        }
        if let Some(text) = &raw.run_short_id {
            return Target::Attach(self.short_ids("run_short_id", text));
        }
        Target::Start(match &raw.test_plan_short_id {
            Some(text) => {
                let plans = self.short_ids("test_plan_short_id", text);
                plans.into_iter().map(Some).collect()
            }
            None => vec![None],
        })
    }

    /// The start request's `applications`, out of the one of two inputs that was given.
    pub(super) fn applications(&mut self, raw: &Raw) -> Vec<ApplicationOverride> {
        let config = raw.applications_config.as_deref();
        let environments = raw.environments.as_deref();
        if config.is_some() && environments.is_some() {
            self.problems
                .push("`applications_config` and `environments` say the same thing; remove one of them".to_owned());
        }
        let applications = self.structured("applications_config", config, overrides::applications);
        let environments = self.structured("environments", environments, overrides::environments);
        if environments.is_empty() {
            applications
        } else {
            environments
        }
    }
}
