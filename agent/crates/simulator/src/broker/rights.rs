//! Who may publish and subscribe where.

/// What somebody wants with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Subscribe to it.
    Read,
    /// Publish to it.
    Write,
}

/// One line of an access list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which user; nobody in particular means everybody.
    pub user: Option<String>,
    /// What is allowed.
    pub access: Access,
    /// Where; `%u` stands for the user's own name.
    pub filter: String,
}

/// What is not allowed by a rule is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rights(Vec<Rule>);

impl Rights {
    /// No rights at all.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// The rights of the head-end contract: each gateway its own topics, and the two names under
    /// which a head-end comes.
    pub fn contract() -> Self {
        Self::none()
            .everybody(Access::Write, "gw/v1/%u/up/#")
            .everybody(Access::Read, "gw/v1/%u/dn/#")
            .user("headend-ingest", Access::Read, "gw/v1/+/up/#")
            .user("headend-watermark", Access::Write, "gw/v1/+/dn/ack")
            .user("headend-watermark", Access::Write, "gw/v1/+/dn/req")
    }

    /// Adds a rule for everybody.
    pub fn everybody(mut self, access: Access, filter: &str) -> Self {
        self.0.push(Rule {
            user: None,
            access,
            filter: filter.to_owned(),
        });
        self
    }

    /// Adds a rule for one user.
    pub fn user(mut self, user: &str, access: Access, filter: &str) -> Self {
        self.0.push(Rule {
            user: Some(user.to_owned()),
            access,
            filter: filter.to_owned(),
        });
        self
    }

    /// Whether `user` may do this with a topic, or with all topics of a filter.
    pub fn allow(&self, user: &str, access: Access, topic: &str) -> bool {
        self.0.iter().any(|rule| {
            rule.access == access
                && rule.user.as_deref().is_none_or(|named| named == user)
                && covers(&rule.filter.replace("%u", user), topic)
        })
    }
}

/// Whether every topic that `inner` stands for is one that `filter` stands for. A topic is a
/// filter that stands for itself alone.
pub(super) fn covers(filter: &str, inner: &str) -> bool {
    if inner.starts_with('$') && !filter.starts_with('$') {
        // MQTT 5.0, 4.7.2: a leading wildcard does not reach the broker's own topics.
        return false;
    }
    let (mut outer, mut inner) = (filter.split('/'), inner.split('/'));
    loop {
        match (outer.next(), inner.next()) {
            (Some("#"), _) | (None, None) => return true,
            (Some("+"), Some(level)) if level != "#" => {}
            (Some(wanted), Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
}

/// Whether a filter is well-formed (MQTT 5.0, 4.7.1).
pub(super) fn is_filter(filter: &str) -> bool {
    let levels: Vec<&str> = filter.split('/').collect();
    let last = levels.len().saturating_sub(1);
    !filter.is_empty()
        && levels.iter().enumerate().all(|(nth, level)| match *level {
            "#" => nth == last,
            "+" => true,
            level => !level.contains(['#', '+', '\0']),
        })
}

/// Whether a topic can be published to.
pub(super) fn is_topic(topic: &str) -> bool {
    !topic.is_empty() && !topic.contains(['#', '+', '\0'])
}

/// The group and the filter of a shared subscription.
pub(super) fn shared(filter: &str) -> Option<(&str, &str)> {
    filter.strip_prefix("$share/")?.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, inner: &str, expected: bool) {
        assert_eq!(covers(filter, inner), expected, "{filter} covers {inner}");
    }

    #[test]
    fn filters_cover_topics_and_narrower_filters() {
        check("a/b", "a/b", true);
        check("a/b", "a/b/c", false);
        check("a/+", "a/b", true);
        check("a/+", "a/b/c", false);
        check("a/+", "a", false);
        check("a/#", "a", true);
        check("a/#", "a/b/c", true);
        check("a/#", "a/+/#", true);
        check("a/+", "a/#", false);
        check("a/+/c", "a/+/c", true);
        check("#", "$SYS/x", false);
        check("ä/+", "ä/ö", true);
        check("+/b", "/b", true);
    }

    #[test]
    fn wildcards_stand_alone() {
        for filter in ["a/#", "#", "+", "a/+/b", "/", "a//b"] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in ["", "a/#/b", "a#", "a+/b"] {
            assert!(!is_filter(filter), "{filter}");
        }
        assert!(is_topic("a/b") && !is_topic("a/+") && !is_topic(""));
        assert_eq!(shared("$share/g/a/#"), Some(("g", "a/#")));
        assert_eq!(shared("a/#"), None);
    }

    #[test]
    fn the_contract_keeps_gateways_apart() {
        let rights = Rights::contract();
        let allow = |user, access, topic| rights.allow(user, access, topic);
        assert!(allow("gw1", Access::Write, "gw/v1/gw1/up/lp"));
        assert!(!allow("gw1", Access::Write, "gw/v1/gw2/up/lp"));
        assert!(allow("gw1", Access::Read, "gw/v1/gw1/dn/#"));
        assert!(!allow("gw1", Access::Read, "gw/v1/+/dn/#"));
        assert!(!allow("gw1", Access::Write, "gw/v1/gw1/dn/ack"));
        assert!(allow("headend-ingest", Access::Read, "gw/v1/+/up/#"));
        assert!(allow(
            "headend-watermark",
            Access::Write,
            "gw/v1/gw1/dn/ack"
        ));
        assert!(!allow(
            "headend-watermark",
            Access::Write,
            "gw/v1/gw1/dn/cmd"
        ));
        // A name with a wildcard in it must not widen a rule; certificates with such a name are
        // refused when they connect.
        assert!(!is_topic("+"));
    }
}
