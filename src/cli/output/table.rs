//! Tables that fit where they are printed: on a narrow terminal the least important columns are left out, sentences go on
//! below, and no word is broken.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell as Drawn, Color, ColumnConstraint, ContentArrangement, Table as Drawing, Width};
use console::measure_text_width;

use super::{clean, width};

/// Columns between two cells.
const BETWEEN: usize = 2;
/// What is no wider is kept on one line: a moment, a status, a shortened id.
const KEPT_WHOLE: usize = 21;
/// Longer words lose their middles where there is no room for all columns: as few characters as that takes.
const LONG_WORDS: [usize; 3] = [KEPT_WHOLE, 16, 12];
/// Columns that distinguish the rows, a store for instance.
const IMPORTANT: u8 = 5;
/// The least room in which a sentence can be read.
const SENTENCE: usize = 16;

/// A table without lines. Its cells are made by [`cell`], which cleans them.
#[derive(Clone)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone)]
struct Column {
    title: String,
    /// The higher, the longer it is kept where there is little room; none is never left out. For one of [`IMPORTANT`] or more
    /// long words are shortened first.
    importance: Option<u8>,
    keeps: Keeps,
}

/// A text without what a terminal would obey, and its colour.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    text: String,
    color: Option<Color>,
}

impl Cell {
    pub(crate) fn fg(self, color: Color) -> Self {
        Self { color: Some(color), ..self }
    }

    fn drawn(&self) -> Drawn {
        let cell = Drawn::new(&self.text);
        match self.color {
            Some(color) => cell.fg(color),
            None => cell,
        }
    }
}

/// What of a column is kept, however little room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// The beginnings and ends of its words: of a long one, the middle is left out before a column is.
    Ends,
    /// Every word.
    Words,
    /// All on one line.
    Line,
}

/// A table that shows all of its columns.
pub(crate) fn table(header: &[&str]) -> Table {
    Table::of(header.iter().map(|title| (*title, None)))
}

/// A table that may leave out columns, those of the least importance first. Those of none are always shown.
pub(crate) fn list(header: &[(&str, Option<u8>)]) -> Table {
    Table::of(header.iter().copied())
}

/// Keeps a column, an id for instance, from being broken into several lines.
pub(crate) fn keep_whole(table: &mut Table, column: usize) {
    table.keep(column, Keeps::Line);
}

/// Lets the columns of these titles, which hold names that a store or a merchant chose, lose the middles of long words where
/// there is no room.
pub(crate) fn may_shorten(table: &mut Table, titles: &[&str]) {
    for column in &mut table.columns {
        if titles.contains(&column.title.as_str()) {
            column.keeps = Keeps::Ends;
        }
    }
}

pub(crate) fn cell(text: impl AsRef<str>) -> Cell {
    Cell { text: clean(text.as_ref()), color: None }
}

/// A table as text, without the white space that fills up its lines.
pub(crate) fn rendered(table: &Table) -> String {
    table.fitted(width())
}

