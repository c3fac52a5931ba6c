"""ValidatingAdmissionPolicy and MutatingAdmissionPolicy: expressions instead of webhooks."""
