//! Hints for constraints whose names or values are in none of the offers.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use crate::fields::value;
use crate::index::Index;
use crate::near::near;
use crate::{Constraint, Field};

/// How many names are compared in one round. Each takes about a microsecond.
const COMPARED: usize = 50_000;

/// The hints of a round. They do not depend on the request.
pub(crate) struct Hints<'a> {
    offers: &'a Index<'a>,
    known: HashMap<Constraint, Option<String>>,
    values: HashMap<Field, Rc<BTreeSet<Cow<'a, str>>>>,
    names: Option<Rc<BTreeSet<&'a str>>>,
    /// How many names can still be compared.
    left: usize,
}

impl<'a> Hints<'a> {
    pub(crate) fn new(offers: &'a Index<'a>) -> Hints<'a> {
        Hints {
            offers,
            known: HashMap::new(),
            values: HashMap::new(),
            names: None,
            left: COMPARED,
        }
    }

    /// The hint for a constraint, if there is one.
    pub(crate) fn of(&mut self, constraint: &Constraint) -> Option<String> {
        if let Some(known) = self.known.get(constraint) {
            return known.clone();
        }
        let hint = self.find(constraint);
        self.known.insert(constraint.clone(), hint.clone());
        hint
    }

    fn find(&mut self, constraint: &Constraint) -> Option<String> {
        let field = constraint.field()?;
        let values = self.values(field);
        if let (Field::Attribute(name), true) = (field, values.is_empty()) {
            let names = self.names();
            return Some(match self.near(name, &names).as_slice() {
                [] => format!("no agent has an attribute {name}"),
                similar => format!(
                    "no agent has an attribute {name}; similar names: {}",
                    similar.join(", ")
                ),
            });
        }
        let Constraint::Is { value, .. } = constraint else {
            return None;
        };
        if values.contains(value.as_str()) {
            return None;
        }
        match self.near(value, &values).as_slice() {
            [] => None,
            similar => Some(format!("similar values: {}", similar.join(", "))),
        }
    }

    fn near<'n, N: AsRef<str>>(&mut self, name: &str, names: &'n BTreeSet<N>) -> Vec<&'n str> {
        match self.left.checked_sub(names.len()) {
            Some(left) => {
                self.left = left;
                near(name, names.iter().map(AsRef::as_ref))
            }
            None => Vec::new(),
        }
    }

    fn values(&mut self, field: &Field) -> Rc<BTreeSet<Cow<'a, str>>> {
        if let Some(values) = self.values.get(field) {
            return Rc::clone(values);
        }
        let offers = self.offers.offers().iter();
        let values: BTreeSet<_> = offers.filter_map(|offer| value(offer, field)).collect();
        let values = Rc::new(values);
        self.values.insert(field.clone(), Rc::clone(&values));
        values
    }

    /// The names of all attributes.
    fn names(&mut self) -> Rc<BTreeSet<&'a str>> {
        let offers = self.offers.offers();
        let names = self.names.get_or_insert_with(|| {
            let attributes = offers.iter().flat_map(|offer| &offer.attributes);
            Rc::new(
                attributes
                    .map(|attribute| attribute.name.as_str())
                    .collect(),
            )
        });
        Rc::clone(names)
    }
}
