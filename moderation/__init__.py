"""Comment moderation: take comments in, score them with reasons, let moderators decide, tell the site."""
