//! An ordered map of cells that is cheap to copy: copies share what did not change.
//!
//! A tree of nodes of at most [`NODE_ENTRIES_MAX`] entries, all leaves at one depth. Guarantee: copying is one
//! pointer; a change copies the nodes on one path at most, and none when nobody else holds them. Nodes that lose all
//! entries go, others are not joined again, so that look-ups stay within the depth of the largest map that it ever
//! was.

use super::cells::Cell;
use super::key::Key;
use super::limits::NODE_ENTRIES_MAX;
use std::sync::Arc;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(crate) struct CellMap {
    root: Option<Arc<Node>>,
    len: usize,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf(Vec<(Key, Arc<Cell>)>),
    /// Height above the leaves, and for each child the smallest key that it may hold.
    Inner(u32, Vec<(Key, Arc<Node>)>),
}

/// What a change did to the node below.
enum Grown {
    No,
    /// The upper half, with its first key.
    Split(Key, Node),
}

/// What stands under a key while it is changed.
enum Slot<'a> {
    Cell(&'a mut Arc<Cell>),
    Empty(&'a mut Option<Arc<Cell>>),
}

/// A cell before a change; `None` where there was none.
pub(crate) type Before = Option<Arc<Cell>>;

impl CellMap {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Arc<Cell>> {
        let mut node = self.root.as_ref()?;
        loop {
            match node.as_ref() {
                Node::Leaf(cells) => {
                    let at = cells.binary_search_by(|(own, _)| own.cmp(key)).ok()?;
                    return cells.get(at).map(|(_, cell)| cell);
                }
                Node::Inner(_, children) => node = &children.get(child_of(children, key))?.1,
            }
        }
    }

    /// Joins a cell into the one under `key`, which goes when nothing is left of it.
    pub(crate) fn join(&mut self, key: Key, unit: Cell) {
        self.change(key, |slot| match slot {
            Slot::Cell(cell) => {
                Arc::make_mut(cell).join(unit);
                !cell.is_empty()
            }
            Slot::Empty(slot) => {
                *slot = Some(Arc::new(unit));
                true
            }
        });
    }

    /// Puts back what stood under `key` before.
    pub(crate) fn put_back(&mut self, key: Key, before: Before) {
        self.change(key, |slot| match (slot, before) {
            (Slot::Cell(cell), Some(before)) => {
                *cell = before;
                true
            }
            (Slot::Cell(_), None) => false,
            (Slot::Empty(slot), before) => {
                *slot = before;
                slot.is_some()
            }
        });
    }

    /// Changes what stands under `key`. The closure is given the cell, or an empty slot that it may fill, and says
    /// whether a cell stands there afterwards.
    fn change(&mut self, key: Key, change: impl FnOnce(Slot<'_>) -> bool) {
        let root = self.root.get_or_insert_with(|| Arc::new(Node::Leaf(Vec::new())));
        let mut delta = 0;
        let grown = Arc::make_mut(root).change(key, change, &mut delta);
        self.len = self.len.saturating_add_signed(delta);
        if let Grown::Split(first, upper) = grown {
            let (height, least) = (root.height() + 1, root.least());
            let children = vec![(least.unwrap_or_else(|| first.clone()), Arc::clone(root)), (first, Arc::new(upper))];
            *root = Arc::new(Node::Inner(height, children));
        }
        if self.len == 0 {
            self.root = None;
        }
    }

    /// Cells in the order of their keys, from the first key that is not before `from`.
    pub(crate) fn iter_from<'a>(&'a self, from: &[u8]) -> Iter<'a> {
        let mut iter = Iter { stack: Vec::new() };
        let mut next = self.root.as_deref();
        while let Some(node) = next.take() {
            match node {
                Node::Leaf(cells) => {
                    let at = cells.partition_point(|(key, _)| key.bytes() < from);
                    iter.stack.push((node, at));
                }
                Node::Inner(_, children) => {
                    let at = children.partition_point(|(key, _)| key.bytes() <= from).saturating_sub(1);
                    iter.stack.push((node, at + 1));
                    next = children.get(at).map(|(_, child)| child.as_ref());
                }
            }
        }
        iter
    }

    /// All cells, in the order of their keys.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.iter_from(&[])
    }

    /// What differs from this map to `other`: key, cell here, cell there, in the order of keys. What both share is not
    /// looked at.
    pub(crate) fn differences<'a>(
        &'a self,
        other: &'a Self,
        mut each: impl FnMut(&'a Key, Option<&'a Cell>, Option<&'a Cell>),
    ) {
        let mut mine: Vec<Item<'a>> = self.root.iter().map(Item::Node).collect();
        let mut theirs: Vec<Item<'a>> = other.root.iter().map(Item::Node).collect();
        loop {
            match (mine.last().copied(), theirs.last().copied()) {
                (None, None) => return,
                (Some(Item::Node(a)), Some(Item::Node(b))) if Arc::ptr_eq(a, b) => {
                    mine.pop();
                    theirs.pop();
                }
                (Some(Item::Node(a)), Some(Item::Node(b))) if a.height() < b.height() => open(&mut theirs),
                (Some(Item::Node(_)), _) => open(&mut mine),
                (_, Some(Item::Node(_))) => open(&mut theirs),
                (Some(Item::Cell(key, a)), Some(Item::Cell(other_key, b))) if key == other_key => {
                    if !Arc::ptr_eq(a, b) && a != b {
                        each(key, Some(a), Some(b));
                    }
                    mine.pop();
                    theirs.pop();
                }
                (Some(Item::Cell(key, a)), rest) if !matches!(rest, Some(Item::Cell(other, _)) if other < key) => {
                    each(key, Some(a), None);
                    mine.pop();
                }
                (_, Some(Item::Cell(key, b))) => {
                    each(key, None, Some(b));
                    theirs.pop();
                }
                (Some(Item::Cell(key, a)), None) => {
                    each(key, Some(a), None);
                    mine.pop();
                }
            }
        }
    }
}

