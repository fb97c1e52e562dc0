/*
 * Runs a script of the operator that this Jenkins has compiled already; compiles it first if its text comes along.
 * Returns the line of the answer, with the id of the run of Jenkins (its session) in it, so that the operator does not
 * combine answers of two runs. `given` is JSON: nonce; script {name, sha256[, text]}; resident
 * {sha256[, text]} or absent; the rest is the script's own input. Compiled classes are kept in a servlet-context
 * attribute under the script's name; this one too (first_call.groovy, call.groovy). `plugin`: the short name of the
 * plugin that counts; absent: the one that is found. A gate that runs has it in its configuration, which only a trial
 * changes.
 */
def input = new groovy.json.JsonSlurperClassic().parseText(given)
def jenkins = jenkins.model.Jenkins.get()
def hasGetter = jenkins.metaClass.respondsTo(jenkins, 'getServletContext')
def context = hasGetter ? jenkins.getServletContext() : jenkins.servletContext
def kept = context.getAttribute('jenkins2fa.scripts')
def missing = []
def code = null
if (input.resident != null) {
    code = kept.get('resident')
    if (code?.code != input.resident.sha256) {
        if (input.resident.text == null) missing << 'resident'
        else {
            def shell = new GroovyShell(jenkins.pluginManager.uberClassLoader, new Binding(text: input.resident.text))
            kept.put('resident', code = shell.evaluate(input.resident.text, 'jenkins2fa_resident.groovy'))
        }
    }
}
if (code != null && input.plugin != null && code.shared.state.config == null) code.plugin.choose(input.plugin)
def script = kept.get(input.script.name)
if (script?.sha256 != input.script.sha256) {
    if (input.script.text == null) missing << input.script.name
    else {
        def file = "jenkins2fa_${input.script.name}.groovy".toString()
        def type = new GroovyShell(jenkins.pluginManager.uberClassLoader).parse(input.script.text, file).class
        kept.put(input.script.name, script = [sha256: input.script.sha256, type: type])
        def log = java.util.logging.Logger.getLogger('jenkins2fa')
        log.info("script ${input.script.name} ${input.script.sha256} compiled")
    }
}
def answer = [missing: missing]
if (!missing) {
    def run = script.type.newInstance()
    run.binding = new Binding(input: input, code: code)
    try { answer = run.run() }
    catch (Throwable problem) {
        answer = [ok: false, error: [type: problem.class.simpleName, message: String.valueOf(problem.message)]]
    }
}
"@@2FA ${input.nonce} ${groovy.json.JsonOutput.toJson([session: jenkins.SESSION_HASH] + answer)}"
