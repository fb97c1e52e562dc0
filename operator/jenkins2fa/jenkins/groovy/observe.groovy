/*
 * One look at 2FA in this Jenkins. Never writes. Input and answer: see Observation below.
 */
import hudson.model.User
import jenkins.model.Jenkins

// include premium.groovy

// include layers.groovy

// include filters.groovy

// include observation.groovy

return new Observation(input).take()
