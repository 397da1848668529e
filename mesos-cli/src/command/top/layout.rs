//! Where the parts of the view are. Pure.

use ratatui::layout::Rect;

/// A part of the view with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Agents,
    Tasks,
    Frameworks,
    Roles,
    Events,
}

impl Slot {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 5] = [
        Self::Agents,
        Self::Tasks,
        Self::Frameworks,
        Self::Roles,
        Self::Events,
    ];

    /// The slot `by` positions later, in a circle.
    pub(super) fn moved(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        Self::ALL[(self as isize + by).rem_euclid(count) as usize]
    }
}

/// The areas of the screen. An area without a place has no lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) title: Rect,
    /// The resources of the whole cluster.
    pub(super) totals: Rect,
    /// What lies between totals and footer, for the panes, the logs or the help.
    pub(super) body: Rect,
    pub(super) panes: Vec<(Slot, Rect)>,
    pub(super) footer: Rect,
}

/// Two resources share a line from this width on.
const TWO_TOTALS: u16 = 90;
/// The frameworks and roles have a column of their own from this width on.
const WIDE: u16 = 150;
/// Fewer lines are for one pane only.
const SEVERAL: u16 = 14;

/// The number of resources on one line.
pub(super) fn totals_per_line(width: u16) -> u16 {
    match width {
        TWO_TOTALS.. => 2,
        _ => 1,
    }
}

/// Divides the screen. `resources` is the number of resources of the cluster, and `agents` that of
/// its agents.
pub(super) fn areas(screen: Rect, focus: Slot, resources: u16, agents: usize) -> Areas {
    let mut rest = screen;
    let title = cut(&mut rest, 1);
    let lines = resources.div_ceil(totals_per_line(screen.width));
    // The panes are more important than the totals.
    let totals = match rest.height {
        height if height >= lines + 8 => cut(&mut rest, lines),
        _ => cut(&mut rest, 0),
    };
    let body_height = match rest.height {
        0..=3 => rest.height,
        height => height - 1,
    };
    let body = cut(&mut rest, body_height);
    Areas {
        title,
        totals,
        body,
        panes: panes(body, focus, agents),
        footer: rest,
    }
}

fn panes(mut body: Rect, focus: Slot, agents: usize) -> Vec<(Slot, Rect)> {
    if body.height < SEVERAL {
        return vec![(focus, body)];
    }
    let mut panes = Vec::new();
    let wide = body.width >= WIDE;
    if wide {
        let width = body.width / 3;
        let mut side = Rect {
            x: body.right() - width,
            width,
            ..body
        };
        // One column stays empty.
        body.width -= width + 1;
        let half = side.height / 2;
        panes.push((Slot::Frameworks, cut(&mut side, half)));
        panes.push((Slot::Roles, side));
    }
    let first = match focus {
        Slot::Frameworks | Slot::Roles if !wide => focus,
        _ => Slot::Agents,
    };
    let events = (body.height / 5).clamp(4, 8);
    // Its title, the names of its columns, and its rows.
    let wanted = match first {
        Slot::Agents => u16::try_from(agents).unwrap_or(u16::MAX).saturating_add(2),
        _ => u16::MAX,
    };
    let most = (body.height - events) / 2;
    panes.insert(0, (first, cut(&mut body, wanted.clamp(4, most.max(4)))));
    let tasks = body.height - events;
    panes.insert(1, (Slot::Tasks, cut(&mut body, tasks)));
    panes.push((Slot::Events, body));
    panes
}

/// Cuts lines off the top of an area.
fn cut(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    let top = Rect {
        height: lines,
        ..*area
    };
    area.y += lines;
    area.height -= lines;
    top
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All areas that the view draws.
    fn drawn(areas: &Areas) -> Vec<Rect> {
        let mut all = vec![areas.title, areas.totals, areas.footer];
        all.extend(areas.panes.iter().map(|(_, area)| *area));
        all
    }

    #[test]
    fn areas_never_overlap_and_never_leave_the_screen() {
        for width in [0, 1, 20, 80, 149, 150, 300] {
            for height in 0..60 {
                for focus in Slot::ALL {
                    for agents in [0, 3, 10_000] {
                        let screen = Rect::new(0, 0, width, height);
                        let areas = drawn(&areas(screen, focus, 4, agents));
                        for (index, area) in areas.iter().enumerate() {
                            assert_eq!(area.intersection(screen).area(), area.area());
                            for other in &areas[index + 1..] {
                                let both = area.intersection(*other).area();
                                assert_eq!(both, 0, "{width}x{height}: {area} {other}");
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_pane_with_the_focus_is_always_visible() {
        for (width, height) in [(20, 3), (20, 10), (80, 24), (200, 50)] {
            for focus in Slot::ALL {
                let areas = areas(Rect::new(0, 0, width, height), focus, 3, 2);
                let area = areas.panes.iter().find(|(slot, _)| *slot == focus);
                assert!(area.unwrap().1.height > 0, "{focus:?} on {width}x{height}");
            }
        }
    }

    #[test]
    fn a_large_screen_has_all_panes_and_a_small_one_only_one() {
        let count = |width, height| {
            let screen = Rect::new(0, 0, width, height);
            areas(screen, Slot::Agents, 3, 2).panes.len()
        };
        assert_eq!(count(200, 50), 5);
        assert_eq!(count(80, 24), 3);
        assert_eq!(count(80, 12), 1);
    }

    #[test]
    fn the_order_of_the_slots_is_a_circle() {
        assert_eq!(Slot::Agents.moved(1), Slot::Tasks);
        assert_eq!(Slot::Events.moved(1), Slot::Agents);
        assert_eq!(Slot::Agents.moved(-1), Slot::Events);
    }
}
