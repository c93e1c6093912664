//! What Little Harbour Ferries runs: twelve services, each one repository with an owner, and the
//! vocabulary from which tickets, changes and file names are made.

use super::people::{BOOKING, FLEET, PAYMENTS, PLATFORM, PersonId, TeamId, by_login};

/// Index into [`SERVICES`].
pub type ServiceId = usize;

pub struct Service {
    pub name: &'static str,
    pub team: TeamId,
    pub owner: PersonId,
    /// Directories under `src/`; each person mostly works in one of them.
    pub areas: [&'static str; 4],
    /// What tickets of this service are about.
    pub nouns: [&'static str; 6],
}

impl Service {
    pub fn repo(&self) -> String {
        format!("harbour/{}", self.name)
    }
}

pub const LEDGER: ServiceId = 3;
pub const CHECKOUT: ServiceId = 4;
pub const CREWING: ServiceId = 7;

pub const SERVICES: [Service; 12] = [
    Service {
        name: "seats",
        team: BOOKING,
        owner: by_login("tomas"),
        areas: ["deck", "hold", "price", "search"],
        nouns: [
            "seat maps",
            "vehicle deck space",
            "group bookings",
            "wheelchair places",
            "waiting lists",
            "cabin upgrades",
        ],
    },
    Service {
        name: "timetable",
        team: BOOKING,
        owner: by_login("beatriz"),
        areas: ["route", "season", "tide", "notice"],
        nouns: [
            "winter sailings",
            "tide windows",
            "cancelled sailings",
            "port notices",
            "connection times",
            "extra sailings",
        ],
    },
    Service {
        name: "webshop",
        team: BOOKING,
        owner: by_login("noor"),
        areas: ["basket", "page", "text", "account"],
        nouns: [
            "the basket",
            "saved travellers",
            "the search form",
            "translations",
            "gift cards",
            "the booking page",
        ],
    },
    Service {
        name: "ledger",
        team: PAYMENTS,
        owner: by_login("leila"),
        areas: ["posting", "balance", "close", "rules"],
        nouns: [
            "refund postings",
            "month-end close",
            "fare rules",
            "tax codes",
            "currency rounding",
            "balance checks",
        ],
    },
    Service {
        name: "checkout",
        team: PAYMENTS,
        owner: by_login("grace"),
        areas: ["card", "wallet", "retry", "receipt"],
        nouns: [
            "card retries",
            "wallet payments",
            "receipts",
            "part payments",
            "expired sessions",
            "refund requests",
        ],
    },
    Service {
        name: "invoices",
        team: PAYMENTS,
        owner: by_login("dmitri"),
        areas: ["draft", "send", "dunning", "export"],
        nouns: [
            "freight invoices",
            "payment reminders",
            "credit notes",
            "invoice exports",
            "agency statements",
            "late fees",
        ],
    },
    Service {
        name: "moorings",
        team: FLEET,
        owner: by_login("priya"),
        areas: ["berth", "plan", "weather", "alert"],
        nouns: [
            "berth plans",
            "wind limits",
            "double bookings",
            "berth alerts",
            "harbour dues",
            "tug orders",
        ],
    },
    Service {
        name: "crewing",
        team: FLEET,
        owner: by_login("arjun"),
        areas: ["shift", "rest", "licence", "swap"],
        nouns: [
            "rest-hour rules",
            "shift swaps",
            "licence expiry",
            "crew lists",
            "relief crews",
            "overtime totals",
        ],
    },
    Service {
        name: "tracking",
        team: FLEET,
        owner: by_login("joao"),
        areas: ["position", "arrival", "fuel", "map"],
        nouns: [
            "arrival estimates",
            "position gaps",
            "fuel reports",
            "the live map",
            "speed advice",
            "delay notices",
        ],
    },
    Service {
        name: "gateway",
        team: PLATFORM,
        owner: by_login("kwame"),
        areas: ["limit", "route", "cache", "audit"],
        nouns: [
            "rate limits",
            "partner routes",
            "cache headers",
            "audit lines",
            "request tracing",
            "slow endpoints",
        ],
    },
    Service {
        name: "identity",
        team: PLATFORM,
        owner: by_login("ngozi"),
        areas: ["login", "token", "role", "recovery"],
        nouns: [
            "sign-in",
            "token renewal",
            "crew roles",
            "account recovery",
            "partner keys",
            "session lists",
        ],
    },
    Service {
        name: "buildyard",
        team: PLATFORM,
        owner: by_login("elin"),
        areas: ["runner", "image", "deploy", "report"],
        nouns: [
            "build queues",
            "base images",
            "staged deploys",
            "flaky tests",
            "build reports",
            "roll-backs",
        ],
    },
];

/// Files that every area has from the start: `src/<area>/<file>.rs`.
pub const FILES: [&str; 6] = ["mod", "store", "rules", "api", "view", "import"];

pub const STORY_VERBS: [&str; 8] =
    ["Show", "Plan", "Speed up", "Explain", "Check", "Export", "Simplify", "Warn about"];
pub const BUG_FORMS: [&str; 5] =
    ["Wrong totals for", "Time-out in", "Missing entries in", "Stale data in", "Error page for"];
pub const TASK_VERBS: [&str; 5] = ["Document", "Tidy", "Add tests for", "Monitor", "Measure"];
pub const INCIDENT_FORMS: [&str; 3] = ["Outage:", "Degraded:", "Data late:"];

/// Libraries that the bot keeps current. Invented, like everything else here.
pub const LIBRARIES: [&str; 8] =
    ["bowline", "capstan", "fairlead", "halyard", "keelson", "lanyard", "marlinspike", "windlass"];

/// What a team is after in one quarter: a goal and its two milestones.
pub struct Theme {
    pub goal: &'static str,
    pub milestones: [&'static str; 2],
}

const fn theme(goal: &'static str, first: &'static str, second: &'static str) -> Theme {
    Theme { goal, milestones: [first, second] }
}

/// Seven quarters for each team, in the order of [`super::people::TEAMS`].
pub const THEMES: [[Theme; 7]; 4] = [
    [
        theme("Travellers find a sailing in one minute", "Search by day", "Search by port"),
        theme("Cars and people on one booking", "Deck space", "Mixed bookings"),
        theme("No surprise at the quay", "Port notices", "Delay messages"),
        theme("Groups book without a phone call", "Group quotes", "Group changes"),
        theme("A booking can be changed by its owner", "Change of date", "Change of travellers"),
        theme("The winter timetable is out in September", "Season editor", "Season preview"),
        theme("Booking works for everyone", "Keyboard and reader", "Assistance requests"),
    ],
    [
        theme("Refunds within three days", "Refund requests", "Refund postings"),
        theme("One ledger for all routes", "Ledger import", "Ledger switch"),
        theme("Freight pays by invoice", "Freight invoices", "Agency statements"),
        theme("Fewer failed cards", "Card retries", "Wallets"),
        theme("Month end in one day", "Closing checks", "Closing run"),
        theme("Every fare rule is explained", "Rule catalogue", "Rule trace"),
        theme("New fare rules for the season", "Season fares", "Concession fares"),
    ],
    [
        theme("No ship waits for a berth", "Berth plan", "Berth alerts"),
        theme("Crews know their month", "Shift plan", "Shift swaps"),
        theme("Arrival times that hold", "Position feed", "Arrival estimates"),
        theme("Fuel use is visible", "Fuel reports", "Speed advice"),
        theme("Rest hours are always kept", "Rest rules", "Rest alerts"),
        theme("Weather limits in every plan", "Wind limits", "Swell limits"),
        theme("Relief crews in an hour", "Relief list", "Relief calls"),
    ],
    [
        theme("A deploy on any day", "Staged deploys", "Roll-back in a minute"),
        theme("One sign-in for crew and staff", "Staff sign-in", "Crew sign-in"),
        theme("Partners serve themselves", "Partner keys", "Partner routes"),
        theme("Builds under ten minutes", "Build queues", "Test shards"),
        theme("Every request can be followed", "Request tracing", "Audit trail"),
        theme("Nothing runs on old images", "Image catalogue", "Image renewal"),
        theme("Quiet nights on call", "Alert review", "Self-healing restarts"),
    ],
];

/// Goals that somebody once wrote down: title, login of the owner if any, and whether dated.
pub const STANDING_GOALS: [(TeamId, &str, Option<&str>, bool); 4] = [
    (BOOKING, "Fewer calls to the booking desk", None, true),
    (PAYMENTS, "Write down how payments work", Some("hugo"), false),
    (FLEET, "Retire the old crewing tables", None, false),
    (PLATFORM, "A handbook for new colleagues", Some("elin"), false),
];
