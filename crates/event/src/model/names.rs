//! From a name to its row: a small hash table for each set of names, built once.
//!
//! Invariant: a hit is always an equal string; the hash only picks where to look first.
//! Deliberately absent: growth. The sets are constants, far smaller than the table.

use std::sync::LazyLock;

use super::{Entity, EventType, TYPES, Table, fields};

const SLOTS_LEN: usize = 256;

static TYPE_NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names::new();
    for (index, kind) in TYPES.iter().enumerate() {
        names.insert(kind.name, index);
    }
    names
});

static FIELD_NAMES: LazyLock<[Names; Entity::ALL.len()]> = LazyLock::new(|| {
    Entity::ALL.map(|entity| {
        let mut names = Names::new();
        for (slot, field) in fields(entity.table()).iter().enumerate() {
            if field.belongs_to(entity) && !field.name.is_empty() {
                names.insert(field.name, slot);
                field.alias.into_iter().for_each(|alias| names.insert(alias, slot));
            }
        }
        names
    })
});

static BY_COLUMN: LazyLock<[Vec<usize>; Table::ALL.len()]> = LazyLock::new(|| {
    Table::ALL.map(|table| {
        let mut slots: Vec<usize> = (0..fields(table).len()).collect();
        slots.sort_unstable_by_key(|&slot| fields(table)[slot].column);
        slots
    })
});

/// The places of `table`'s fields, by the names of their columns: an order that new columns do not disturb.
pub(crate) fn slots_by_column(table: Table) -> &'static [usize] {
    &BY_COLUMN[table as usize]
}

/// The event type of a short name.
pub(crate) fn type_of(name: &str) -> Option<&'static EventType> {
    TYPE_NAMES.get(name).map(|index| &TYPES[index])
}

/// The place of the data field `name` among the fields of `entity`'s table.
pub(crate) fn slot_of(entity: Entity, name: &str) -> Option<usize> {
    FIELD_NAMES[entity as usize].get(name)
}

/// Open addressing over a byte per slot: 0 is free, n + 1 is `entries[n]`.
struct Names {
    slots: [u8; SLOTS_LEN],
    entries: Vec<(&'static str, usize)>,
}

impl Names {
    fn new() -> Self {
        Names { slots: [0; SLOTS_LEN], entries: Vec::new() }
    }

    fn insert(&mut self, name: &'static str, value: usize) {
        assert!(self.get(name).is_none(), "`{name}` is listed twice");
        assert!(self.entries.len() < SLOTS_LEN / 2, "too many names for a table of {SLOTS_LEN}");
        let mut slot = hash(name);
        while self.slots[slot] != 0 {
            slot = (slot + 1) % SLOTS_LEN;
        }
        self.entries.push((name, value));
        self.slots[slot] = self.entries.len() as u8;
    }

    fn get(&self, name: &str) -> Option<usize> {
        let mut slot = hash(name);
        while self.slots[slot] != 0 {
            let (entry, value) = self.entries[usize::from(self.slots[slot]) - 1];
            if entry == name {
                return Some(value);
            }
            slot = (slot + 1) % SLOTS_LEN;
        }
        None
    }
}

/// Length, first, middle and last byte tell almost all of our names apart.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let at = |index: usize| bytes.get(index).copied().map_or(0, usize::from);
    let len = bytes.len();
    let mixed = len.wrapping_mul(59) ^ at(0).wrapping_mul(7) ^ at(len / 2).wrapping_mul(31);
    mixed.wrapping_add(at(len.wrapping_sub(1)).wrapping_mul(13)) % SLOTS_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_name_and_no_other() {
        for kind in &TYPES {
            assert_eq!(type_of(kind.name).unwrap().name, kind.name);
            let fields = fields(kind.entity.table());
            for name in kind.required.iter().chain(kind.one_of).copied().chain([kind.entity.id_field()]) {
                let slot = slot_of(kind.entity, name).unwrap();
                assert_eq!(fields[slot].name, name, "{}", kind.name);
            }
        }
        assert!(type_of("").is_none());
        assert!(type_of("change.open").is_none());
        assert!(slot_of(Entity::Commit, "verdict").is_none());
        assert!(slot_of(Entity::Commit, "author_name").is_none());
    }
}
