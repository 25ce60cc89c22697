//! What can be ordered, by the words of the contract.

use crate::people::Right;
use std::fmt;

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $right:ident;)*) => {
        /// The kind of an action.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation {
            $($(#[$doc])* $name,)*
        }

        impl Operation {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word of the contract: `op`.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What somebody must be allowed to do in order to order this.
            pub const fn right(self) -> Right {
                match self {
                    $(Self::$name => Right::$right,)*
                }
            }
        }
    };
}

operations! {
    /// Store a scheme.
    SchemePut = "scheme.put", Edit;
    /// Remove one from the library.
    SchemeRemove = "scheme.remove", Edit;
    /// Read meters by a scheme.
    SchemeRead = "scheme.read", Control;
    /// Write a scheme to meters.
    SchemeProgram = "scheme.program", Control;
    /// Go on with a programming run that stopped half-way.
    SchemeResume = "scheme.resume", Control;
    /// Bring the meters of such a run back to what they were.
    SchemeRestore = "scheme.restore", Control;
    /// Write a scheme's calendar alone.
    TariffSet = "tariff.set", Control;
    /// Store a meter list.
    ListPut = "list.put", Edit;
    /// Remove one.
    ListRemove = "list.remove", Edit;
    /// Run one now.
    ListRun = "list.run", Control;
    /// Stop it.
    ListStop = "list.stop", Control;
    /// Store a meter, or many as a network map.
    MeterPut = "meter.put", Edit;
    /// Remove one.
    MeterRemove = "meter.remove", Edit;
    /// Set a clock.
    TimeSet = "time.set", Control;
    /// Move a meter's clock gently.
    TimeAdjust = "time.adjust", Control;
    /// End the billing period.
    BillingReset = "billing.reset", Control;
    /// Read a load profile again.
    ProfileBackfill = "profile.backfill", Control;
    /// Read a meter's registers.
    MeterRead = "meter.read", Control;
    /// Read its instantaneous values.
    MeterInstant = "meter.instant", Control;
    /// See whether it answers.
    MeterPing = "meter.ping", Control;
    /// Change a meter's password.
    PasswordChange = "password.change", Secure;
    /// Replace a key.
    KeyRotate = "key.rotate", Secure;
    /// Replace the configuration, on trial.
    CfgSet = "cfg.set", Secure;
    /// Start the agent again.
    AgentRestart = "agent.restart", Secure;
    /// Install a system image.
    OtaInstall = "ota.install", Secure;
    /// Do nothing, and say so.
    Nop = "nop", View;
}

impl Operation {
    /// The operation behind a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|op| op.word() == word)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
