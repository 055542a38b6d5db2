//! Ids of streams as people type them: found by their beginnings, and shortened for people to read.

use storage::Sql;

use super::EventLog;

/// The shortest beginning of an id that is printed or understood. Fewer characters would name many ids, and looking
/// through those has to be bounded.
pub const MIN_PREFIX_CHARS: usize = 8;

/// Whether a text can be the beginning of an id: hexadecimal digits and hyphens, and enough of them.
pub fn is_prefix(text: &str) -> bool {
    (MIN_PREFIX_CHARS..=36).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

impl EventLog {
    /// The ids of the streams of one kind that begin with a text, some at most: none where the text is too short.
    pub async fn streams_beginning(&self, aggregate_type: &str, prefix: &str, limit: i64) -> sqlx::Result<Vec<String>> {
        if !is_prefix(prefix) {
            return Ok(vec![]);
        }
        let prefix = prefix.to_ascii_lowercase();
        let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id >= ")
            .bind(prefix.as_str())
            .push(" AND aggregate_id < ")
            .bind(format!("{prefix}g"))
            .push(" ORDER BY aggregate_id LIMIT ")
            .bind(limit);
        let ids: Vec<(String,)> = self.database.fetch_all(sql).await?;
        Ok(ids.into_iter().map(|(id,)| id).filter(|id| id.starts_with(&prefix)).collect())
    }

    /// The shortest beginning of a stream's id that no other stream of its kind has.
    pub async fn shortest_id(&self, aggregate_type: &str, id: &str) -> sqlx::Result<String> {
        let mut beside: Vec<(String,)> = vec![];
        for (than, order) in [("<", "DESC"), (">", "ASC")] {
            let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
                .bind(aggregate_type)
                .push(&format!(" AND aggregate_id {than} "))
                .bind(id)
                .push(&format!(" ORDER BY aggregate_id {order} LIMIT 1"));
            beside.extend(self.database.fetch_optional::<(String,)>(sql).await?);
        }
        Ok(shortest_beside(id, beside.iter().map(|(id,)| id)).to_owned())
    }
}

/// As much of an id as tells it from others.
pub fn shortest_beside<O: AsRef<str>>(id: &str, others: impl IntoIterator<Item = O>) -> &str {
    let alike = |other: &O| id.bytes().zip(other.as_ref().bytes()).take_while(|(one, other)| one == other).count();
    let longest = others.into_iter().map(|other| alike(&other)).max().unwrap_or(0);
    let end = (longest + 1).max(MIN_PREFIX_CHARS);
    // A beginning that ends with a hyphen looks cut off.
    let end = if id.as_bytes().get(end - 1) == Some(&b'-') { end + 1 } else { end };
    id.get(..end).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_as_long_as_it_must_be_to_differ_from_others() {
        let id = "01a1fc56-1234-7abc-8def-0123456789ab";
        for (others, short) in [
            (vec![], "01a1fc56"),
            (vec!["01a1fc55-1234-7abc-8def-0123456789ab"], "01a1fc56"),
            (vec!["01a1fc56-9234-7abc-8def-0123456789ab"], "01a1fc56-1"),
            (vec!["01a1fc56-1235-7abc-8def-0123456789ab", "01a1fc56-2"], "01a1fc56-1234"),
            (vec!["01a1fc56-1234-7abd"], "01a1fc56-1234-7abc"),
            (vec!["01a1fc56-1234-7abc"], "01a1fc56-1234-7abc-8"),
        ] {
            assert_eq!(shortest_beside(id, &others), short, "{others:?}");
        }
    }

    #[test]
    fn what_is_no_beginning_of_an_id_is_not_searched() {
        for (text, is) in [
            ("01a1fc56", true),
            ("01A1FC56-1", true),
            ("01a1fc5", false),
            ("storm-lead-v2", false),
            ("01a1fc56%", false),
            ("", false),
        ] {
            assert_eq!(is_prefix(text), is, "{text:?}");
        }
    }
}
