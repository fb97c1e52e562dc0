/**
 * The properties of other editions that the installed plugin has, found by reflection. Only their names are known, so
 * only plain types are read and written, and a property that is not found, or has another type, stays untouched.
 * A role is the property's known name, or a name of ours where none is known.
 */
class Premium {
    /** In settings, journal and restore point a role is a key of its own, so that each is undone by itself. */
    static final String KEY = 'property:'
    static final List FACTORS = ['enableMobileAuthenticator', 'enableDuoPush', 'enableOtpOverSms', 'backupCodes',
                                 'webAuthn', 'yubiKey']
    static final List NAMED = ['enableTfaForGroups', 'skipTfaForGroups', 'enableMobileAuthenticator', 'enableDuoPush',
                               'enableOtpOverSms', 'enableRememberMe', 'enforceRestApi2fa', 'skipRestApi2faForTokens',
                               'duoAutoPushForRestApi', 'enableTfaOnBuild']
    /** Found only if exactly one property matches the pattern and has one of the types. */
    static final Map LIKE = [
        smsGateway      : [/(?i)(sms\w*gateway|gateway\w*sms)/, ['text', 'choice']],
        rememberDuration: [/(?i)\w*remember\w*duration/, ['number']],
        rememberUnit    : [/(?i)\w*remember\w*unit/, ['text', 'choice']],
        backupCodes     : [/(?i)enable\w*backup_?codes?\w*/, ['switch']],
        webAuthn        : [/(?i)enable\w*webauthn\w*/, ['switch']],
        yubiKey         : [/(?i)enable\w*yubi_?key\w*/, ['switch']],
    ]
    static final String SECRET = /(?i).*(secret|password|credential|token|apikey|auth_?key).*/

    final String role, name, kind
    final boolean writable, stored
    final List choices
    private final getter, setter, field

    private Premium(String role, String name, getter, setter, field) {
        this.role = role
        this.name = name
        def type = getter?.returnType ?: field.type
        kind = kindOf(type)
        this.getter = getter
        this.field = field?.type == type || field != null && kindOf(field.type) == kind ? field : null
        this.setter = setter != null && kindOf(setter.parameterTypes[0]) == kind ? setter : null
        def isSettable = this.field != null && !java.lang.reflect.Modifier.isFinal(field.modifiers)
        writable = kind != 'other' && (this.setter != null || isSettable)
        stored = this.field != null && !java.lang.reflect.Modifier.isTransient(field.modifiers)
        choices = kind == 'choice' ? type.enumConstants*.name() : []
    }

    static String editionOf(config) { of(config).any { it.role in NAMED } ? 'premium' : 'free' }

    private static volatile Map found = [:]

    /** Found once for each class of settings: a class does not change. */
    static List<Premium> of(config) {
        if (config == null) return []
        if (!found.type.is(config.class)) found = [type: config.class, list: findIn(config.class).asImmutable()]
        found.list
    }

    private static List<Premium> findIn(Class type) {
        def types = []
        for (def one = type; one.name.startsWith('io.jenkins.plugins.twofactor'); one = one.superclass) types << one
        def ofObjects = { !java.lang.reflect.Modifier.isStatic(it.modifiers) }
        def fields = types*.declaredFields.collectMany { it as List }.findAll(ofObjects)
        def methods = types*.declaredMethods.collectMany { it as List }.findAll {
            java.lang.reflect.Modifier.isPublic(it.modifiers) && ofObjects(it)
        }
        def find = { String role, String name ->
            def tail = name[0].toUpperCase() + name.substring(1)
            def getters = ["get$tail".toString(), "is$tail".toString()]
            def getter = methods.find { it.name in getters && it.parameterCount == 0 && it.returnType != void }
            def setter = methods.find { it.name == "set$tail".toString() && it.parameterCount == 1 }
            def field = fields.find { it.name == name }
            [getter, setter, field].findAll()*.setAccessible(true)
            field == null && (getter == null || setter == null) ? null : new Premium(role, name, getter, setter, field)
        }
        def named = NAMED.collect { find(it, it) }
        def read = methods*.name.findAll { it ==~ /(get|is)[A-Z]\w*/ }.collect { it.replaceFirst('^(get|is)', '') }
        def names = (fields*.name + read.collect { it[0].toLowerCase() + it.substring(1) }) as Set
        def alike = LIKE.collect { role, rule ->
            def candidates = names.findAll { it ==~ rule[0] && !(it in NAMED) }
            if (rule[1] != ['switch']) candidates = candidates.findAll { !(it ==~ SECRET) }
            def fit = candidates.collect { find(role, it) }.findAll { it?.kind in rule[1] }
            fit.size() == 1 ? fit[0] : null
        }
        (named + alike).findAll()
    }

    private static String kindOf(Class type) {
        if (type in [boolean, Boolean]) return 'switch'
        if (type == String) return 'text'
        if (type in [int, long, Integer, Long]) return 'number'
        type.enum ? 'choice' : 'other'
    }

    Map describe() { [role: role, name: name, kind: kind, writable: writable, stored: stored, choices: choices] }

    private read(config) {
        def held = getter != null ? getter.invoke(config) : field.get(config)
        kind == 'choice' ? held?.name() : held
    }

    private void write(config, value) {
        def type = setter != null ? setter.parameterTypes[0] : field.type
        def fit = value
        if (value == null && type.primitive) fit = kind == 'switch' ? false : 0
        else if (value != null && kind == 'choice') fit = Enum.valueOf(type, value)
        else if (value != null && kind == 'number') {
            fit = type.name.toLowerCase().endsWith('long') ? value.longValue() : value.intValue()
        }
        // an array of our own: a lone null would count as no arguments
        setter != null ? setter.invoke(config, [fit] as Object[]) : field.set(config, fit)
    }

    /** What memory holds, by key. Values of a type that is not plain are never read. */
    static Map memory(config) {
        of(config).findAll { it.kind != 'other' }.collectEntries { [KEY + it.role, it.read(config)] }
    }

    /** The same as the file holds it; only what is kept there under its own name. */
    static Map disk(config, xml) {
        of(config).findAll { it.kind != 'other' && it.stored }.collectEntries { one ->
            def node = xml."${one.name}"
            def text = node.isEmpty() ? null : node.text()
            def value = one.kind == 'switch' ? text == 'true' : one.kind == 'number' ? text as Long : text
            [KEY + one.role, text == null ? null : value]
        }
    }

    /** Writes what is named and still there; a property that is gone is seen when it is read back. */
    static void remember(config, Map wanted) {
        if (!wanted.keySet().any { it.startsWith(KEY) }) return
        def named = of(config).findAll { it.writable && wanted.containsKey(KEY + it.role) }
        named.findAll { it.read(config) != wanted[KEY + it.role] }.each { it.write(config, wanted[KEY + it.role]) }
    }

    static boolean hasFactor(config) {
        of(config).any { it.role in FACTORS && it.kind == 'switch' && it.read(config) }
    }
}
