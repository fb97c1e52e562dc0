/*
 * Reads everything that the operator wants to know about 2FA in this Jenkins. Never writes.
 * Input: users (count enrolments); groups (names: is anybody known to be in them?). Returns a map; a part that failed is [error: ...].
 */
import hudson.model.User
import jenkins.model.Jenkins

// include premium.groovy

/** Property names of the free edition, and what makes it this plugin. */
class Known {
    static final List FREE = ['enableTfa', 'enableSecurityQuestionsAuthentication', 'otpOverEmailDto', 'moAdvancedSettingsDTO']
    /** What the writing scripts touch: a plugin that lacks one of these is another plugin for us. */
    static final Map MEMBERS = [
        'MoGlobalConfig'         : ['get', 'getEnableTfa', 'setEnableTfa', 'isEnableSecurityQuestionsAuthentication', 'setEnableSecurityQuestionsAuthentication',
                                    'isEnableOtpOverEmailAuthentication', 'getOtpOverEmailDto', 'getAdvancedSettingsDTO', 'otpOverEmailDto', 'moAdvancedSettingsDTO'],
        'MoFilter'               : ['doFilter', 'moPluginSettings'],
        'dto.MoOtpOverEmailDto'  : ['getIsEnabled', 'getSenderEmailAddress'],
        'dto.MoAdvanceSettingsDTO': ['getCustomOTPEmailSubject', 'getCustomOTPEmailTemplate'],
    ]
}

def jenkins = Jenkins.get()
def load = { String name -> try { jenkins.pluginManager.uberClassLoader.loadClass(name) } catch (ClassNotFoundException absent) { null } }
def plugins = { String name -> load("io.jenkins.plugins.twofactor.jenkins.$name") }
def sha256 = { byte[] bytes -> java.security.MessageDigest.getInstance('SHA-256').digest(bytes).encodeHex().toString() }
def json = { File file -> file.file ? new groovy.json.JsonSlurperClassic().parse(file, 'UTF-8') : null }
def attempt = { Closure part -> try { part() } catch (Throwable problem) { [error: [type: problem.class.simpleName, message: String.valueOf(problem.message)]] } }

def type = plugins('MoGlobalConfig')
def config = type?.get()
def context = jenkins.metaClass.respondsTo(jenkins, 'getServletContext') ? jenkins.getServletContext() : jenkins.servletContext
def state = context.getAttribute('jenkins2fa') ?: [:]
def answer = [ok: true]

answer.jenkins = [version: Jenkins.VERSION, session: Jenkins.SESSION_HASH, rootUrl: jenkins.rootUrl, quietingDown: jenkins.quietingDown, now: System.currentTimeMillis(),
                  identity: sha256(jenkins.legacyInstanceId.getBytes('UTF-8')).take(16), securityRealm: jenkins.securityRealm.class.simpleName]
answer.self = [id: User.current()?.id]

def wrapper = jenkins.pluginManager.getPlugin('miniorange-two-factor')
answer.plugin = attempt {
    def missing = type == null ? [] : Known.MEMBERS.collectMany { name, members ->
        def found = plugins(name)
        if (found == null) return [name]
        def have = (found.methods*.name + found.declaredFields*.name) as Set
        members.findAll { !(it in have) && !("is${it.drop(3)}".toString() in have) }.collect { "$name.$it".toString() }
    }
    def has = { String name -> type.declaredFields.any { it.name == name } || type.metaClass.hasProperty(config, name) }
    def more = Premium.of(config)
    [installed: wrapper != null, active: wrapper?.active ?: false, version: wrapper?.version, missing: missing, properties: config == null ? [] : Known.FREE.findAll(has),
     premium: more*.describe(), edition: config == null ? null : (more.any { it.role in Premium.NAMED } ? 'premium' : 'free')]
}

answer.layers = attempt {
    if (config == null) return null
    def otp = config.otpOverEmailDto, mail = config.advancedSettingsDTO
    def memory = [enabled: config.enableTfa, securityQuestions: config.isEnableSecurityQuestionsAuthentication(),
                  emailOTP: otp == null ? null : [enabled: otp.isEnabled, sender: otp.senderEmailAddress],
                  mail: mail == null ? null : [subject: mail.customOTPEmailSubject, template: mail.customOTPEmailTemplate]] + Premium.memory(config)
    def file = config.configFile.file
    def disk = null
    if (file.file) {
        def xml = new XmlSlurper().parse(file)
        def text = { node -> node.isEmpty() ? null : node.text() }
        disk = [enabled: text(xml.enableTfa) == 'true', securityQuestions: text(xml.enableSecurityQuestionsAuthentication) == 'true',
                emailOTP: xml.otpOverEmailDto.isEmpty() ? null : [enabled: text(xml.otpOverEmailDto.isEnabled) == 'true', sender: text(xml.otpOverEmailDto.senderEmailAddress)],
                mail: xml.moAdvancedSettingsDTO.isEmpty() ? null : [subject: text(xml.moAdvancedSettingsDTO.customOTPEmailSubject), template: text(xml.moAdvancedSettingsDTO.customOTPEmailTemplate)]] + Premium.disk(config, xml)
    }
    [disk: disk, memory: memory, live: plugins('MoFilter').moPluginSettings['ENABLE_MO_TFA_AUTHENTICATION']]
}

