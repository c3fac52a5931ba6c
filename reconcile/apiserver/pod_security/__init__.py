"""The Pod Security Standards: levels by namespace labels, and the checks of each level and version. Pure.

labels ──▶ levels.policy_of ──▶ Policy (enforce, audit, warn) ──▶ evaluation.findings(level, pod) ──▶ text
"""
