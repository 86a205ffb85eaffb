//! Where each crate stands, and which outside world only some may name.

/// The layers, from the lowest: a crate depends on its own layer and those below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layer {
    /// Pure: no clock, no socket, no random numbers of their own.
    Core,
    /// Each names one outside world.
    Adapter,
    /// Sockets, disks and clocks come together.
    Service,
    /// Tests, the demo and chores.
    Support,
}

impl Layer {
    /// All of them, from the highest, as they are drawn.
    pub(super) const ALL: [Self; 4] = [Self::Support, Self::Service, Self::Adapter, Self::Core];

    /// Its crates.
    pub(super) const fn crates(self) -> &'static [&'static str] {
        match self {
            Self::Core => &[
                "primitives",
                "simd",
                "batch",
                "receipt",
                "merkle",
                "rewards",
                "economy",
                "channel",
                "watcher",
                "dataset",
                "protocol",
                "overlay",
                "tracker",
                "simulator",
                "verifier",
                "browser",
            ],
            Self::Adapter => &["webrtc", "chain", "database", "query", "serve"],
            Self::Service => &["node", "aggregator", "watchtower", "api", "devnet", "cli"],
            Self::Support => &["test-utils", "xtask", "e2e", "examples"],
        }
    }

    /// Where a crate stands; nothing for the crates of others.
    pub(super) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.crates().contains(&name))
    }

    /// What it is called in diagrams.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Core => "core: pure",
            Self::Adapter => "adapters",
            Self::Service => "services",
            Self::Support => "tests and chores",
        }
    }
}

/// A dependency or a path that only some crates may name.
#[derive(Debug)]
pub(super) struct Wall {
    /// A crate, or a path of the standard library.
    pub(super) name: &'static str,
    /// Who may name it.
    pub(super) may: &'static [&'static str],
}

impl Wall {
    /// Who may, in words.
    pub(super) fn why(&self) -> String {
        format!("which only {} may", self.may.join(", "))
    }
}

/// Who may look at a clock.
const CLOCKS: &[&str] = &[
    "webrtc",
    "chain",
    "database",
    "node",
    "aggregator",
    "watchtower",
    "api",
    "devnet",
    "cli",
    "test-utils",
    "xtask",
    "e2e",
    "examples",
];

/// What only these may name, outside of tests.
pub(super) const WALLS: &[Wall] = &[
    Wall {
        name: "tokio",
        may: &[
            "webrtc",
            "chain",
            "database",
            "query",
            "serve",
            "node",
            "aggregator",
            "watchtower",
            "api",
            "devnet",
            "cli",
            "test-utils",
            "xtask",
            "e2e",
            "examples",
        ],
    },
    Wall { name: "sqlx", may: &["database"] },
    Wall { name: "alloy", may: &["chain", "cli", "xtask"] },
    Wall { name: "str0m", may: &["webrtc"] },
    // An unaudited field stays behind the crate that holds its answers to libsecp256k1's.
    Wall { name: "crrl", may: &["batch"] },
    Wall { name: "datafusion", may: &["query"] },
    Wall { name: "parquet", may: &["dataset"] },
    Wall {
        name: "axum",
        may: &["serve", "node", "aggregator", "watchtower", "api", "cli", "test-utils"],
    },
    // Who answers HTTP goes through the one front door.
    Wall { name: "hyper", may: &["serve"] },
    // The typed client of `protocol` is behind a feature; `chain` asks its endpoints.
    Wall {
        name: "reqwest",
        may: &["protocol", "chain", "node", "aggregator", "devnet", "cli", "test-utils", "e2e"],
    },
    Wall { name: "clap", may: &["cli", "xtask"] },
    Wall {
        name: "anyhow",
        may: &["aggregator", "watchtower", "api", "devnet", "cli", "test-utils", "xtask", "e2e"],
    },
    // Pure crates take a generator as an argument; the simulator and a browser's tab make their own from a seed.
    Wall {
        name: "rand",
        may: &[
            "overlay",
            "tracker",
            "simulator",
            "browser",
            "economy",
            "webrtc",
            "node",
            "aggregator",
            "cli",
            "test-utils",
            "xtask",
        ],
    },
    Wall { name: "ThreadRng", may: &["webrtc", "node", "aggregator", "cli"] },
    Wall { name: "OsRng", may: &["webrtc", "node", "aggregator", "cli"] },
    // A dataset is files; nothing else that is pure has any.
    Wall {
        name: "std::fs",
        may: &[
            "dataset",
            "chain",
            "database",
            "node",
            "aggregator",
            "watchtower",
            "devnet",
            "cli",
            "test-utils",
            "xtask",
            "e2e",
        ],
    },
    // A batch that libsecp256k1 contradicts ends the process.
    Wall {
        name: "std::process",
        may: &["batch", "aggregator", "devnet", "cli", "test-utils", "xtask", "e2e"],
    },
    Wall {
        name: "UdpSocket",
        may: &["webrtc", "node", "devnet", "cli", "test-utils", "xtask", "e2e"],
    },
    Wall {
        name: "TcpListener",
        may: &[
            "serve",
            "node",
            "aggregator",
            "watchtower",
            "api",
            "devnet",
            "cli",
            "test-utils",
            "xtask",
            "e2e",
        ],
    },
    Wall {
        name: "TcpStream",
        may: &["serve", "node", "aggregator", "cli", "test-utils", "xtask", "e2e"],
    },
    // Time comes into the minds as an argument.
    Wall { name: "Instant", may: CLOCKS },
    Wall { name: "SystemTime", may: CLOCKS },
];
