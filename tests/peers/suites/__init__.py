"""The suites by name, in the order in which they run. Each has `about`, `fixtures`, `load` and `tables`."""

from .github import GitHub
from .gitlab import GitLab, GitLabCommits, GitLabNotes
from .jira import Jira, JiraEpics, JiraDueDate, JiraSprints

ALL = {
    "github": GitHub(),
    "gitlab": GitLab(),
    "gitlab-commits": GitLabCommits(),
    "gitlab-notes": GitLabNotes(),
    "jira": Jira(),
    "jira-due-date": JiraDueDate(),
    "jira-epics": JiraEpics(),
    "jira-sprints": JiraSprints(),
}
