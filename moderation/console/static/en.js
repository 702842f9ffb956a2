// English. `{n}` and other facts are filled in; `.one` is the sentence for exactly one.
export default {
  title: "Moderation", "try_again": "Try again", close: "Close", cancel: "Cancel", none: "none", you: "you", loading: "…", skip: "Skip to the content",
  a_key: "a key", a_colleague: "a colleague", save: "Save", add: "Add", remove: "Remove", saved: "Saved.", yes: "yes", no: "no",
  nav: "Pages", "nav.queue": "Queue", "nav.search": "Search", "nav.comment": "Comment", "nav.author": "Author", "nav.figures": "Figures", "nav.models": "Models", "nav.admin": "Admin", "nav.account": "Account",
  "page.wrong": "This page could not be loaded.", "start.offline": "The service cannot be reached. Is it running?",
  "line.lost": "No connection. Trying again …", "line.lost_with": "No connection. {n} decisions are kept here and sent as soon as it is back.", "line.lost_with.one": "No connection. 1 decision is kept here and sent as soon as it is back.", "line.back": "The connection is back.",

  sign_in: "Sign in", sign_out: "Sign out", email: "E-mail", password: "Password", code: "Code", "code.hint": "Six digits from your authenticator; leave it empty if you have none.",
  "sign_in.wrong": "E-mail, password or code is wrong.", "sign_in.wait": "Too many attempts. Try again in {n} minutes.", "sign_in.wait.one": "Too many attempts. Try again in a minute.",
  "sign_in.insecure": "Signing in cannot work here: over plain http the browser does not keep the session. Open this page over https, or on the machine itself as http://localhost.",
  "sign_in.again": "Your session has ended", "sign_in.kept": "Sign in again to go on. Nothing you typed or decided is lost.",
  invitation: "Choose your password", "invitation.set": "Set the password", "invitation.ended": "This link was used already, or it is older than three days. Ask an admin for a new one.",
  "password.new": "New password", "password.hint": "12 to 128 characters; a few words in a row are fine.",

  "queue.title": "Queue", "queue.filters": "Filters", "queue.list": "Waiting cases", "queue.case": "Case in focus", "queue.no_site": "There is no site yet that you work for. An admin adds one.",
  "queue.all": "All", "queue.escalated": "Escalated", "queue.thread": "Article", "queue.every_thread": "Every article", "queue.sort": "Order", "sort.priority": "Most urgent first", "sort.oldest": "Oldest first", "sort.newest": "Newest first",
  "queue.count": "{n} waiting", "queue.count.about": "Waiting", "queue.more": "More", "queue.mark": "Select the comment of {name}", "queue.marked": "{n} selected", "queue.unmark": "Clear",
  "queue.empty": "Nothing waits.", "queue.empty_hint": "New cases appear here by themselves.", "queue.empty_filter": "Nothing waits under this filter.", "queue.empty_filter_hint": "Other cases may wait.",
  "queue.wrong": "The queue could not be loaded.", "queue.none_free": "Colleagues are looking at every other case. They come back here if nobody decides them.", "queue.position": "{at} of {n}", "queue.to_list": "List", "queue.decided_by": "{name} {what} this one just now.",
  pace: "{today} today · {rate} a minute",

  "case.no_name": "(no name)", "case.text": "Text of the comment", "case.held_because": "Held:", "case.no_reason": "no check spoke against it", "case.escalated": "Passed on:", "case.under": "Under", "case.answers": "In answer to {name}:",
  "case.edits": "edited {n} times", "case.edits.one": "edited once", "case.reports": "{n} reports", "case.reports.one": "1 report", "case.mine": "yours for now", "case.held": "{name} is looking at it",
  "case.signals": "What the checks saw", "case.nothing_seen": "No check spoke against it.", "case.all_signals": "Everything else that was looked at ({n})", "case.model_score": "score of the model", "case.given_by": "Model {models} · policy {policy} · language {lang}",
  "case.author": "Author", "case.record": "{approved} approved, {rejected} rejected, {pending} waiting", "case.first": "First comment of this author.", "case.website": "Website:", "case.by": "by {name} {reason}",
  "case.similar": "{n} more like this", "case.similar.one": "1 more like this", "case.together": "Decide all {n} with this one", "case.together.one": "Decide it with this one", "case.show_similar": "Show them",
  "case.show_text": "Show the text", "case.reads_as": "How it reads without disguises", "case.translate": "In another language? The browser's own translation works on this page.",
  "case.decided": "{name} {what} it{reason}", "case.machine": "{status}, decided by the checks",
  "text.moved": "{attribute} {weight}", "text.hidden": "A character nobody sees",

  "act.decide": "Decide", "act.approve": "Approve", "act.reject": "Reject", "act.reject_hint": "then a reason", "act.undo": "Undo", "act.skip": "Skip", "act.escalate": "Escalate", "act.claim": "Claim", "act.learn": "Learn from it", "act.why": "Reject: why?", "act.note": "Note (optional)", "act.escalate_why": "Why should somebody else look?",
  "teaches.spam": "teaches: spam", "teaches.toxic": "teaches: toxic", "teaches.not_spam": "teaches: not spam, not toxic", "teaches.nothing": "teaches nothing", "learn.on": "The models learn from this decision.", "learn.off": "The models learn nothing from this decision.",
  "decided.approve": "{n} approved", "decided.approve.one": "Approved", "decided.reject": "{n} rejected: {reason}", "decided.reject.one": "Rejected: {reason}",
  "decided.refused": "Not carried out: {detail}", "decided.faster": "{name} was faster: {what} {ago}.", "decided.faster.some": "Colleagues had decided {n} of them already.", "decided.faster.some.one": "A colleague had decided one of them already.", "decided.taken": "{name} holds this case just now.",
  "undo.nothing": "There is nothing to take back.", "undo.done": "{n} decisions taken back.", "undo.done.one": "Taken back.", "undo.refused": "Not taken back: {detail}",
  "claim.done": "Yours for 15 minutes.", "escalate.done": "Passed on.", "escalate.offline": "Not passed on: there is no connection. Your note is still here.",

  "keys.title": "Keyboard", "keys.switch": "Single-key shortcuts are on", "keys.next": "next case", "keys.previous": "previous case", "keys.approve": "approve", "keys.reject": "reject, then choose why", "keys.reason": "the reason", "keys.undo": "take the last decision back", "keys.skip": "skip, leave it to others", "keys.escalate": "escalate with a note", "keys.claim": "claim for 15 minutes", "keys.select": "select for bulk", "keys.learn": "learn from it, or not", "keys.similar": "decide similar ones together", "keys.reveal": "show or blur the text", "keys.single": "one case alone, or with the list", "keys.search": "search", "keys.help": "this list",

  "search.label": "Search all comments", "search.placeholder": "Search  /",

  "status.approved": "approved", "status.pending": "waiting", "status.rejected": "rejected", "did.approve": "approved", "did.reject": "rejected",
  "mark.trusted": "trusted", "mark.watched": "watched", "mark.blocked": "blocked", "channel.api": "by the site", "channel.form": "by the form", "channel.batch": "in a batch", "channel.akismet": "by Akismet client", "channel.import": "imported",
  "decision.spam": "Spam", "decision.toxic": "Toxic", "decision.off_topic": "Off topic", "decision.personal_data": "Personal data", "decision.illegal": "Illegal", "decision.other": "Other",
  "reason.spam": "spam", "reason.toxicity": "toxicity", "reason.links": "links", "reason.honeypot": "honeypot", "reason.too_fast": "too fast", "reason.blocked_word": "blocked word", "reason.suspect_word": "suspect word", "reason.repeated_text": "repeated text", "reason.campaign": "campaign", "reason.velocity": "too many", "reason.first_comment": "first comment", "reason.watched_author": "watched author", "reason.blocked_author": "blocked author", "reason.disposable_email": "throwaway e-mail", "reason.name_abuse": "name", "reason.missing_field": "missing field", "reason.unsupported_language": "unknown language", "reason.unscored": "not scored", "reason.edited": "edited", "reason.reported": "reported",
  "signal.spam": "Spam", "signal.toxicity": "Toxicity", "signal.links": "Links", "signal.honeypot": "Honeypot", "signal.form_speed": "Form speed", "signal.blocked_words": "Blocked words", "signal.suspect_words": "Suspect words", "signal.repeated_text": "Repeated text", "signal.campaign": "Campaign", "signal.velocity": "Velocity", "signal.author": "Author", "signal.first_comment": "First comment", "signal.name": "Name", "signal.disposable_email": "E-mail", "signal.missing_field": "Fields", "signal.edited": "Edits", "signal.language": "Language", "signal.models": "Models", "signal.checks": "Checks",
  "score.spam": "Spam", "score.toxicity": "Toxicity", "score.severe_toxicity": "Severe toxicity", "score.profanity": "Profanity", "score.threat": "Threat", "score.insult": "Insult", "score.identity_attack": "Identity attack",
};