impl Node {
    fn height(&self) -> u32 {
        match self {
            Self::Leaf(_) => 0,
            Self::Inner(height, _) => *height,
        }
    }

    fn least(&self) -> Option<Key> {
        match self {
            Self::Leaf(cells) => cells.first().map(|(key, _)| key.clone()),
            Self::Inner(_, children) => children.first().map(|(key, _)| key.clone()),
        }
    }

    fn change(&mut self, key: Key, change: impl FnOnce(Slot<'_>) -> bool, delta: &mut isize) -> Grown {
        match self {
            Self::Leaf(cells) => {
                change_leaf(cells, key, change, delta);
                split(cells).map_or(Grown::No, |(first, upper)| Grown::Split(first, Self::Leaf(upper)))
            }
            Self::Inner(height, children) => {
                let at = child_of(children, &key);
                let Some((_, child)) = children.get_mut(at) else { return Grown::No };
                match Arc::make_mut(child).change(key, change, delta) {
                    Grown::Split(first, upper) => children.insert(at + 1, (first, Arc::new(upper))),
                    Grown::No if child.is_bare() => drop(children.remove(at)),
                    Grown::No => {}
                }
                split(children).map_or(Grown::No, |(first, upper)| Grown::Split(first, Self::Inner(*height, upper)))
            }
        }
    }

    fn is_bare(&self) -> bool {
        match self {
            Self::Leaf(cells) => cells.is_empty(),
            Self::Inner(_, children) => children.is_empty(),
        }
    }
}

fn change_leaf(cells: &mut Vec<(Key, Arc<Cell>)>, key: Key, change: impl FnOnce(Slot<'_>) -> bool, delta: &mut isize) {
    match cells.binary_search_by(|(own, _)| own.cmp(&key)) {
        Ok(at) => {
            let stays = cells.get_mut(at).is_some_and(|(_, cell)| change(Slot::Cell(cell)));
            if !stays {
                cells.remove(at);
                *delta -= 1;
            }
        }
        Err(at) => {
            let mut slot = None;
            if change(Slot::Empty(&mut slot))
                && let Some(cell) = slot
            {
                cells.insert(at, (key, cell));
                *delta += 1;
            }
        }
    }
}

/// The child that holds `key`, or would.
fn child_of(children: &[(Key, Arc<Node>)], key: &Key) -> usize {
    children.partition_point(|(first, _)| first <= key).saturating_sub(1)
}

/// Takes the upper half of entries that are too many.
fn split<T>(entries: &mut Vec<(Key, T)>) -> Option<(Key, Vec<(Key, T)>)> {
    if entries.len() <= NODE_ENTRIES_MAX {
        return None;
    }
    // Keys that come in order leave full nodes behind.
    let upper = entries.split_off(entries.len() / 2);
    let first = upper.first().map(|(key, _)| key.clone())?;
    Some((first, upper))
}

/// What stands next on the way through a map.
#[derive(Clone, Copy)]
enum Item<'a> {
    Node(&'a Arc<Node>),
    Cell(&'a Key, &'a Arc<Cell>),
}

/// Takes the node on top apart.
fn open(stack: &mut Vec<Item<'_>>) {
    if let Some(Item::Node(node)) = stack.pop() {
        match node.as_ref() {
            Node::Leaf(cells) => stack.extend(cells.iter().rev().map(|(key, cell)| Item::Cell(key, cell))),
            Node::Inner(_, children) => stack.extend(children.iter().rev().map(|(_, child)| Item::Node(child))),
        }
    }
}

/// See [`CellMap::iter_from`].
#[derive(Debug)]
pub(crate) struct Iter<'a> {
    stack: Vec<(&'a Node, usize)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Key, &'a Arc<Cell>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (node, at) = self.stack.last_mut()?;
            let next = *at;
            *at += 1;
            match *node {
                Node::Leaf(cells) => match cells.get(next) {
                    Some((key, cell)) => return Some((key, cell)),
                    None => drop(self.stack.pop()),
                },
                Node::Inner(_, children) => match children.get(next) {
                    Some((_, child)) => self.stack.push((child, 0)),
                    None => drop(self.stack.pop()),
                },
            }
        }
    }
}

