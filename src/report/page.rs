//! The page: words, tables and style around the pictures.

use super::canvas::{DrawError, hex, palette};
use super::data::{ChurnReport, Table};
use super::words::escaped;
use super::{auc_by_fold, gains_chart, reliability_curve, rfm_map, risk_distribution};

/// Colours other than those of the pictures, measures, and what changes on paper.
const STYLE: &str = "
:root { color-scheme: light dark; --ink: #1B1F24; --muted: #59616B; --paper: #FFFFFF; --line: #D5DAE0; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #E6E9ED; --muted: #A3ABB6; --paper: #15181C; --line: #363D46; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 78rem; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 1rem; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
dl { display: flex; flex-wrap: wrap; gap: .75rem 2.5rem; margin: 0 0 2rem; padding: 0 0 1.25rem;
  border-bottom: 1px solid var(--line); }
dt { color: var(--muted); font-size: .85rem; }
dd { margin: 0; font-size: 1.1rem; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 2.5rem 2rem; }
figure { margin: 0; min-width: 0; overflow-x: auto; break-inside: avoid; }
figcaption p { margin: 0 0 .5rem; color: var(--muted); font-size: .93rem; max-width: 40rem; }
svg { display: block; width: 100%; min-width: 28rem; max-width: 40rem; height: auto; font-family: inherit; }
section { margin-top: 2.5rem; }
.wide { overflow-x: auto; margin-bottom: 1.75rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .93rem; break-inside: avoid; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
th, td { padding: .3rem .9rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--muted); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 400; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  .pictures { display: block; }
  figure { margin-bottom: 2rem; }
  svg { max-width: 15cm; }
  .wide { overflow-x: visible; break-inside: avoid; }
}
";

/// One picture of the page.
struct Picture {
    title: &'static str,
    /// How to read it, in one sentence.
    reading: &'static str,
    svg: Result<String, DrawError>,
}

/// The report as a page of HTML that is also well-formed XML. All text is escaped.
///
/// # Determinism
/// The same report gives the same bytes.
#[must_use]
pub fn html(report: &ChurnReport) -> String {
    let pictures = [
        Picture {
            title: "Do the probabilities mean what they say?",
            reading: "Each point is a group of customers with similar probability: on the dashed line as many of them \
                      churned as predicted, below it fewer, above it more; the bars beneath show where the customers are.",
            svg: reliability_curve(&report.reliability),
        },
        Picture {
            title: "How many leavers does a campaign reach?",
            reading: "Go right to the share of customers you can contact, then up: the higher a line, the more of all \
                      leavers are among them.",
            svg: gains_chart(&report.gains),
        },
        Picture {
            title: "Was the ranking as good at other times?",
            reading: "Each mark is the chance that a customer who churned was ranked above one who stayed, at one past \
                      date; its bar is the 95 % interval, and 0.5 is chance.",
            svg: auc_by_fold(&report.folds),
        },
        Picture {
            title: "How is the risk spread?",
            reading: "The height is the number of customers with a probability, the colour their band, the dashed lines \
                      its limits.",
            svg: risk_distribution(&report.risk),
        },
        Picture {
            title: "Where is the risk?",
            reading: "Each cell holds customers alike in how lately and how often they bought: above their mean \
                      probability to churn, which is also the colour, below how many they are.",
            svg: rfm_map(&report.rfm),
        },
    ];
    let title = escaped(&report.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n<title>{title}</title>\n\
         <style>{STYLE}{}</style>\n</head>\n<body>\n<h1>{title}</h1>\n",
        dark_pictures()
    );
    if !report.facts.is_empty() {
        page.push_str("<dl>\n");
        for (label, value) in &report.facts {
            let (label, value) = (escaped(label), escaped(value));
            page.push_str(&format!("<div><dt>{label}</dt><dd>{value}</dd></div>\n"));
        }
        page.push_str("</dl>\n");
    }
    page.push_str("<div class=\"pictures\">\n");
    pictures
        .iter()
        .for_each(|picture| add_picture(&mut page, picture));
    page.push_str("</div>\n");
    if !report.tables.is_empty() {
        page.push_str("<section>\n");
        report.tables.iter().for_each(|table| add_table(&mut page, table));
        page.push_str("</section>\n");
    }
    if !report.notes.is_empty() {
        page.push_str("<section>\n<h2>Notes</h2>\n<ul>\n");
        for note in &report.notes {
            page.push_str(&format!("<li>{}</li>\n", escaped(note)));
        }
        page.push_str("</ul>\n</section>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// Rules that exchange the colours of the pictures in a dark window.
fn dark_pictures() -> String {
    let mut rules = String::from("@media screen and (prefers-color-scheme: dark) {\n");
    for paint in palette() {
        let (light, dark) = (hex(paint.light), hex(paint.dark));
        for property in ["fill", "stroke"] {
            rules.push_str(&format!(
                "  svg [{property}=\"{light}\"] {{ {property}: {dark}; }}\n"
            ));
        }
    }
    rules.push_str("}\n");
    rules
}

fn add_picture(page: &mut String, picture: &Picture) {
    let Picture { title, reading, svg } = picture;
    let drawn = match svg {
        Ok(svg) => svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{title}\" "), 1),
        Err(error) => format!("<p>{}</p>\n", escaped(&error.to_string())),
    };
    page.push_str(&format!(
        "<figure>\n<figcaption><h2>{title}</h2><p>{reading}</p></figcaption>\n{drawn}</figure>\n"
    ));
}

fn add_table(page: &mut String, table: &Table) {
    page.push_str(&format!(
        "<div class=\"wide\"><table>\n<caption>{}</caption>\n<thead><tr>",
        escaped(&table.caption)
    ));
    for head in &table.header {
        page.push_str(&format!("<th scope=\"col\">{}</th>", escaped(head)));
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        page.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let cell = escaped(cell);
            page.push_str(&match column {
                0 => format!("<th scope=\"row\">{cell}</th>"),
                _ => format!("<td>{cell}</td>"),
            });
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody>\n</table></div>\n");
}
