//! The conversations of the pictures. Made up from beginning to end; what is to be seen of the page
//! is in them: lists, code, tools.

/// A question and what the agent does about it.
#[derive(Debug, Clone)]
pub struct Said {
    /// What the session is called.
    pub title: &'static str,
    /// How many hours ago the session was last used.
    pub hours_ago: u64,
    /// The question.
    pub question: &'static str,
    /// What the agent says and does, in order.
    pub parts: Vec<Part>,
    /// How long it says that it took.
    pub took_ms: u64,
}

/// One message of the agent's.
#[derive(Debug, Clone)]
pub enum Part {
    /// Markdown.
    Text(&'static str),
    /// A tool, and what came of it.
    Tool {
        /// Its name.
        name: &'static str,
        /// Its input: one field and its value.
        input: (&'static str, &'static str),
        /// What came of it.
        output: &'static str,
        /// Whether it failed.
        failed: bool,
    },
}

impl Said {
    /// What the result says.
    pub fn last_text(&self) -> &'static str {
        let texts = self.parts.iter().rev().filter_map(|part| match part {
            Part::Text(text) => Some(*text),
            Part::Tool { .. } => None,
        });
        texts.into_iter().next().unwrap_or_default()
    }
}

/// The sessions at the side, the oldest first.
pub fn earlier() -> Vec<Said> {
    let short = |title, hours_ago, question, answer| Said {
        title,
        hours_ago,
        question,
        parts: vec![Part::Text(answer)],
        took_ms: 2400,
    };
    vec![
        short("Who owns the image service?", 620, "Who owns it?", "Nobody, by its file of owners."),
        short("E-mail templates", 340, "Where are they?", "In `mail/templates`."),
        short("Upgrade the payment library", 196, "Can we?", "Yes: what is used has not changed."),
        short("Why is the nightly build red?", 75, "Why is the build red?", "A certificate has expired."),
        short("Explain the stock reservation", 51, "How is stock reserved?", "For fifteen minutes, by row."),
        short("Slow search for long product names", 26, "Why is it slow?", "An index is missing."),
        short("Shipping rates for Switzerland", 5, "What do we charge?", "See `rates/ch.toml`."),
        short("Review: the new order e-mail", 2, "Is it good?", "Two remarks."),
    ]
}

/// The session of the wide picture.
pub fn discount() -> Said {
    Said {
        title: "Sunday discount on gift cards",
        hours_ago: 0,
        question: "The Sunday discount is given on gift cards too. Can you find out why, and fix it?",
        parts: vec![
            Part::Tool {
                name: "Grep",
                input: ("pattern", "sunday_discount"),
                output: "src/pricing.rs:41:    let discount = sunday_discount(day);",
                failed: false,
            },
            Part::Tool {
                name: "Bash",
                input: ("command", "cargo test pricing"),
                output: "test result: ok. 14 passed; 0 failed",
                failed: false,
            },
            Part::Text(DISCOUNT),
        ],
        took_ms: 21_300,
    }
}

const DISCOUNT: &str = "The discount was taken off the **whole basket**, whatever is in it. Now:

- each item says whether it can be discounted;
- gift cards and shipping say no.

```rust
if day == Weekday::Sun && item.is_discountable() {
    price -= price * SUNDAY_PERCENT / 100; // gift cards keep theirs
}
```
";

/// What is being answered in the narrow picture.
pub fn retries() -> Said {
    Said {
        title: "Retry failed webhooks",
        hours_ago: 0,
        question: "How should we retry webhooks that fail?",
        parts: vec![
            Part::Tool {
                name: "Read",
                input: ("file_path", "src/webhooks.py"),
                output: "def send(event): …",
                failed: false,
            },
            Part::Text(RETRIES),
        ],
        took_ms: 14_800,
    }
}

const RETRIES: &str =
    "With growing pauses, and an end. What is there now retries at once, three times, and a shop that is \
down for a minute loses the event.

1. Wait **1, 2, 4 … 64 minutes**, each a little shuffled.
2. Send the same `Idempotency-Key` each time.
3. After a day, tell a person.

```python
def pause(attempt: int) -> float:
    \"\"\"Seconds before the next attempt.\"\"\"
    minutes = min(2 ** attempt, 64)
    return 60 * minutes * uniform(0.9, 1.1)
```

The pauses come to about";
