/*
 * Lists the users without a second factor. Never writes; runs only when a person asks for names on their own machine,
 * and waits for the realm longer than an observation does. Left out are the account that asks, users whom the realm
 * does not know, and exempt users. Input: most (how many names at most); groups (the enforced ones, none: everyone),
 * exempt (groups), plugin (its name, or absent). Returns users (ids, sorted) and more (how many were left out).
 */
import hudson.model.User
import java.util.concurrent.atomic.AtomicBoolean
import jenkins.model.Jenkins

// include gate/page.groovy

// include gate/plugin.groovy

// include premium.groovy

// include gate/mini_orange.groovy

// include gate/open_mfa.groovy

// include filters.groovy

// include observation.groovy

def found = new Observation(input).notEnrolled(60_000)
return [ok: true, users: found.take(input.most), more: Math.max(0, found.size() - input.most)]
