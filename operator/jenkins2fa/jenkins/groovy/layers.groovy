/** The plugin's settings as each layer holds them: disk, memory, live flag. Reads only. */
class Layers {
    static final String LIVE = 'ENABLE_MO_TFA_AUTHENTICATION'

    static Class load(String name) { Jenkins.get().pluginManager.uberClassLoader.loadClass("io.jenkins.plugins.twofactor.jenkins.$name") }

    /** A class of the plugin, or null when the plugin is not there or has none of that name. */
    static Class find(String name) { try { load(name) } catch (ClassNotFoundException absent) { null } }

    static boolean isPresent() { find('MoGlobalConfig')?.get() != null }

    static getConfig() { load('MoGlobalConfig').get() }

    static Map getLive() { load('MoFilter').moPluginSettings }

    static boolean isEffective() {
        live[LIVE] && (config.isEnableSecurityQuestionsAuthentication() || config.isEnableOtpOverEmailAuthentication() || Premium.hasFactor(config))
    }

    static Map memory() {
        def held = config, otp = held.otpOverEmailDto, mail = held.advancedSettingsDTO
        [enabled          : held.enableTfa,
         securityQuestions: held.isEnableSecurityQuestionsAuthentication(),
         emailOTP         : otp == null ? null : [enabled: otp.isEnabled, sender: otp.senderEmailAddress],
         mail             : mail == null ? null : [subject: mail.customOTPEmailSubject, template: mail.customOTPEmailTemplate]] + Premium.memory(held)
    }

    static File getFile() { config.configFile.file }

    /** The disk layer in the shape of `memory`, or null when the file was never written. */
    static Map disk() {
        if (!file.file) return null
        def xml = new XmlSlurper().parse(file)
        def text = { node -> node.isEmpty() ? null : node.text() }
        def otp = xml.otpOverEmailDto, mail = xml.moAdvancedSettingsDTO
        [enabled          : text(xml.enableTfa) == 'true',
         securityQuestions: text(xml.enableSecurityQuestionsAuthentication) == 'true',
         emailOTP         : otp.isEmpty() ? null : [enabled: text(otp.isEnabled) == 'true', sender: text(otp.senderEmailAddress)],
         mail             : mail.isEmpty() ? null : [subject: text(mail.customOTPEmailSubject), template: text(mail.customOTPEmailTemplate)]] + Premium.disk(config, xml)
    }
}
