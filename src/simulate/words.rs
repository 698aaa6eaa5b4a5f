//! What the shop sells: its leaf categories, and the words that its titles are made of.

/// A leaf category and how its items are bought.
pub(super) struct Leaf {
    /// Two levels, widest first.
    pub path: &'static str,
    /// What its items are.
    pub nouns: [&'static str; 6],
    /// Median price.
    pub price: f64,
    /// Mean share of the price that is the shop's.
    pub margin: f64,
    /// Probability that a bought item comes back.
    pub return_rate: f64,
    /// Shortest and longest mean interval at which its items are bought again, where they are used up.
    pub rhythm_days: Option<(f64, f64)>,
    /// The leaf category that the complements of its items are in.
    pub complements: Option<&'static str>,
}

const fn leaf(
    path: &'static str,
    nouns: [&'static str; 6],
    price: f64,
    margin: f64,
    return_rate: f64,
) -> Leaf {
    Leaf {
        path,
        nouns,
        price,
        margin,
        return_rate,
        rhythm_days: None,
        complements: None,
    }
}

impl Leaf {
    const fn used_up_in(mut self, shortest: f64, longest: f64) -> Self {
        self.rhythm_days = Some((shortest, longest));
        self
    }

    const fn goes_with(mut self, path: &'static str) -> Self {
        self.complements = Some(path);
        self
    }
}

/// The leaf categories.
#[rustfmt::skip]
pub(super) static LEAVES: [Leaf; 27] = [
    leaf("kitchen/baking", ["Whisk", "Loaf Tin", "Rolling Pin", "Cake Stand", "Mixing Bowl", "Pastry Brush"], 14.0, 0.45, 0.03).goes_with("kitchen/cookware"),
    leaf("kitchen/cookware", ["Saucepan", "Skillet", "Casserole", "Steamer", "Wok", "Stock Pot"], 38.0, 0.40, 0.05),
    leaf("kitchen/coffee-makers", ["Moka Pot", "French Press", "Grinder", "Dripper", "Kettle", "Milk Frother"], 45.0, 0.35, 0.05).goes_with("grocery/coffee"),
    leaf("grocery/coffee", ["Espresso Beans", "Filter Coffee", "Decaf Beans", "House Blend", "Ground Coffee", "Cold Brew"], 11.0, 0.30, 0.004).used_up_in(14.0, 45.0),
    leaf("grocery/tea", ["Breakfast Tea", "Earl Grey", "Green Tea", "Chai", "Mint Tea", "Rooibos"], 7.0, 0.35, 0.004).used_up_in(20.0, 60.0),
    leaf("grocery/snacks", ["Granola", "Almond Mix", "Dark Chocolate", "Oat Biscuits", "Fruit Bars", "Crackers"], 5.0, 0.30, 0.004).used_up_in(10.0, 35.0),
    leaf("home/lighting", ["Desk Lamp", "Lantern", "Floor Lamp", "String Lights", "Pendant", "Night Light"], 32.0, 0.50, 0.07),
    leaf("home/textiles", ["Throw", "Cushion", "Curtain", "Bed Linen", "Rug", "Bath Towel"], 28.0, 0.50, 0.11),
    leaf("home/storage", ["Basket", "Shelf", "Hook Rail", "Storage Box", "Jar", "Coat Rack"], 18.0, 0.45, 0.05),
    leaf("garden/tools", ["Trowel", "Secateurs", "Watering Can", "Rake", "Gloves", "Hand Fork"], 16.0, 0.40, 0.03),
    leaf("garden/plants", ["Lavender", "Fern", "Herb Set", "Rose Bush", "Succulent", "Olive Tree"], 13.0, 0.45, 0.02).goes_with("garden/tools"),
    leaf("garden/furniture", ["Bench", "Deck Chair", "Bistro Table", "Hammock", "Parasol", "Planter"], 85.0, 0.40, 0.08),
    leaf("beauty/skin-care", ["Day Cream", "Face Wash", "Serum", "Night Cream", "Toner", "Sun Lotion"], 19.0, 0.55, 0.03).used_up_in(30.0, 75.0),
    leaf("beauty/hair-care", ["Shampoo", "Conditioner", "Hair Oil", "Hair Mask", "Styling Wax", "Dry Shampoo"], 12.0, 0.50, 0.02).used_up_in(25.0, 70.0),
    leaf("beauty/fragrance", ["Eau de Parfum", "Cologne", "Body Mist", "Scented Candle", "Room Spray", "Bath Salts"], 42.0, 0.60, 0.05),
    leaf("pets/food", ["Dry Food", "Wet Food", "Puppy Food", "Cat Treats", "Dog Treats", "Bird Seed"], 17.0, 0.25, 0.006).used_up_in(14.0, 40.0).goes_with("pets/toys"),
    leaf("pets/toys", ["Chew Ring", "Rope Toy", "Feather Wand", "Squeaky Ball", "Puzzle Feeder", "Catnip Mouse"], 8.0, 0.50, 0.03),
    leaf("pets/beds", ["Dog Bed", "Cat Cave", "Blanket", "Travel Crate", "Scratching Post", "Window Perch"], 39.0, 0.45, 0.07),
    leaf("sport/running", ["Running Shoes", "Running Cap", "Race Belt", "Windbreaker", "Compression Socks", "Reflective Vest"], 48.0, 0.45, 0.13),
    leaf("sport/yoga", ["Yoga Mat", "Yoga Block", "Strap", "Bolster", "Leggings", "Meditation Cushion"], 27.0, 0.50, 0.06).goes_with("beauty/skin-care"),
    leaf("sport/camping", ["Tent", "Sleeping Bag", "Camping Stove", "Rucksack", "Head Torch", "Water Bottle"], 62.0, 0.40, 0.06).goes_with("home/lighting"),
    leaf("office/paper", ["Notebook", "Printer Paper", "Sketch Pad", "Sticky Notes", "Envelopes", "Planner"], 6.0, 0.40, 0.01).used_up_in(30.0, 90.0),
    leaf("office/pens", ["Fountain Pen", "Fineliner", "Pencil Set", "Highlighter", "Ink Refill", "Marker Set"], 9.0, 0.50, 0.02).goes_with("office/paper"),
    leaf("office/desk", ["Monitor Stand", "Desk Mat", "Pen Pot", "Letter Tray", "Footrest", "Book End"], 24.0, 0.45, 0.05).goes_with("office/pens"),
    leaf("kids/toys", ["Building Blocks", "Wooden Train", "Puzzle", "Play Kitchen", "Spinning Top", "Doll House"], 23.0, 0.45, 0.05).goes_with("kids/books"),
    leaf("kids/books", ["Picture Book", "Bedtime Stories", "Atlas", "Colouring Book", "Animal Stories", "Riddle Book"], 10.0, 0.35, 0.02),
    leaf("kids/clothing", ["Rain Jacket", "Pyjamas", "Dungarees", "Woolly Hat", "Sun Hat", "Jumper"], 21.0, 0.50, 0.12),
];

/// Names of series: what tells one whisk from the next.
pub(super) const SERIES: [&str; 20] = [
    "Amber", "Birch", "Coastal", "Dune", "Ember", "Fjord", "Golden", "Harbour", "Indigo", "Juniper",
    "Kestrel", "Linden", "Meadow", "Nordic", "Orchard", "Pebble", "Quartz", "Rowan", "Saffron", "Willow",
];

/// Grades within a series, cheapest first: the substitutes of one another.
pub(super) const GRADES: [&str; 4] = ["", " Plus", " Select", " Reserve"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_are_distinct_two_level_paths_and_partners_exist() {
        let paths: std::collections::BTreeSet<_> = LEAVES.iter().map(|leaf| leaf.path).collect();
        assert_eq!(paths.len(), LEAVES.len());
        for leaf in &LEAVES {
            assert_eq!(leaf.path.split('/').count(), 2, "{}", leaf.path);
            assert!(
                leaf.complements
                    .is_none_or(|other| other != leaf.path && paths.contains(other))
            );
            assert!((0.0..0.7).contains(&leaf.margin) && leaf.price > 0.0);
        }
    }
}
