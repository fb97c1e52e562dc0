/*
 * Removes the second factor of one user, or says what that needs. Input: user (id), perform (false: look only).
 * Answer: as of FactorReset.answer.
 */
return [ok: true] + code.factorReset.answer(input.user, input.perform)
