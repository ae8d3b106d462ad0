"""Pages: thin views that ask querysets and rules, call services, and let templates speak."""
