/*
 * One observation of 2FA in this Jenkins. Never writes. Input and answer: see Observation below.
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

return new Observation(input).take()
