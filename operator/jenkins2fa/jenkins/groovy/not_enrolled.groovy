/*
 * Names the users without a second factor. Never writes; run only when a person asks for names on his own machine.
 * Not among them: the account that asks, whom the realm does not know, and who is exempt.
 * Input: most (how many names at most); groups (the enforced ones, none: everyone), exempt (groups).
 * Returns users (ids, sorted) and more (how many were left out).
 */
import hudson.model.User

def load = { String name -> try { jenkins.model.Jenkins.get().pluginManager.uberClassLoader.loadClass(name) } catch (ClassNotFoundException absent) { null } }
def kinds = ['MoSecurityQuestionConfig', 'MoOtpOverEmailConfig'].collect { load("io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.$it") }.findAll()
def jenkins = jenkins.model.Jenkins.get(), asking = User.current()?.id
def keys = { names -> (names ?: []).collect { jenkins.securityRealm.groupIdStrategy.keyFor(it) } as Set }
def exempt = keys(input.exempt), enforced = input.groups ? keys(input.groups) : null
def isAsked = { user ->
    try {
        def groups = keys(user.impersonate2().authorities*.authority)
        !groups.any { it in exempt } && (enforced == null || groups.any { it in enforced })
    } catch (org.springframework.security.core.AuthenticationException unknownToRealm) { false }
}
def found = User.getAll().findAll { user -> !(user.id in ['SYSTEM', asking]) && isAsked(user) && !kinds.any { user.getProperty(it)?.isConfigured() } }*.id.sort()
return [ok: true, users: found.take(input.most), more: Math.max(0, found.size() - input.most)]
