//! The lint report as a text that a person reads in a minute.

use std::fmt;

use super::report::{LintReport, Reason};

/// A number with a comma at every thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// One line: what, how many, and a remark.
fn line(f: &mut fmt::Formatter<'_>, what: &str, number: u64, remark: &str) -> fmt::Result {
    let line = format!("  {what:<46} {:>13}  {remark}", grouped(number));
    writeln!(f, "{}", line.trim_end())
}

/// Writes the report in sections; a section with nothing to say is left out.
impl fmt::Display for LintReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Rows")?;
        line(f, "read", self.rows_read, &format!("from {} file(s)", self.files))?;
        for dropped in self.dropped.iter() {
            line(
                f,
                &format!("dropped: {}", dropped.reason.words()),
                dropped.rows,
                &dropped.examples.join(" "),
            )?;
        }
        line(f, "kept", self.rows_kept, "")?;
        if self.bot_events_dropped > 0 {
            line(
                f,
                "of these left out as likely bots'",
                self.bot_events_dropped,
                "",
            )?;
        }

        writeln!(f, "Events")?;
        for (kind, number) in [
            ("views", self.events.view),
            ("cart", self.events.cart),
            ("purchase lines", self.events.purchase),
            ("return lines", self.events.returned),
            ("customers", self.customers),
            ("items", self.items),
            ("orders", self.orders),
        ] {
            line(f, kind, number, "")?;
        }
        if let Some(period) = self.period {
            let days = period.last.days_since(period.first).ceil() as u64;
            let words = format!(
                "{} to {}, rows on {} days",
                period.first, period.last, period.active_days
            );
            line(f, "days from first to last", days, &words)?;
        }
        self.write_oddities(f)
    }
}

impl LintReport {
    fn write_oddities(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let traps = &self.traps;
        writeln!(f, "Worth knowing (all rows, kept or not)")?;
        let case = traps
            .item_ids_differing_in_case_examples
            .iter()
            .map(|ids| ids.join("/"))
            .collect::<Vec<_>>();
        let partial_month = self.partial_last_month.as_ref();
        let month =
            partial_month.map(|month| format!("{}: {} of {} days", month.month, month.days, month.of));
        let undone: Vec<String> = self
            .largest_undone_orders
            .iter()
            .map(|undone| {
                format!(
                    "±{} of {} by {}",
                    undone.quantity, undone.item_id, undone.customer_id
                )
            })
            .collect();
        let bots: Vec<String> = self
            .fastest_bots
            .iter()
            .map(|bot| format!("{} ({} views in an hour)", bot.customer_id, bot.views_in_an_hour))
            .collect();
        let gaps: Vec<String> = self
            .gaps
            .iter()
            .map(|gap| format!("{} ({} days)", gap.from, gap.days))
            .collect();
        for (what, number, remark) in [
            ("return or cancellation lines", traps.return_lines, String::new()),
            (
                "quantity of zero or less",
                traps.quantity_not_positive,
                String::new(),
            ),
            (
                "… and no return",
                traps.quantity_not_positive_and_no_return,
                String::new(),
            ),
            ("price 0", traps.price_zero, String::new()),
            ("price below 0", traps.price_negative, String::new()),
            ("without a customer", traps.missing_customer, String::new()),
            (
                "identical to an earlier row",
                traps.identical_lines,
                String::new(),
            ),
            (
                "item ids equal to another but for case",
                traps.item_ids_differing_in_case,
                case.join(", "),
            ),
            (
                "orders taken back whole within 7 days",
                self.undone_orders,
                undone.join(", "),
            ),
            ("likely bots", self.bots, bots.join(", ")),
            (
                "items not in the item table",
                self.items_not_in_table.unwrap_or(0),
                self.items_not_in_table_examples.join(", "),
            ),
            (
                "rows of the item table without a usable id",
                self.item_rows_dropped,
                self.item_rows_dropped_examples.join(" "),
            ),
            (
                "unreadable attributes in the item table",
                self.item_attributes_unreadable,
                String::new(),
            ),
            (
                "unusual gaps without any row",
                self.gaps.len() as u64,
                gaps.join(", "),
            ),
            (
                "last month incomplete",
                u64::from(month.is_some()),
                month.unwrap_or_default(),
            ),
        ] {
            if number > 0 {
                line(f, what, number, &remark)?;
            }
        }
        if !traps.odd_item_ids.is_empty() {
            writeln!(
                f,
                "  item ids that may be no products (✗: dropped by the recipe), with their rows:"
            )?;
            for codes in traps.odd_item_ids.chunks(6) {
                let words = codes.iter().map(|code| {
                    format!(
                        "{}{} {}",
                        if code.dropped { "✗" } else { "" },
                        code.item_id,
                        grouped(code.rows)
                    )
                });
                writeln!(f, "    {}", words.collect::<Vec<_>>().join(" · "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_044_848, "1,044,848")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn only_what_was_found_is_listed() {
        let mut report = LintReport {
            rows_read: 1234,
            rows_kept: 1233,
            ..LintReport::default()
        };
        let dropped = report.dropped.of_mut(Reason::UnknownKind);
        dropped.rows = 1;
        dropped.examples.push("log.csv:7".into());
        let text = report.to_string();
        assert!(
            text.contains("unknown kind") && text.contains("log.csv:7") && text.contains("1,234"),
            "{text}"
        );
        assert!(
            !text.contains("likely bots") && !text.contains("missing customer"),
            "{text}"
        );
    }
}
