/*
 * Names the users without a second factor. Never writes; run only when a person asks for names on his own machine.
 * Input: most (how many names at most). Returns users (ids, sorted) and more (how many were left out).
 */
import hudson.model.User

def load = { String name -> try { jenkins.model.Jenkins.get().pluginManager.uberClassLoader.loadClass(name) } catch (ClassNotFoundException absent) { null } }
def kinds = ['MoSecurityQuestionConfig', 'MoOtpOverEmailConfig'].collect { load("io.jenkins.plugins.twofactor.jenkins.tfaMethodsConfig.$it") }.findAll()
def found = User.getAll().findAll { user -> user.id != 'SYSTEM' && !kinds.any { user.getProperty(it)?.isConfigured() } }*.id.sort()
return [ok: true, users: found.take(input.most), more: Math.max(0, found.size() - input.most)]
