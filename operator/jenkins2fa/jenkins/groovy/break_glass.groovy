/*
 * 2FA off until a time. Input: until (epoch milliseconds), reason, longest (milliseconds), keep (whether our start-up file may be written); or until = null to end it now.
 * Answers with until (null: this reason is spent) or closed.
 */
if (input.until == null) return [ok: true, closed: code.breakGlass.close()]
return [ok: true, until: code.breakGlass.open(input.until as long, input.reason, input.longest as long, input.keep ? code.source : null)]
