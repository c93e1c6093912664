"""The headline metrics in the plainest way: events in order, one object per thing, then counting.

Written from the definitions and not from the SQL. It has no incremental engine, no indices and no
parameters: defaults only. Standard library only.
"""
