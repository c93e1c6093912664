"""Every headline metric by name: its columns, of which the first `labels` name a row, and its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .delegation_metrics import assignee_load, delegation_balance
from .organisation import Organisation
from .plan_metrics import goal_hygiene, milestone_drift
from .review_metrics import review_concentration, review_load, reviewer_load


@dataclass(frozen=True)
class Metric:
    columns: list[str]
    rows: Callable[[Organisation], list[list[Any]]]


METRICS = {
    rows.__name__: Metric(columns.split(), rows)
    for rows, columns in (
        (review_load, "team open_reviews reviewers open_per_reviewer top_share overloaded_reviewers"),
        (reviewer_load, "team reviewer open_reviews weighted_hours relative_load oldest_age_hours overloaded"),
        (
            review_concentration,
            "team reviewers reviews gini gini_corrected hhi effective_reviewers evenness top20_share",
        ),
        (
            milestone_drift,
            "project milestone title state baseline_on due_on slip_days slip_working_days slip_rate replans"
            " replans_after_due",
        ),
        (
            delegation_balance,
            "team people open_tickets open_points gini hhi effective_owners top_share lead_critical_share",
        ),
        (assignee_load, "team assignee open_tickets open_points load_ratio oldest_age_hours"),
        (goal_hygiene, "kind open with_single_owner with_due_date with_both share"),
    )
}
