# Every command a person needs, one line each. `just --list` shows them.

# The tool cross looks for Cross.toml; ours is in lower case like everything else.
export CROSS_CONFIG := "cross.toml"

_list:
    @just --list --unsorted

# A 9600-baud bus of simulated meters, the real agent, a broker over TLS, a live table
demo *ARGS:
    cargo run --release -p simulator -- demo {{ ARGS }}

# What to run before a change is handed in: formatting, lints, rules of the house
check:
    cargo fmt --all --check && cargo clippy --workspace --all-targets --quiet -- -D warnings && cargo test -p pmu-agent --test suite house_rules --quiet

# Unit, vector, property and house-rule tests
test *ARGS:
    cargo test --workspace --exclude hil-tests {{ ARGS }}

# Everything that CI runs, with its set-up
hil *ARGS:
    ./hil-tests/run {{ ARGS }}

# The same for hours, by hand; the result belongs into docs/
soak:
    ./hil-tests/run --soak

# Replay one simulated world
sim SEED:
    PMU_SIM_SEED={{ SEED }} cargo test -p pmu-agent --test suite simulation -- --nocapture

# The figures, each with its limit and its peer
bench *ARGS:
    cargo bench --workspace --no-fail-fast --bench figures {{ ARGS }}

# Fuzz one parser for a while (needs cargo-fuzz and a nightly compiler)
fuzz TARGET SECONDS="60":
    cd agent && cargo +nightly fuzz run {{ TARGET }} -- -max_total_time={{ SECONDS }}

# pmu-agent and pmuctl for 64-bit ARM, checked under emulation
cross:
    ./hil-tests/cross.sh

# The Debian package, for people who bring their own system (left in target/debian)
deb:
    ./hil-tests/deb.sh --release

# A disk to flash and an update, in target/image: amd64, arm64 or rpi (as root on Debian 12)
image TARGET:
    image/build {{ TARGET }}

# Verified boot: the crate, damaged disks in virtual machines, the images themselves (both architectures, or the one named)
boot-test *TARGETS:
    ./hil-tests/boot/run {{ TARGETS }}

# Dependencies: bans, licences, sources (advisories need a network: `cargo deny check advisories`)
deny:
    cargo fetch --locked --quiet && cargo deny --offline check bans licenses sources

# The pages of the code, with broken links as errors
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# What an attacker inside the agent could still reach, by systemd's own measure (limit 1.3)
exposure:
    systemd-analyze security --offline=true --threshold=13 --no-pager systemd/pmu-agent.service