/// Builds a map from cells that come in the order of their keys.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    leaf: Vec<(Key, Arc<Cell>)>,
    leaves: Vec<(Key, Arc<Node>)>,
    len: usize,
}

impl CellMap {
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// Adds the next cell; the caller keeps the order.
    pub(crate) fn push(&mut self, key: Key, cell: Cell) {
        self.leaf.push((key, Arc::new(cell)));
        self.len += 1;
        // Not quite full, so that the first changes split nothing.
        if self.leaf.len() >= NODE_ENTRIES_MAX * 3 / 4 {
            self.close_leaf();
        }
    }

    fn close_leaf(&mut self) {
        let leaf = std::mem::take(&mut self.leaf);
        if let Some((first, _)) = leaf.first() {
            self.leaves.push((first.clone(), Arc::new(Node::Leaf(leaf))));
        }
    }

    pub(crate) fn finish(mut self) -> CellMap {
        self.close_leaf();
        let (mut nodes, mut height) = (self.leaves, 0);
        while nodes.len() > 1 {
            height += 1;
            let children = nodes.chunks(NODE_ENTRIES_MAX * 3 / 4);
            let parent = |children: &[(Key, Arc<Node>)]| {
                let first = children.first()?.0.clone();
                Some((first, Arc::new(Node::Inner(height, children.to_vec()))))
            };
            nodes = children.filter_map(parent).collect();
        }
        CellMap { root: nodes.pop().map(|(_, node)| node), len: self.len }
    }
}
