"""Numbered changes of the database that a release needs, and whether they have run.

``moniqo-admin migrate`` runs them in the order of their numbers. Each may be killed at any moment and run again, and
several processes may run it at once. The release before must work on a database on which it has run.
"""