answer.gate = attempt {
    def list = hudson.util.PluginServletFilter.getInstance(context).list as List
    def isPlugins = { filter ->
        filter.class.name.endsWith('.MoFilter') || (filter.class.name.startsWith('io.jenkins.servlet.FilterWrapper') &&
            filter.class.declaredFields.any { it.accessible = true; it.get(filter)?.class?.name?.endsWith('.MoFilter') })
    }
    def isGate = { filter -> java.lang.reflect.Proxy.isProxyClass(filter.class) && filter.toString() == 'jenkins2fa-gate' }
    def gates = list.findIndexValues(isGate), theirs = list.findIndexValues(isPlugins)
    def script = new File(jenkins.rootDir, 'init.groovy.d/jenkins2fa.groovy')
    [installed: gates.size(), position: gates ? gates[0] : null, pluginFilters: theirs.size(), beforePlugin: gates && theirs ? gates[0] < theirs[0] : null,
     foreign: gates && state.gate != null && !list[gates[0] as int].is(state.gate), code: state.code, config: state.config?.raw, errors: state.gateErrors ?: 0, lastError: state.gateError,
     seenGroups: (state.seenGroups ?: []) as List, startup: [code: script.file ? sha256(script.bytes) : null, config: attempt { json(new File(jenkins.rootDir, 'jenkins2fa/gate.json')) }]]
}
answer.trial = attempt {
    def kept = json(new File(jenkins.rootDir, 'jenkins2fa/trial.json'))
    def pending = state.trial ?: (kept?.session == Jenkins.SESSION_HASH && kept.id == state.lastTrial?.id ? null : kept)
    [pending: pending == null ? null : [id: pending.id, until: pending.until, stale: pending.session != Jenkins.SESSION_HASH], last: state.lastTrial]
}
answer.state = attempt { json(new File(jenkins.rootDir, 'jenkins2fa/state.json'))?.subMap(['owner', 'deletionPolicy', 'breakGlass', 'corrections']) }
answer.breakGlass = attempt {
    def note = json(new File(jenkins.rootDir, 'jenkins2fa/break-glass.json'))
    state.breakGlassTimer == null ? null : note?.subMap(['until', 'reason']) // without its timer it is what a restart has left: nothing is open
}
answer.mailer = attempt {
    def mailer = jenkins.getDescriptor('hudson.tasks.Mailer')
    [installed: mailer != null, smtpHost: mailer == null ? false : mailer.smtpHost as boolean]
}
answer.configurationAsCode = attempt {
    def casc = load('io.jenkins.plugins.casc.ConfigurationAsCode')
    if (casc == null) return null
    def files = (casc.get().sources as List).collect { new File(it) }.collectMany { it.directory ? it.listFiles().findAll { f -> f.name ==~ /.*\.ya?ml/ } : [it] }
    def managed = files.any { it.file && it.getText('UTF-8') =~ /(?m)^\s+moGlobalConfig:/ }
    [managed: managed ?: (files.every { it.file } ? false : null)]
}
answer.enrolment = attempt {
    def questions = plugins('tfaMethodsConfig.MoSecurityQuestionConfig')
    [securityQuestions: questions == null ? null : (User.current()?.getProperty(questions)?.isConfigured() ?: false)]
}
if (input.groups) answer.groups = attempt {
    def strategy = jenkins.securityRealm.groupIdStrategy
    def wanted = input.groups.collectEntries { [strategy.keyFor(it), it] }, found = [] as Set
    found.addAll((state.seenGroups ?: []).findAll { wanted.containsKey(it) })
    if (wanted.containsKey(strategy.keyFor('authenticated'))) found << strategy.keyFor('authenticated')
    for (user in User.getAll()) {
        if (found.size() == wanted.size()) break
        try { user.authorities.each { def key = strategy.keyFor(it); if (wanted.containsKey(key)) found << key } } catch (Throwable unknownToRealm) { }
    }
    [known: found.collect { wanted[it] }.findAll().sort()]
}
if (input.users) answer.users = attempt {
    def questions = plugins('tfaMethodsConfig.MoSecurityQuestionConfig'), email = plugins('tfaMethodsConfig.MoOtpOverEmailConfig'), mail = load('hudson.tasks.Mailer$UserProperty')
    def has = { user, property -> property != null && user.getProperty(property)?.isConfigured() }
    def counts = [total: 0, securityQuestions: 0, emailOTP: 0, notEnrolled: 0, withoutAddress: 0, administrators: 0, administratorsNotEnrolled: 0]
    User.getAll().findAll { it.id != 'SYSTEM' }.each { user ->
        def asks = has(user, questions), mails = has(user, email)
        counts.total++
        if (asks) counts.securityQuestions++
        if (mails) counts.emailOTP++
        if (!asks && !mails) counts.notEnrolled++
        try {
            if (jenkins.ACL.hasPermission2(user.impersonate2(), Jenkins.ADMINISTER)) {
                counts.administrators++
                if (!asks && !mails) counts.administratorsNotEnrolled++
            }
        } catch (org.springframework.security.core.AuthenticationException unknownToRealm) { }
        if (mail != null && !user.getProperty(mail)?.address) counts.withoutAddress++
    }
    counts
}
return answer
