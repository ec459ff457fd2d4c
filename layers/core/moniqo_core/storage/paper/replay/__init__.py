"""Stored journals as a replay reads them, and how they are compared with what it recomputes."""