impl Table {
    fn of<'t>(header: impl Iterator<Item = (&'t str, Option<u8>)>) -> Self {
        let column =
            |(title, importance): (&str, _)| Column { title: title.to_owned(), importance, keeps: Keeps::Words };
        Self { columns: header.map(column).collect(), rows: vec![] }
    }

    pub(crate) fn add_row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().take(self.columns.len()).collect());
    }

    fn keep(&mut self, column: usize, keeps: Keeps) {
        if let Some(column) = self.columns.get_mut(column) {
            column.keeps = keeps;
        }
    }

    fn fitted(&self, width: Option<usize>) -> String {
        let Some(room) = width else { return self.drawn(None) };
        let mut table = self.clone();
        for most in LONG_WORDS {
            if table.shows_what_matters_in(room) {
                break;
            }
            table = self.with_short_words(most);
        }
        table.drawn(width)
    }

    /// Whether there is room for every column that people need to distinguish the rows.
    fn shows_what_matters_in(&self, width: usize) -> bool {
        let shown = self.shown(&self.needs(), width);
        let matters = |column: &Column| column.importance.is_none_or(|importance| importance >= IMPORTANT);
        let needed = self.needs();
        let fits = shown.iter().map(|column| needed[*column].least + BETWEEN).sum::<usize>() <= width;
        fits && (0..self.columns.len())
            .filter(|column| matters(&self.columns[*column]))
            .all(|column| shown.contains(&column))
    }

    fn needs(&self) -> Vec<Need> {
        (0..self.columns.len()).map(|column| self.need(column)).collect()
    }

    /// The same with no word longer than so many characters, where its column allows it: a store may give its orders numbers
    /// of forty.
    fn with_short_words(&self, most: usize) -> Self {
        let short = |(cell, column): (&Cell, &Column)| match column.keeps {
            Keeps::Ends => Cell { text: shortened(&cell.text, most), ..cell.clone() },
            Keeps::Words | Keeps::Line => cell.clone(),
        };
        let row = |row: &Vec<Cell>| row.iter().zip(&self.columns).map(short).collect();
        Self { columns: self.columns.clone(), rows: self.rows.iter().map(row).collect() }
    }

    fn drawn(&self, width: Option<usize>) -> String {
        let mut drawing = Drawing::new();
        drawing.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let needs = self.needs();
        let shown = width.map_or_else(|| (0..self.columns.len()).collect(), |width| self.shown(&needs, width));
        let title = |column: &usize| Drawn::new(&self.columns[*column].title).add_attribute(Attribute::Bold);
        drawing.set_header(shown.iter().map(title).collect::<Vec<_>>());
        for row in &self.rows {
            let cells = shown.iter().map(|column| row.get(*column).map_or_else(|| Drawn::new(""), Cell::drawn));
            drawing.add_row(cells.collect::<Vec<_>>());
        }
        if let Some(width) = width {
            drawing.set_content_arrangement(ContentArrangement::Dynamic);
            let widths = divided(&shown.iter().map(|column| needs[*column]).collect::<Vec<_>>(), width);
            let all: usize = widths.iter().map(|width| width + BETWEEN).sum();
            drawing.set_width(u16::try_from(all.max(width)).unwrap_or(u16::MAX));
            for (place, width) in widths.into_iter().enumerate() {
                if let Some(column) = drawing.column_mut(place) {
                    let width = u16::try_from(width + BETWEEN).unwrap_or(u16::MAX);
                    column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(width)));
                }
            }
        }
        drawing.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
    }

    fn need(&self, column: usize) -> Need {
        let texts = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.clone());
        let (mut most, mut word) = (0, 0);
        for text in texts.chain([self.columns[column].title.clone()]) {
            most = most.max(measure_text_width(&text));
            word = word.max(text.split(' ').map(measure_text_width).max().unwrap_or(0));
        }
        let least =
            if self.columns[column].keeps == Keeps::Line || most <= KEPT_WHOLE { most } else { word.max(SENTENCE) };
        Need { least, most }
    }

    /// The columns that there is room for.
    fn shown(&self, needs: &[Need], width: usize) -> Vec<usize> {
        let mut shown: Vec<usize> = (0..self.columns.len()).collect();
        let needed = |shown: &[usize]| shown.iter().map(|column| needs[*column].least + BETWEEN).sum::<usize>();
        while needed(&shown) > width {
            let droppable = shown.iter().enumerate().filter_map(|(place, column)| {
                self.columns[*column].importance.map(|importance| (importance, std::cmp::Reverse(place)))
            });
            let Some((_, std::cmp::Reverse(place))) = droppable.min() else { break };
            shown.remove(place);
        }
        shown
    }
}

/// A text whose words have at most so many characters, the longer ones without their middles.
fn shortened(text: &str, most: usize) -> String {
    let short = |word: &str| {
        let long = word.chars().count();
        if long <= most {
            return word.to_owned();
        }
        let (begin, end) = (most / 2, long - (most - most / 2 - 1));
        word.chars().take(begin).chain(['…']).chain(word.chars().skip(end)).collect()
    };
    text.split(' ').map(short).collect::<Vec<_>>().join(" ")
}

