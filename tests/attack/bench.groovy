import io.jenkins.plugins.twofactor.jenkins.*
import groovy.json.JsonOutput
import groovy.json.JsonSlurperClassic
import hudson.model.User
def given = new JsonSlurperClassic().parseText(new String('<GIVEN>'.decodeBase64(), 'UTF-8'))
def load = { jenkins.pluginManager.uberClassLoader.loadClass("io.jenkins.plugins.twofactor.jenkins.$it") }
def kinds = [SecurityQuestions: load('tfaMethodsConfig.MoSecurityQuestionConfig'), EmailOTP: load('tfaMethodsConfig.MoOtpOverEmailConfig')]
def fieldsOf = { type -> type.declaredFields.findAll { !java.lang.reflect.Modifier.isStatic(it.modifiers) && !it.synthetic }.each { it.accessible = true } }
def read = { object -> fieldsOf(object.class).collectEntries { [it.name, it.get(object)] } }
def write = { object, values -> fieldsOf(object.class).each { if (it.get(object) != values[it.name]) it.set(object, values[it.name]) } }
def blank = { type -> def maker = type.getDeclaredConstructor(); maker.accessible = true; maker.newInstance() }
def property = { id, type -> def user = User.getById(id, true); user.getProperty(type) ?: blank(type).with { user.addProperty(it); it } }
def live = MoFilter.moPluginSettings
def kept = [:]
def bench = [:]
def shown = { value -> value == null ? null : Integer.toHexString(value.toString().hashCode()) }

/** What can be changed, briefly; never a secret. */
bench.state = {
    def factors = given.users.collectEntries { id -> [id, kinds.collectEntries { name, type ->
        def at = property(id, type); [name, at.isConfigured() ? read(at).values().collect(shown).join('.') : 'none'] }] }
    stateOfJob() + [factors: factors,
     settings: [read(MoGlobalConfig.get()).collectEntries { key, value -> [key, value?.class?.name?.contains('.dto.') ? read(value) : value] }, live].toString(),
     token: given.users.collect { User.getById(it, true).getProperty(jenkins.security.ApiTokenProperty).tokenList.size() }]
}
/** From now on this is what a reset goes back to. */
bench.keep = {
    kept.settings = read(MoGlobalConfig.get()); kept.live = new HashMap(live)
    kept.factors = given.users.collectEntries { id -> [id, kinds.collectEntries { name, type -> [name, read(property(id, type))] }] }
    bench.reset()
}
/** The mailed codes that are still to be answered, by user. */
def codes = { load('tfaMethodsAuth.MoOtpOverEmailAuth').declaredFields.find { it.name == 'sentOtp' }?.with { accessible = true; get(null) } }
bench.forget = { // what the plugin keeps between requests of one person, and the mails
    try {
        def pages = hudson.ExtensionList.lookupSingleton(load('MoUserAuth'))
        given.users.each { id -> pages.cleanUserAuthResource(id) }
        given.users.each { id -> codes()?.remove(id) }
        def attempts = context.getAttribute('jenkins2fa')?.attempts // of the limits, nothing but a new day would do
        if (attempts) [attempts.users, attempts.addresses]*.clear()
    } catch (ClassNotFoundException | MissingMethodException | IllegalStateException none) { }
    if (jenkins.metaClass.hasProperty(jenkins, 'host')) jenkins.host.outbox.clear()
}
bench.reset = {
    resetJob()
    if (read(MoGlobalConfig.get()) != kept.settings) { write(MoGlobalConfig.get(), kept.settings); MoGlobalConfig.get().save() }
    if (live != kept.live) { live.clear(); live.putAll(kept.live) }
    given.users.each { id -> kinds.each { name, type ->
        def at = property(id, type)
        if (read(at) != kept.factors[id][name]) { write(at, kept.factors[id][name]); User.getById(id, true).save() }
    } }
    bench.forget()
    bench.state()
}
bench.enrolByMail = { ids -> ids.each { id -> def at = property(id, kinds.EmailOTP); fieldsOf(at.class).find { it.name == 'isConfigured' }.set(at, true); User.getById(id, true).save() } }
bench.code = { id ->
    if (!onStandIn) { // where they are kept, whether the mail was delivered or not: by the gate with the session, else by the plugin
        def sessions = context.getAttribute('jenkins2fa')?.marks?.with { it.@sessions.keySet() } ?: []
        def mailed = sessions.findResults { try { it.getAttribute("jenkins2fa.kept.$id") } catch (IllegalStateException ended) { null } }.findAll { it.code }
        return mailed.max { it.sent }?.code ?: codes().get(id)
    }
    def address = User.getById(id, true).getProperty(hudson.tasks.Mailer.UserProperty)?.address
    jenkins.host.outbox.findAll { it.to == address }.with { it ? (it.last().body =~ /\d{5}/)[0] : null }
}
bench.public = { on ->
    def entry = new org.jenkinsci.plugins.matrixauth.PermissionEntry(org.jenkinsci.plugins.matrixauth.AuthorizationType.USER, 'anonymous')
    def entries = jenkins.authorizationStrategy.grantedPermissionEntries
    on ? jenkins.authorizationStrategy.add(jenkins.READ, entry) : entries[jenkins.READ]?.remove(entry)
    null
}
given.users.each { onStandIn ? (User.getById(it, true).fullName = marker) : (User.getById(it, true).description = marker) }
User.getById(given.other, true).fullName = marker // not a sender's: a real Jenkins shows that on every page, refusals included
prepareJob()
context.setAttribute('attack.bench', [call: { name, arguments -> JsonOutput.toJson(bench[name](*arguments)) }])
print 'ready'
