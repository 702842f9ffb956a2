"""The pages that people see: the demo article, the moderators' console, the reference; static files and no build step."""
