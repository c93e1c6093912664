//! The items of a list, in order of their last change.
//!
//! A list that is asked for by page numbers moves under the reader: an item that changes goes to its end, and
//! the one behind it is skipped. So each page is asked for by the time of the last item of the page before.
//! An item that is listed and answers 404 or 410 (it was deleted or hidden meanwhile, or its place is broken) is counted and
//! passed over; many of them in a row are no accident, and end the poll before the cursor passes them.
//! Invariant: every item that was changed at or after the start is handed over, and the cursor never passes
//! one that was not.

use serde_json::Value;

use super::client::PAGES_MAX;
use super::cursor::Mark;
use super::{Feed, RestClient};
use crate::Error;

/// Items asked for at once: what both GitHub and GitLab give at most.
const PER_PAGE: &str = "100";

/// Items in a row that are not there although they are listed: more, and the token has lost its rights.
const ABSENT_MAX: usize = 20;

/// A list, and the names that the tool has for things.
pub(super) struct List<'l> {
    /// What the cursor calls it.
    pub(super) name: &'l str,
    pub(super) path: String,
    pub(super) parameters: &'l [(&'l str, &'l str)],
    /// The parameter for the start.
    pub(super) since: &'l str,
    /// The member that numbers an item.
    pub(super) number: &'l str,
}

/// Hands each item over once.
pub(super) fn each(
    list: &List<'_>,
    client: &mut RestClient,
    feed: &mut Feed<'_>,
    take: &mut dyn FnMut(&mut RestClient, &mut Feed<'_>, &Value) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut since = feed.start(list.name);
    let mut seen = feed.cursor.mark(&feed.name, list.name).map(|mark| mark.seen.clone()).unwrap_or_default();
    let (mut page, mut absent) = (1_u32, 0);
    loop {
        let number = page.to_string();
        let mut parameters = list.parameters.to_vec();
        parameters.extend([("per_page", PER_PAGE), ("page", number.as_str())]);
        if let Some(since) = &since {
            parameters.push((list.since, since));
        }
        let url = client.url(&list.path, &parameters);
        let answer = client.get(&url)?;
        let items = client.list(&url, answer.body)?;
        let updated = |item: &Value| item["updated_at"].as_str().unwrap_or_default().to_owned();
        let Some(last) = items.last().map(updated) else { return Ok(()) };
        for item in &items {
            let key = format!("{}@{}", item[list.number], updated(item));
            if !seen.contains(&key) {
                match take(client, feed, item) {
                    Err(Error::Absent { url, detail }) if absent < ABSENT_MAX => {
                        absent += 1;
                        feed.pass_over(&url, &detail);
                    }
                    taken => {
                        taken?;
                        absent = 0;
                    }
                }
                feed.relieve()?;
                seen.push(key);
            }
        }
        seen.retain(|key| key.ends_with(&format!("@{last}")));
        feed.commit(list.name, Mark { since: last.clone(), seen: seen.clone() })?;
        if answer.next.is_none() {
            return Ok(());
        }
        page = if since.as_ref() == Some(&last) { page + 1 } else { 1 };
        if page as usize > PAGES_MAX {
            let detail = format!("more than {PAGES_MAX} pages of items changed at {last}");
            return Err(Error::Remote { url: client.base().to_owned(), detail });
        }
        since = Some(last);
    }
}
