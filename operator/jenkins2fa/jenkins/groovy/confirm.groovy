/*
 * Ends a trial. Input: id; keep (true: confirm; false: undo now).
 * Answers with outcome: Confirmed, Expired, Overtaken, Unknown, or Undone.
 */
if (input.keep) return [ok: true, outcome: code.trial.confirm(input.id)]
return [ok: true, outcome: code.trial.end(input.id, 'cancelled') ? 'Undone' : 'Unknown']