/// How much room a column needs, in characters.
#[derive(Clone, Copy, Debug)]
struct Need {
    /// So that no word is broken.
    least: usize,
    /// So that nothing goes on below.
    most: usize,
}

/// Gives each column what it needs at least, and the rest to those that could use it, in equal parts.
fn divided(needs: &[Need], width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = needs.iter().map(|need| need.least).collect();
    let mut rest = width.saturating_sub(widths.iter().map(|width| width + BETWEEN).sum());
    loop {
        let hungry: Vec<usize> = (0..needs.len()).filter(|place| widths[*place] < needs[*place].most).collect();
        if hungry.is_empty() || rest < hungry.len() {
            return widths;
        }
        let part = rest / hungry.len();
        for place in hungry {
            let taken = part.min(needs[place].most - widths[place]);
            widths[place] += taken;
            rest -= taken;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deliveries() -> Table {
        let mut table =
            list(&[("ID", None), ("STATUS", Some(8)), ("CODE", Some(7)), ("ATTEMPTS", Some(1)), ("STORE", Some(3))]);
        table
            .add_row(["01a1fc56", "action_required", "order_status_filtered", "12", "The shop of the storm"].map(cell));
        table
    }

    #[test]
    fn where_there_is_no_width_everything_is_on_one_line() {
        let text = deliveries().fitted(None);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("order_status_filtered") && text.contains("The shop of the storm"), "{text}");
    }

    #[test]
    fn the_least_important_columns_are_left_out_and_no_word_is_broken() {
        for (width, titles) in [
            (120, vec!["ID", "STATUS", "CODE", "ATTEMPTS", "STORE"]),
            (80, vec!["ID", "STATUS", "CODE", "STORE"]),
            (60, vec!["ID", "STATUS", "CODE"]),
            (30, vec!["ID", "STATUS"]),
            (5, vec!["ID"]),
        ] {
            let text = deliveries().fitted(Some(width));
            let (header, row) = text.split_once('\n').unwrap();
            assert_eq!(header.split_whitespace().collect::<Vec<_>>(), titles, "{width}: {text}");
            assert!(row.contains("01a1fc56") && (width < 10 || text.lines().all(|line| line.chars().count() <= width)));
            assert_eq!(row.contains("action_required"), titles.contains(&"STATUS"), "{text}");
        }
    }

    #[test]
    fn one_long_name_does_not_push_the_other_columns_out() {
        let mut table = list(&[
            ("ID", None),
            ("ORDER", None),
            ("STORE", Some(6)),
            ("STATUS", None),
            ("CODE", Some(7)),
            ("CREDITS", Some(1)),
        ]);
        let (order, store) = ("ORD-2026-11-28-000000000000000001042", "a".repeat(60));
        table.add_row(["01a1fc56", order, &store, "action_required", "order_status_filtered", "10"].map(cell));
        let unable = table.fitted(Some(80));
        assert!(!unable.contains("STORE") && unable.contains(order), "{unable}");
        may_shorten(&mut table, &["ORDER", "STORE"]);
        let text = table.fitted(Some(80));
        for words in ["ORD-20…01042", "aaaaaa…aaaaa", "action_required", "order_status_filtered"] {
            assert!(text.contains(words), "{words} in {text}");
        }
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        // No shorter than it has to be.
        assert!(table.fitted(Some(110)).contains("ORD-2026-1…0000001042"));
        let wide = table.fitted(Some(200));
        assert!(wide.contains(order) && wide.contains(&store), "{wide}");
    }

    #[test]
    fn a_sentence_goes_on_below_and_a_hash_does_not() {
        let mut table = table(&["WHAT HAPPENED", "HASH"]);
        let hash = "8f244c52b270b465b0b579b41989b29cbafbb154";
        table.add_row([cell("The store reported order 1042: accepted for delivery."), cell(hash)]);
        let text = table.fitted(Some(64));
        assert!(text.lines().count() > 2 && text.contains(hash), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 64), "{text}");
        for word in ["reported", "accepted", "delivery."] {
            assert!(text.contains(word), "{text}");
        }
    }
}
