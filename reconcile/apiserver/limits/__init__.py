"""What limit ranges and quotas compute: amounts, what a pod asks for, what an object uses. Pure."""
